"""Conditions as people write them: what is read, and everything that is refused, each fault at its place."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from schemas.definitions import parse
from schemas.definitions.conditions import (
    And,
    Between,
    Comparison,
    EventName,
    Everyone,
    InSegment,
    Leaf,
    Not,
    Performed,
    Regularly,
    SinceEntry,
    Sliding,
    Trait,
    canonical,
    in_run,
    leaves,
    parse_condition,
    references,
)
from schemas.definitions.segment import Segment
from schemas.errors import InvalidInput
from schemas.times import DAY, parse_instant

# DESIGN §5, the table of leaves: each example as it stands there
EXAMPLES: list[dict[str, Any]] = [
    {"trait": "plan", "op": "eq", "value": "gold"},
    {
        "performed": "order_completed",
        "where": [{"property": "total", "op": "gt", "value": 100}],
        "count": {"op": "gte", "value": 3},
        "within": "30d",
    },
    {"performed": "a", "within": {"from": "60d", "to": "30d"}},
    {"performed": "a", "between": ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]},
    {"performed": "a", "sum": {"property": "total", "op": "gte", "value": 50000}},
    {"first_performed": "login", "within": "7d"},
    {"last_performed": "order_completed", "has": [{"property": "total", "op": "exists"}]},
    {"sequence": [{"performed": "a"}, {"performed": "b"}], "within": "7d"},
    {"regularly": "login", "period": "7d", "periods": 4, "at_least": 3},
    {"message": "opened", "channel": "email", "campaign": "spring", "within": "14d"},
    {"segment": "vip"},
    {"snapshot": "vip-2026-11"},
    {"score": "churn", "op": "gte", "value": 70},
    {"consent": "email", "topic": "news"},
    {"reachable": "email"},
    {"suppressed": "email"},
    {"bucket": [0, 10], "salt": "q4"},
    {"everyone": True},
]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: next(iter(e)))
def test_every_example_of_the_design_is_read(example: dict[str, Any]) -> None:
    (leaf,) = leaves(parse_condition({"and": [{"not": example}]}))
    assert canonical(leaf)


def test_durations_and_instants_are_read_as_ms() -> None:
    between = {"performed": "a", "between": ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00+01:00"]}
    start, end = parse_instant("2026-01-01T00:00:00Z"), parse_instant("2026-01-31T23:00:00Z")
    assert parse_condition(between) == Performed(EventName("a"), window=Between(start, end))
    two_ends = {"performed": {"starts_with": "a"}, "within": {"from": "60d", "to": "30d"}}
    assert parse_condition(two_ends) == Performed(EventName("a", prefix=True), window=Sliding(60 * DAY, 30 * DAY))
    held = {"trait": "plan", "op": "eq", "value": "gold", "for": "1w"}
    assert parse_condition(held) == Trait("plan", Comparison("eq", "gold"), held_for=7 * DAY)


def test_a_count_of_regularly_is_how_many_at_least() -> None:
    leaf = parse_condition({"regularly": "a", "period": "1d", "periods": 4, "count": 2})
    assert leaf == Regularly(EventName("a"), DAY, 4, 4, count=Comparison("gte", 2))


def test_one_meaning_has_one_canonical_form() -> None:
    one = parse_condition({"performed": "a", "within": "24h"})
    same = parse_condition({"within": "1d", "count": {"op": "gte", "value": 1}, "performed": "a", "where": []})
    assert isinstance(one, Performed)
    assert isinstance(same, Performed)
    assert canonical(one) == canonical(same)


# what is written, where the fault is, a part of its message
REFUSED: list[tuple[Any, str, str]] = [
    ({"and": []}, "where.and", "at least one condition"),
    ({"or": {}}, "where.or", "a list"),
    ({"and": [{"everyone": True}], "not": {"everyone": True}}, "where", "stands alone"),
    ({"nothing": 1}, "where", "one of and, or, not, trait"),
    ([], "where", "is an object"),
    ({"segment": "a", "everyone": True}, "where", "one leaf at a time"),
    ({"everyone": False}, "where.everyone", "True"),
    ({"everyone": True, "more": 1}, "where.more", "not known here"),
    ({"trait": "a", "op": "like", "value": 1}, "where.op", "'eq'"),
    ({"trait": "a", "op": "eq"}, "where.value", "compares with"),
    ({"trait": "a", "op": "eq", "value": None}, "where.value", "compares with"),
    ({"trait": "a", "op": "eq", "value": {"b": 1}}, "where.value", "compares with"),
    ({"trait": "a", "op": "gt", "value": "5"}, "where.value", "number"),
    ({"trait": "a", "op": "gt", "value": True}, "where.value", "number"),
    ({"trait": "a", "op": "gt", "value": float("inf")}, "where.value", "number"),
    ({"trait": "a", "op": "between", "value": [1]}, "where.value", "two numbers"),
    ({"trait": "a", "op": "between", "value": [2, 1]}, "where.value", "smaller number first"),
    ({"trait": "a", "op": "in", "value": []}, "where.value", "a list"),
    ({"trait": "a", "op": "in", "value": "a"}, "where.value", "a list"),
    ({"trait": "a", "op": "matches", "value": "(?=a)"}, "where.value", "RE2 refuses"),
    ({"trait": "a", "op": "matches", "value": r"(a)\1"}, "where.value", "RE2 refuses"),
    ({"trait": "a", "op": "starts_with", "value": 1}, "where.value", "string"),
    ({"trait": "a", "op": "before", "value": "soon"}, "where.value", "an instant"),
    ({"trait": "a", "op": "before", "value": "2026-02-30"}, "where.value", "an instant"),
    ({"trait": "a", "op": "within_last", "value": "7"}, "where.value", "no duration"),
    ({"trait": "a", "op": "within_next", "value": "0d"}, "where.value", "a duration"),
    ({"trait": "a", "op": "exists", "value": 1}, "where.value", "takes no value"),
    ({"trait": "a", "op": "eq", "value": "x", "ignore_case": True}, "where.ignore_case", "is for"),
    ({"trait": "a", "op": "eq", "value": "x", "offset": "1d"}, "where.offset", "anniversary"),
    ({"trait": "a", "op": "anniversary", "offset": "3h"}, "where.offset", "whole days"),
    ({"trait": "a", "op": "within_last", "value": "1d", "for": "1d"}, "where.for", "moves with time"),
    ({"trait": "a", "op": "anniversary", "for": "1d"}, "where.for", "moves with time"),
    ({"trait": "a", "op": "eq", "value": 1, "for": "x"}, "where.for", "no duration"),
    ({"trait": "a", "op": "eq", "value": 1, "held_for": "1d"}, "where.held_for", "not known here"),
    ({"trait": "", "op": "exists"}, "where.trait", "at least 1"),
    ({"performed": ""}, "where.performed", "event's name"),
    ({"performed": {"ends_with": "a"}}, "where.performed", "event's name"),
    ({"performed": "a", "within": "30 days"}, "where.within", "no duration"),
    ({"performed": "a", "within": {"from": "3d", "to": "3d"}}, "where.within", "longer"),
    ({"performed": "a", "within": {"from": "3d"}}, "where.within", "two ends"),
    ({"performed": "a", "within": "run"}, "where.within", "of a journey"),
    ({"performed": "a", "between": ["2026-01-01T00:00:00Z"] * 2}, "where.between", "before the second"),
    ({"performed": "a", "between": ["2026-01-01", "2026-01-02"]}, "where.between", "no offset"),
    (
        {"performed": "a", "within": "1d", "between": ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]},
        "where.between",
        "not both",
    ),
    ({"performed": "a", "count": {"op": "gte", "value": -1}}, "where.count.value", "whole numbers"),
    ({"performed": "a", "count": {"op": "gte", "value": 1.5}}, "where.count.value", "whole numbers"),
    ({"performed": "a", "count": {"op": "exists"}}, "where.count.op", "'eq'"),
    ({"performed": "a", "count": 3}, "where.count", "an object"),
    ({"performed": "a", "sum": {"property": "t", "op": "gt", "value": "1"}}, "where.sum.value", "number"),
    ({"performed": "a", "sum": {"op": "gt", "value": 1}}, "where.sum.property", "is missing"),
    (
        {"performed": "a", "count": {"op": "gt", "value": 1}, "max": {"property": "t", "op": "gt", "value": 1}},
        "where.max",
        "one measure",
    ),
    ({"performed": "a", "where": [{"property": "x", "op": "?"}]}, "where.where.0.op", "'eq'"),
    ({"sequence": []}, "where.sequence", "at least 1"),
    ({"sequence": [{"performed": "a", "within": "1d"}]}, "where.sequence.0.within", "not known here"),
    ({"regularly": "a", "period": "7d", "periods": 4, "at_least": 5}, "where.at_least", "at most 4"),
    ({"regularly": "a", "period": "7d", "periods": 0}, "where.periods", "must be at least 1"),
    ({"regularly": "a", "periods": 3}, "where.period", "is missing"),
    ({"message": "liked"}, "where.message", "'sent'"),
    ({"message": "opened", "channel": "fax"}, "where.channel", "'email'"),
    ({"segment": "a b"}, "where.segment", "1 to 100 letters"),
    ({"score": "churn", "op": "matches", "value": "1"}, "where.op", "'eq'"),
    ({"bucket": [10, 10]}, "where.bucket", "smaller number first"),
    ({"bucket": [0, 101]}, "where.bucket", "from 0 to 100"),
    ({"bucket": [1]}, "where.bucket", "at least 2"),
    ({"entry": "properties.total", "op": "exists"}, "where.entry", "of a journey"),
]


@pytest.mark.parametrize(("written", "path", "message"), REFUSED, ids=lambda v: str(v)[:60])
def test_a_fault_is_refused_at_its_place(written: Any, path: str, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_condition(written)
    faults = {v.path: v.message for v in refused.value.violations}
    assert list(faults) == [path]
    assert message in faults[path]


def test_ten_faults_get_ten_messages_with_their_paths() -> None:
    parts = [written for written, *_ in REFUSED if isinstance(written, dict) and "trait" in written][:10]
    with pytest.raises(InvalidInput) as refused:
        parse({"kind": "segment", "id": "bad", "where": {"or": [{"not": part} for part in parts]}})
    places = [v.path.rsplit(".", 1)[0] for v in refused.value.violations]
    assert places == [f"where.or.{i}.not" for i in range(10)]


def test_a_segment_says_who_belongs_in_one_way() -> None:
    assert parse({"kind": "segment", "id": "a", "static": True})
    for body in ({}, {"static": True, "where": {"everyone": True}}):
        with pytest.raises(InvalidInput, match="either a condition"):
            parse({"kind": "segment", "id": "a", **body})


def test_depth_has_no_limit() -> None:
    tree: Any = {"segment": "vip"}
    for _ in range(5_000):
        tree = {"and": [{"not": tree}]}
    condition = parse_condition(tree)
    assert references(condition) == {"vip"}
    assert isinstance(condition, And)
    assert isinstance(condition.parts[0], Not)


def test_leaves_come_from_left_to_right() -> None:
    tree = {"or": [{"segment": "a"}, {"and": [{"segment": "b"}, {"not": {"segment": "c"}}]}, {"everyone": True}]}
    found: list[Leaf] = [InSegment("a"), InSegment("b"), InSegment("c"), Everyone()]
    assert list(leaves(parse_condition(tree))) == found


def test_in_a_journeys_run_an_event_without_a_window_means_since_its_entry() -> None:
    assert parse_condition({"performed": "a"}, scope="run") == Performed(EventName("a"), window=SinceEntry())
    assert parse_condition({"performed": "a", "within": "1d"}, scope="run") == Performed(
        EventName("a"), window=Sliding(DAY)
    )
    written = {"and": [{"performed": "a", "within": "run"}, {"entry": "properties.total", "op": "gt", "value": 1}]}
    assert all(in_run(leaf) for leaf in leaves(parse_condition(written, scope="journey")))


def test_a_segment_a_thousand_levels_deep_is_a_definition() -> None:
    where: Any = {"everyone": True}
    for _ in range(1_000):
        where = {"and": [where]}
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)  # what JSON's encoders and decoders count; processes set it at their start
    try:
        found = parse({"kind": "segment", "id": "deep", "where": where})
        assert isinstance(found, Segment)
        assert found.where == where
    finally:
        sys.setrecursionlimit(limit)


def test_the_faults_of_a_segment_and_of_its_condition_come_together() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse({"kind": "segment", "id": "a b", "where": {"or": []}, "more": 1})
    assert {v.path for v in refused.value.violations} == {"id", "where.or", "more"}
