"""LANGUAGE.md on conditions: stream, batch and the naive oracle all say what was derived from each sentence by hand."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from schemas.definitions.conditions import parse_condition
from schemas.errors import InvalidInput
from tests.clickhouse import emptied
from tests.language.segments import REFUSED, STORIES
from tests.language.story import SIDES, Answers, Refused, Row, Story, ask

ROWS = [pytest.param(story, i, id=f"{story.name}: {row.says}") for story in STORIES for i, row in enumerate(story.rows)]


@cache
def answers(name: str) -> Answers:
    """Of a story, all rows at once."""
    with TemporaryDirectory() as folder:
        return ask(next(story for story in STORIES if story.name == name), Path(folder), emptied())


def expected(row: Row, side: str, when: str) -> list[str]:
    found = row.streamed.get(when) if side == "stream" else None
    return (row.members[when] if found is None else found).split()


@pytest.mark.parametrize(("story", "i"), ROWS)
def test_the_members_are_those_of_the_sentence(story: Story, i: int) -> None:
    row = story.rows[i]
    found = {(when, side): answers(story.name)[side][when][i] for when in row.members for side in SIDES}
    assert found == {(when, side): expected(row, side, when) for when, side in found}


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.says)
def test_what_is_refused_is_told_by_its_place(case: Refused) -> None:
    with pytest.raises(InvalidInput) as fault:
        parse_condition(case.where)
    assert tuple(violation.path for violation in fault.value.violations) == case.paths
