"""Explanations: each node's truth, what decided it, and when it can change by itself; what a leaf keeps."""

from __future__ import annotations

import re
from typing import Any

from flows.contact.replay import Line, replay
from flows.segments.engine import SECTION
from flows.segments.explain import explain
from flows.segments.footprint import footprint, too_large
from flows.segments.where import MISMATCHES
from schemas.definitions.conditions import parse_condition
from schemas.times import format_instant
from tests.flows.segments.lives import ANN, DAY, HOUR, T0, did, fact, says, segment


def told(where: Any, *lines: Line, at: int) -> dict[str, Any]:
    run = replay([segment(where)], sorted(lines, key=lambda line: line.logged_at), T0 + at)
    state, subject = run.open(ANN), run.subject(ANN)
    assert state is not None
    assert subject is not None
    return explain("tested", state.get(SECTION), subject, T0 + at, run.fold.definitions.at(T0 + at).segments)


def test_each_node_says_its_truth_and_what_decided_it() -> None:
    where = {
        "and": [
            {"trait": "plan", "op": "eq", "value": "gold"},
            {"not": {"performed": "a", "count": {"op": "gte", "value": 2}, "within": "1d"}},
        ]
    }
    found = told(where, says(0, plan="gold"), did("a", 10), did("a", 20), at=HOUR)
    trait, negation = found["why"]["parts"]
    assert (found["member"], found["why"]["is"], found["why"]["truth"]) == (False, "and", False)
    assert (trait["truth"], trait["value"]) == (True, "gold")
    (count,) = negation["parts"]
    assert (negation["truth"], count["truth"], count["count"]) == (False, True, 2)
    assert count["at"] == [format_instant(T0 + 10), format_instant(T0 + 20)]
    assert count["next_change"] == found["next_change"] == format_instant(T0 + DAY + 10)


def test_a_static_segment_says_who_put_the_contact_there_when() -> None:
    found = told(None, did("a", 0), fact("segment_added", 5, segment="tested"), at=10)
    assert (found["why"]["is"], found["why"]["truth"], found["why"]["added"]) == ("listed", True, True)
    assert found["why"]["at"] == format_instant(T0 + 5)


def test_any_depth_is_explained() -> None:
    where: dict[str, Any] = {"performed": "a"}
    for _ in range(30):
        where = {"or": [{"not": {"not": where}}]}
    found = told(where, did("a", 0), at=10)
    assert found["member"]
    assert found["why"]["truth"]


def test_a_string_where_a_number_was_expected_is_counted() -> None:
    before = MISMATCHES.total()
    told({"performed": "a", "where": [{"property": "n", "op": "gt", "value": 1}]}, did("a", 0, n="5"), at=10)
    told({"performed": "a", "sum": {"property": "n", "op": "gt", "value": 1}}, did("a", 0, n="5"), at=10)
    assert MISMATCHES.total() == before + 2


def test_what_a_leaf_keeps_is_told_and_too_much_is_refused_by_its_name() -> None:
    small = parse_condition({"performed": "a", "within": "30d"})
    assert [f.bytes for f in footprint(small)] == [12]
    assert too_large(small) == []
    large = parse_condition(
        {"or": [{"performed": "b"}, {"performed": "a", "count": {"op": "gte", "value": 10**6}, "within": "3650d"}]}
    )
    (fault,) = too_large(large, per_day=1_000)
    assert fault.path == "where"
    assert re.search(r'"text":"a".*keeps up to', fault.message)
