"""LANGUAGE, "Windows" and "Leaves" over events: when each begins and ends to hold, at the very millisecond."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.times import format_instant
from tests.flows.segments.lives import DAY, HOUR, SECOND, T0, did, fact, held, holds

A = did("a", 10)


def iso(after: int) -> str:
    return format_instant(T0 + after)


# Drawn in ms after T0. Each contact is first seen by `start` at 0 unless its events come earlier.
START = did("start", 0)
CASES: dict[str, tuple[Any, list[Any], list[tuple[int, int | None]]]] = {
    "an event exactly d old is out": ({"performed": "a", "within": "1s"}, [A], [(10, 1010)]),
    "of two the later keeps it in": ({"performed": "a", "within": "1s"}, [A, did("a", 500)], [(10, 1500)]),
    "back again after a gap": ({"performed": "a", "within": "1s"}, [A, did("a", 2000)], [(10, 1010), (2000, 3000)]),
    "a late event counts from when it is logged until d after it happened": (
        {"performed": "a", "within": "1s"},
        [did("a", 10, logged=400)],
        [(400, 1010)],
    ),
    "an event that comes after its window never counts": (
        {"performed": "a", "within": "1s"},
        [did("a", 10, logged=1010)],
        [],
    ),
    "two ends: in at `to`, out at `from`": (
        {"performed": "a", "within": {"from": "3s", "to": "1s"}},
        [A],
        [(1010, 3010)],
    ),
    "two ends, another one follows": (
        {"performed": "a", "count": {"op": "gte", "value": 2}, "within": {"from": "3s", "to": "1s"}},
        [A, did("a", 1000)],
        [(2000, 3010)],
    ),
    "between includes its start": ({"performed": "a", "between": [iso(10), iso(20)]}, [A], [(10, None)]),
    "between excludes its end": ({"performed": "a", "between": [iso(0), iso(10)]}, [A], []),
    "between excludes what is before": ({"performed": "a", "between": [iso(11), iso(20)]}, [A], []),
    "ever": ({"performed": "a"}, [A], [(10, None)]),
    "names that begin so": ({"performed": {"starts_with": "a"}}, [did("b", 5), did("abc", 7)], [(7, None)]),
    "three of them": (
        {"performed": "a", "count": {"op": "gte", "value": 3}, "within": "1s"},
        [A, did("a", 100), did("a", 200), did("a", 300)],
        [(200, 1100)],
    ),
    "more than two": (
        {"performed": "a", "count": {"op": "gt", "value": 2}, "within": "1s"},
        [A, did("a", 100), did("a", 200)],
        [(200, 1010)],
    ),
    "exactly one": (
        {"performed": "a", "count": {"op": "eq", "value": 1}, "within": "1s"},
        [A, did("a", 500)],
        [(10, 500), (1010, 1500)],
    ),
    "none at all holds for those without": (
        {"performed": "a", "count": {"op": "eq", "value": 0}, "within": "1s"},
        [START, A],
        [(0, 10), (1010, None)],
    ),
    "fewer than two": (
        {"performed": "a", "count": {"op": "lt", "value": 2}, "within": "1s"},
        [START, A, did("a", 20)],
        [(0, 20), (1010, None)],
    ),
    "one or three": (
        {"performed": "a", "count": {"op": "in", "value": [1, 3]}, "within": "1s"},
        [A, did("a", 20), did("a", 30), did("a", 40)],
        [(10, 20), (30, 40), (1010, 1020), (1030, 1040)],
    ),
    "two events of one instant leave together": (
        {"performed": "a", "count": {"op": "gte", "value": 1}, "within": "1s"},
        [did("a", 10, n=1), did("a", 10, n=2)],
        [(10, 1010)],
    ),
    "sum": (
        {"performed": "a", "sum": {"property": "n", "op": "gte", "value": 5}, "within": "1s"},
        [did("a", 10, n=2), did("a", 100, n=3), did("a", 200, n="9"), did("a", 300, n=-1)],
        [(100, 300)],
    ),
    "sum of nothing is 0": (
        {"performed": "a", "sum": {"property": "n", "op": "eq", "value": 0}},
        [START, did("a", 10, n=1)],
        [(0, 10)],
    ),
    "a sum of decimals is exact": (
        {"performed": "a", "sum": {"property": "n", "op": "eq", "value": 0.3}},
        [did("a", 10, n=0.1), did("a", 20, n=0.2)],
        [(20, None)],
    ),
    "a sum of integers is exact beyond 2^53": (
        {"performed": "a", "sum": {"property": "n", "op": "gt", "value": 2**53}},
        [did("a", 10, n=2**53), did("a", 20, n=1)],
        [(20, None)],
    ),
    "avg": (
        {"performed": "a", "avg": {"property": "n", "op": "gte", "value": 2}, "within": "1s"},
        [did("a", 10, n=1), did("a", 100, n=3), did("a", 1050, n=0)],
        [(100, 1050)],
    ),
    "avg of nothing is missing": (
        {"performed": "a", "avg": {"property": "n", "op": "lt", "value": 2}},
        [START, did("a", 10, n="1")],
        [],
    ),
    "and `ne` holds of what is missing": (
        {"performed": "a", "max": {"property": "n", "op": "ne", "value": 2}},
        [START, did("a", 10, n=2)],
        [(0, 10)],
    ),
    "min": (
        {"performed": "a", "min": {"property": "n", "op": "lte", "value": 2}, "within": "1s"},
        [did("a", 10, n=2), did("a", 100, n=3)],
        [(10, 1010)],
    ),
    "max": (
        {"performed": "a", "max": {"property": "n", "op": "lt", "value": 3}, "within": "1s"},
        [did("a", 10, n=2), did("a", 100, n=3), did("a", 200, n=1)],
        [(10, 100), (1100, 1200)],
    ),
    "distinct counts different values of JSON's types": (
        {"performed": "a", "distinct": {"property": "n", "op": "gte", "value": 3}},
        [did("a", 10, n=1), did("a", 20, n=1.0), did("a", 30, n="1"), did("a", 40, n=[1]), did("a", 50, n=True)],
        [(50, None)],
    ),
    "distinct in a window: the last of each value counts": (
        {"performed": "a", "distinct": {"property": "n", "op": "gte", "value": 2}, "within": "1s"},
        [did("a", 10, n=1), did("a", 20, n=2), did("a", 500, n=1)],
        [(20, 1020)],
    ),
    "where on a nested property": (
        {"performed": "a", "where": [{"property": "x.y", "op": "eq", "value": 1}]},
        [did("a", 10, x={"y": 2}), did("a", 20, x={"y": 1})],
        [(20, None)],
    ),
    "a string where a number was expected is false": (
        {"performed": "a", "where": [{"property": "n", "op": "gt", "value": 1}]},
        [did("a", 10, n="5")],
        [],
    ),
    "where on a date that comes near": (
        {"performed": "a", "where": [{"property": "day", "op": "within_next", "value": "1h"}]},
        [did("a", 10, day=iso(2 * HOUR))],
        [(HOUR, 2 * HOUR)],
    ),
    "first performed: only the first ever": (
        {"first_performed": "a", "within": "1s"},
        [A, did("a", 5000)],
        [(10, 1010)],
    ),
    "first performed: a late one comes before": (
        {"first_performed": "a", "within": "1s"},
        [did("a", 900), did("a", 10, logged=950)],
        [(900, 1010)],
    ),
    "first performed that matches": (
        {"first_performed": "a", "where": [{"property": "n", "op": "eq", "value": 1}], "within": "1s"},
        [A, did("a", 2000, n=1)],
        [(2000, 3000)],
    ),
    "first performed in a window with two ends": (
        {"first_performed": "a", "within": {"from": "3s", "to": "1s"}},
        [A, did("a", 1500)],
        [(1010, 3010)],
    ),
    "last performed: the latest has it": (
        {"last_performed": "a", "has": [{"property": "n", "op": "eq", "value": 1}]},
        [did("a", 10, n=1), did("a", 20, n=2), did("a", 30, n=1)],
        [(10, 20), (30, None)],
    ),
    "last performed: of one instant the later in the log": (
        {"last_performed": "a", "has": [{"property": "n", "op": "eq", "value": 1}]},
        [did("a", 10, n=2), did("a", 10, logged=15, n=1)],
        [(15, None)],
    ),
    "last performed: a late one is not the latest": (
        {"last_performed": "a", "has": [{"property": "n", "op": "eq", "value": 1}]},
        [did("a", 10, n=1), did("a", 5, logged=20, n=2)],
        [(10, None)],
    ),
    "last performed: the latest of all lies in the window": (
        {"last_performed": "a", "within": {"from": "3s", "to": "1s"}},
        [A, did("a", 1500)],
        [(1010, 1500), (2500, 4500)],
    ),
    "last performed: the latest must lie in between": (
        {"last_performed": "a", "between": [iso(0), iso(20)]},
        [A, did("a", 30)],
        [(10, 30)],
    ),
    "in order": ({"sequence": [{"performed": "a"}, {"performed": "b"}]}, [A, did("b", 20)], [(20, None)]),
    "in the other order": ({"sequence": [{"performed": "a"}, {"performed": "b"}]}, [did("b", 5), A], []),
    "at the same instant is not later": ({"sequence": [{"performed": "a"}, {"performed": "b"}]}, [A, did("b", 10)], []),
    "none is used twice": ({"sequence": [{"performed": "a"}, {"performed": "a"}]}, [A, did("a", 11)], [(11, None)]),
    "in order, all in the window": (
        {"sequence": [{"performed": "a"}, {"performed": "b"}], "within": "1s"},
        [A, did("b", 1009), did("b", 1500)],
        [(1009, 1010)],
    ),
    "in order, at most gap later": (
        {"sequence": [{"performed": "a"}, {"performed": "b"}], "gap": "1s"},
        [A, did("b", 1011)],
        [],
    ),
    "in order, exactly gap later": (
        {"sequence": [{"performed": "a"}, {"performed": "b"}], "gap": "1s"},
        [A, did("b", 1010)],
        [(1010, None)],
    ),
    "gap is from the step before": (
        {"sequence": [{"performed": "a"}, {"performed": "b"}, {"performed": "c"}], "gap": "1s"},
        [A, did("b", 500), did("b", 1000), did("c", 2000)],
        [(2000, None)],
    ),
    "a late first step completes it": (
        {"sequence": [{"performed": "a"}, {"performed": "b"}]},
        [did("b", 20), did("a", 10, logged=30)],
        [(30, None)],
    ),
    "regularly: periods are counted back from now": (
        {"regularly": "a", "period": "1s", "periods": 3, "at_least": 2},
        [A, did("a", 1010)],
        [(1010, 3010)],
    ),
    "regularly: two in one period are one period": (
        {"regularly": "a", "period": "1s", "periods": 2},
        [A, did("a", 20)],
        [(1010, 1020)],
    ),
    "regularly: enough in each": (
        {"regularly": "a", "period": "1s", "periods": 1, "count": 2},
        [A, did("a", 500)],
        [(500, 1010)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_leaf_holds_from_and_until_the_very_millisecond(name: str) -> None:
    where, lines, spans = CASES[name]
    assert held(where, *lines) == spans


@pytest.mark.parametrize("name", CASES)
def test_its_negation_holds_where_it_does_not(name: str) -> None:
    where, lines, spans = CASES[name]
    first = min(line.logged_at for line in lines) - T0
    edges = [edge for span in spans for edge in span if edge is not None]
    if edges[:1] == [first]:
        edges = edges[1:]
    else:
        edges = [first, *edges]
    pairs = [(edges[i], edges[i + 1] if i + 1 < len(edges) else None) for i in range(0, len(edges), 2)]
    assert held({"not": where}, *lines) == pairs


def test_what_comes_in_another_order_counts_alike() -> None:
    where = {"performed": "a", "count": {"op": "gte", "value": 2}, "within": "1s"}
    late = [did("a", 500), did("a", 10, logged=600), did("a", 700, logged=800)]
    assert held(where, *late) == [(600, 1500)]


def test_the_same_message_counts_once() -> None:
    assert not holds({"performed": "a", "count": {"op": "gte", "value": 2}}, A, A._replace(logged_at=A.logged_at + 5))


def email(outcome: str, after: int, **properties: Any) -> Any:
    return fact(f"email_{outcome}", after, **properties)


MESSAGES: dict[str, tuple[Any, list[Any], bool]] = {
    "of its channel": ({"message": "opened", "channel": "email"}, [email("opened", 0)], True),
    "of another channel": ({"message": "opened", "channel": "sms"}, [email("opened", 0)], False),
    "of any channel": ({"message": "delivered"}, [fact("sms_delivered", 0)], True),
    "of another outcome": ({"message": "clicked"}, [email("opened", 0)], False),
    "of the campaign": ({"message": "opened", "campaign": "x"}, [email("opened", 0, campaign="x")], True),
    "of another campaign": ({"message": "opened", "campaign": "x"}, [email("opened", 0, campaign="y")], False),
    "of no campaign": ({"message": "opened", "campaign": "x"}, [email("opened", 0)], False),
    "of the campaign but another node": (
        {"message": "opened", "campaign": "x", "node": "n"},
        [email("opened", 0, campaign="x", node="m")],
        False,
    ),
    "by a machine": ({"message": "opened"}, [email("opened", 0, machine=True)], False),
    "by a machine, asked for": ({"message": "opened", "machines": True}, [email("opened", 0, machine=True)], True),
    "by no machine": ({"message": "opened"}, [email("opened", 0, machine=False)], True),
    "machines count where they answer nothing": ({"message": "sent"}, [email("sent", 0, machine=True)], True),
    "twice": (
        {"message": "opened", "count": {"op": "gte", "value": 2}},
        [email("opened", 0), fact("sms_opened", 5)],
        True,
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_leaf_asks_the_outcome_and_what_sent_it(name: str) -> None:
    where, lines, expected = MESSAGES[name]
    assert holds(where, *lines) is expected


def test_a_message_leaves_its_window() -> None:
    assert held({"message": "opened", "within": "14d"}, email("opened", 7)) == [(7, 7 + 14 * DAY)]


def test_a_static_segment_has_those_who_were_added_last_by_at() -> None:
    added, removed = fact("segment_added", 10, segment="tested"), fact("segment_removed", 20, segment="tested")
    assert held(None, did("start", 0), added, removed) == [(10, 20)]
    late = fact("segment_added", 10, segment="tested")._replace(logged_at=T0 + 30)
    assert held(None, removed, late) == []
    assert held(None, fact("segment_added", 10, segment="other")) == []


def test_a_contact_enters_when_time_alone_lets_an_event_into_a_window_a_year_later() -> None:
    where = {"performed": "a", "within": {"from": "366d", "to": "365d"}}
    assert held(where, A, until=500 * DAY) == [(365 * DAY + 10, 366 * DAY + 10)]


def test_seconds_are_whole_where_they_are_written() -> None:
    assert held({"performed": "a", "within": "2s"}, A) == [(10, 10 + 2 * SECOND)]
