"""Every clause of LANGUAGE.md is quoted by a case, or held by a test elsewhere, or listed with why none can."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.language.elsewhere import HELD, SAYS_NOTHING
from tests.language.journeys import CASES
from tests.language.segments import REFUSED, STORIES
from tests.language.sentences import clauses, plain

ROOT = Path(__file__).resolve().parents[2]
QUOTED = {
    *(row.says for story in STORIES for row in story.rows),
    *(case.says for case in REFUSED),
    *(case.says for case in CASES),
}


@pytest.fixture(scope="module")
def page(shared: Path) -> str:
    return (shared / "LANGUAGE.md").read_text()


def covered(clause: str, quotes: set[str]) -> bool:
    return any(quote in clause or clause in quote for quote in map(plain, quotes))


def test_every_clause_is_held(page: str) -> None:
    known = QUOTED | HELD.keys() | SAYS_NOTHING.keys()
    assert [clause for clause in clauses(page) if not covered(clause, known)] == []


def test_every_quote_stands_in_the_text(page: str) -> None:
    text = plain(" ".join(line.removeprefix("- ") for line in page.splitlines()))
    assert [quote for quote in QUOTED | HELD.keys() | SAYS_NOTHING.keys() if plain(quote) not in text] == []


def test_what_is_said_to_say_nothing_is_not_held_by_a_case() -> None:
    assert SAYS_NOTHING.keys().isdisjoint(QUOTED | HELD.keys())


@pytest.mark.parametrize("quote", HELD)
def test_what_holds_a_clause_elsewhere_exists(quote: str) -> None:
    file, _, name = HELD[quote].partition("::")
    assert f"def {name}(" in (ROOT / file).read_text()


def test_a_page_is_cut_at_full_stops_and_semicolons_outside_of_code() -> None:
    assert clauses("# Not this\n\n- One; `a; b` is (c; d). `[e` too, `f)`; g.\nTwo.") == [
        "One;",
        "`a; b` is (c; d).",
        "`[e` too, `f)`;",
        "g.",
        "Two.",
    ]
