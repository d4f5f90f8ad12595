"""LANGUAGE, "Comparisons": each sentence, on traits, through the production fold."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.times import parse_instant
from tests.flows.segments.lives import DAY, HOUR, T0, did, held, holds, says

NOTHING: dict[str, Any] = {}
BIG = 2**53

# op and options, the trait's value (NOTHING: never said), whether it fits
VALUES: list[tuple[dict[str, Any], Any, bool]] = [
    ({"op": "eq", "value": 10}, 10, True),
    ({"op": "eq", "value": 10}, 10.0, True),
    ({"op": "eq", "value": 10}, "10", False),
    ({"op": "eq", "value": "10"}, 10, False),
    ({"op": "eq", "value": True}, True, True),
    ({"op": "eq", "value": True}, "true", False),
    ({"op": "eq", "value": True}, 1, False),
    ({"op": "eq", "value": 1}, True, False),
    ({"op": "eq", "value": 0}, False, False),
    ({"op": "eq", "value": ""}, "", True),
    ({"op": "eq", "value": ""}, NOTHING, False),
    ({"op": "eq", "value": "a"}, ["a"], False),
    ({"op": "ne", "value": "a"}, "b", True),
    ({"op": "ne", "value": "a"}, "a", False),
    ({"op": "ne", "value": "a"}, NOTHING, True),
    ({"op": "ne", "value": "a"}, 5, True),
    ({"op": "in", "value": ["a", 1]}, 1.0, True),
    ({"op": "in", "value": ["a", 1]}, True, False),
    ({"op": "in", "value": ["a", True]}, 1, False),
    ({"op": "in", "value": ["a", 1]}, NOTHING, False),
    ({"op": "in", "value": ["a", 1]}, ["a"], False),
    ({"op": "not_in", "value": ["a"]}, "a", False),
    ({"op": "not_in", "value": ["a"]}, NOTHING, True),
    ({"op": "gt", "value": 5}, 5, False),
    ({"op": "gt", "value": 5}, 5.000001, True),
    ({"op": "gte", "value": 5}, 5, True),
    ({"op": "gte", "value": 5}, "9", False),
    ({"op": "gte", "value": 0}, True, False),
    ({"op": "lt", "value": 5}, 5, False),
    ({"op": "lt", "value": 5}, NOTHING, False),
    ({"op": "lte", "value": 5}, 5, True),
    ({"op": "gt", "value": BIG}, BIG + 1, True),
    ({"op": "eq", "value": BIG}, BIG + 1, False),
    ({"op": "lt", "value": -BIG}, -BIG - 1, True),
    ({"op": "lte", "value": float(BIG)}, BIG + 1, False),
    ({"op": "between", "value": [1, 3]}, 1, True),
    ({"op": "between", "value": [1, 3]}, 3, True),
    ({"op": "between", "value": [1, 3]}, 3.1, False),
    ({"op": "between", "value": [1, 3]}, "2", False),
    ({"op": "contains", "value": "old"}, "Gold", True),
    ({"op": "contains", "value": "old"}, "GOLD", False),
    ({"op": "contains", "value": 7, "ignore_case": True}, [True, 7], True),
    ({"op": "contains", "value": "old", "ignore_case": True}, "GOLD", True),
    ({"op": "contains", "value": "ä", "ignore_case": True}, "ÄRGER", True),
    ({"op": "contains", "value": "a"}, ["b", "a"], True),
    ({"op": "contains", "value": "a"}, ["ab"], False),
    ({"op": "contains", "value": "a", "ignore_case": True}, ["A"], True),
    ({"op": "contains", "value": 1}, [True], False),
    ({"op": "contains", "value": 1}, [1.0], True),
    ({"op": "contains", "value": 1}, "1", False),
    ({"op": "not_contains", "value": "a"}, "b", True),
    ({"op": "not_contains", "value": "a"}, "a", False),
    ({"op": "not_contains", "value": "a"}, NOTHING, True),
    ({"op": "not_contains", "value": "a"}, 5, True),
    ({"op": "starts_with", "value": "Go"}, "Gold", True),
    ({"op": "starts_with", "value": "go"}, "Gold", False),
    ({"op": "starts_with", "value": "go", "ignore_case": True}, "Gold", True),
    ({"op": "starts_with", "value": "1"}, 10, False),
    ({"op": "ends_with", "value": "ld"}, "Gold", True),
    ({"op": "ends_with", "value": "LD"}, "Gold", False),
    ({"op": "ends_with", "value": "LD", "ignore_case": True}, "Gold", True),
    ({"op": "matches", "value": "o.d"}, "Gold!", True),
    ({"op": "matches", "value": "^o.d"}, "Gold!", False),
    ({"op": "matches", "value": "GOLD"}, "gold", False),
    ({"op": "matches", "value": "GOLD", "ignore_case": True}, "gold", True),
    ({"op": "matches", "value": "1"}, 1, False),
    ({"op": "exists"}, "", True),
    ({"op": "exists"}, False, True),
    ({"op": "exists"}, NOTHING, False),
    ({"op": "exists"}, None, False),
    ({"op": "missing"}, None, True),
    ({"op": "missing"}, NOTHING, True),
    ({"op": "missing"}, 0, False),
    ({"op": "before", "value": "2026-01-01T00:00:00Z"}, "2025-12-31T23:59:59.999Z", True),
    ({"op": "before", "value": "2026-01-01T00:00:00Z"}, "2026-01-01T00:00:00Z", False),
    ({"op": "after", "value": "2026-01-01T00:00:00Z"}, "2026-01-01T00:00:00.001Z", True),
    ({"op": "after", "value": "2026-01-01T00:00:00Z"}, "2026-01-01T00:00:00Z", False),
    ({"op": "after", "value": "2026-01-01T00:00:00Z"}, "2026-01-01T01:00:00.001+01:00", True),
    ({"op": "before", "value": "2026-01-02"}, "2026-01-01", True),
    ({"op": "before", "value": "2026-01-02"}, "2026-02-30", False),
    ({"op": "after", "value": "2026-01-02"}, "tomorrow", False),
    ({"op": "after", "value": "2026-01-02"}, 1893456000000, False),
]


@pytest.mark.parametrize(("test", "value", "fits"), VALUES, ids=lambda v: str(v))
def test_a_comparison_of_json_values(test: dict[str, Any], value: Any, fits: bool) -> None:
    said = says(0) if value is NOTHING else says(0, plan=value)
    assert holds({"trait": "plan", **test}, said) is fits


@pytest.mark.parametrize(("test", "value", "fits"), VALUES, ids=lambda v: str(v))
def test_and_of_a_property(test: dict[str, Any], value: Any, fits: bool) -> None:
    properties = {} if value is NOTHING else {"plan": value}
    assert holds({"performed": "a", "where": [{"property": "plan", **test}]}, did("a", 0, **properties)) is fits


def test_a_path_goes_through_objects_and_keys_hold_spaces_and_dollars() -> None:
    said = says(0, address={"city": "Bern"}, **{"first name": "Ann", "$x": 1})
    assert holds({"trait": "address.city", "op": "eq", "value": "Bern"}, said)
    assert holds({"trait": "address", "op": "exists"}, said)
    assert holds({"trait": "first name", "op": "eq", "value": "Ann"}, said)
    assert holds({"trait": "$x", "op": "eq", "value": 1}, said)


def test_a_change_above_the_path_is_a_change_of_it() -> None:
    where = {"trait": "address.city", "op": "eq", "value": "Bern"}
    assert held(where, says(0, address={"city": "Bern"}), says(10, address=None)) == [(0, 10)]
    assert held({"trait": "address", "op": "exists"}, says(0), says(10, address={"city": "Bern"})) == [(10, None)]


def test_a_late_identify_does_not_overwrite_what_is_newer() -> None:
    where = {"trait": "plan", "op": "eq", "value": "gold"}
    assert held(where, says(10, plan="gold"), says(5, logged=20, plan="silver")) == [(10, None)]
    assert held(where, says(10, plan="silver"), says(10, logged=20, plan="gold")) == [(20, None)]


WINTER, SUMMER = parse_instant("2026-01-15T00:00:00Z") - T0, parse_instant("2026-07-15T00:00:00Z") - T0

# where, traits, spans; everything is said at 0
TIMES: dict[str, tuple[dict[str, Any], dict[str, Any], list[tuple[int, int | None]]]] = {
    "within_last is (t-d, t]": (
        {"trait": "day", "op": "within_last", "value": "1h"},
        {"day": "2026-01-15T00:00:00Z"},
        [(WINTER, WINTER + HOUR)],
    ),
    "within_next is (t, t+d]": (
        {"trait": "day", "op": "within_next", "value": "1h"},
        {"day": "2026-01-15T00:00:00Z"},
        [(WINTER - HOUR, WINTER)],
    ),
    "a date alone is midnight in the contact's zone": (
        {"trait": "day", "op": "within_last", "value": "1h"},
        {"day": "2026-07-15", "timezone": "Europe/Zurich"},
        [(SUMMER - 2 * HOUR, SUMMER - HOUR)],
    ),
    "a time without an offset is local": (
        {"trait": "day", "op": "within_last", "value": "1h"},
        {"day": "2026-01-15T09:00", "timezone": "America/New_York"},
        [(WINTER + 14 * HOUR, WINTER + 15 * HOUR)],
    ),
    "a local time in a DST gap is its end": (
        {"trait": "day", "op": "within_last", "value": "1h"},
        {"day": "2026-03-29T02:30", "timezone": "Europe/Zurich"},
        [(parse_instant("2026-03-29T01:00:00Z") - T0, parse_instant("2026-03-29T02:00:00Z") - T0)],
    ),
    "a local time that occurs twice is the first": (
        {"trait": "day", "op": "within_last", "value": "1h"},
        {"day": "2026-10-25T02:30", "timezone": "Europe/Zurich"},
        [(parse_instant("2026-10-25T00:30:00Z") - T0, parse_instant("2026-10-25T01:30:00Z") - T0)],
    ),
    "an anniversary is the local day": (
        {"trait": "born", "op": "anniversary"},
        {"born": "1990-07-15", "timezone": "Asia/Tokyo"},
        [(SUMMER - 9 * HOUR, SUMMER + 15 * HOUR)],
    ),
    "an anniversary on a day of 23 hours": (
        {"trait": "born", "op": "anniversary"},
        {"born": "1990-03-29", "timezone": "Europe/Zurich"},
        [(parse_instant("2026-03-28T23:00:00Z") - T0, parse_instant("2026-03-29T22:00:00Z") - T0)],
    ),
    "an instant's anniversary is of the day it falls on in the contact's zone": (
        {"trait": "born", "op": "anniversary"},
        {"born": "1990-07-14T20:00:00Z", "timezone": "Asia/Tokyo"},
        [(SUMMER - 9 * HOUR, SUMMER + 15 * HOUR)],
    ),
    "29 February counts on the 28th of other years": (
        {"trait": "born", "op": "anniversary"},
        {"born": "2000-02-29"},
        [(parse_instant("2026-02-28T00:00:00Z") - T0, parse_instant("2026-03-01T00:00:00Z") - T0)],
    ),
    "an anniversary with an offset": (
        {"trait": "born", "op": "anniversary", "offset": "-3d"},
        {"born": "1990-01-18"},
        [(WINTER, WINTER + DAY), (WINTER + 365 * DAY, WINTER + 366 * DAY)],
    ),
    "a day that a fold over midnight shows twice": (
        {"trait": "born", "op": "anniversary"},
        {"born": "1990-11-01", "timezone": "America/St_Johns"},
        [(parse_instant("2026-11-01T02:30:00Z") - T0, parse_instant("2026-11-02T03:30:00Z") - T0)],
    ),
}


@pytest.mark.parametrize("name", TIMES)
def test_dates_come_near_and_pass_at_the_very_millisecond(name: str) -> None:
    where, traits, spans = TIMES[name]
    assert held(where, says(0, **traits), until=395 * DAY) == spans


def test_a_contact_who_moves_has_another_midnight() -> None:
    where = {"trait": "day", "op": "after", "value": "2026-07-14T20:00:00Z"}
    assert held(where, says(0, day="2026-07-15", timezone="UTC"), says(10, timezone="Asia/Tokyo")) == [(0, 10)]


def test_the_workspace_has_a_zone_for_those_without() -> None:
    workspace = {"kind": "workspace", "id": "default", "timezone": "Asia/Tokyo"}
    where = {"trait": "day", "op": "within_last", "value": "1h"}
    assert held(where, says(0, day="2026-01-15"), others=[workspace]) == [(WINTER - 9 * HOUR, WINTER - 8 * HOUR)]


FOR = {"trait": "plan", "op": "eq", "value": "gold", "for": "1h"}


def test_for_is_since_the_at_of_the_identify() -> None:
    assert held(FOR, says(0, plan="gold")) == [(HOUR, None)]
    assert held(FOR, says(0, logged=30, plan="gold")) == [(HOUR, None)]


def test_the_same_value_said_again_is_no_break() -> None:
    assert held(FOR, says(0, plan="gold"), says(10, plan="gold")) == [(HOUR, None)]


def test_another_value_is_a_break() -> None:
    lines = [says(0, plan="gold"), says(10, plan="silver"), says(20, plan="gold")]
    assert held(FOR, *lines) == [(HOUR + 20, None)]
    assert held(FOR, says(0, plan="gold"), says(HOUR + 10, plan="x")) == [(HOUR, HOUR + 10)]


def test_a_late_identify_breaks_what_seemed_to_have_held() -> None:
    lines = [says(0, plan="gold"), says(40, plan="gold"), says(30, logged=HOUR + 5, plan="silver")]
    assert held(FOR, *lines) == [(HOUR, HOUR + 5), (HOUR + 40, None)]


def test_for_asks_what_is_above_and_below_the_path() -> None:
    where = {"trait": "address.city", "op": "eq", "value": "Bern", "for": "1h"}
    lines = [says(0, address={"city": "Bern"}), says(HOUR + 10, address="unknown")]
    assert held(where, *lines) == [(HOUR, HOUR + 10)]


def test_what_was_never_said_has_always_been_missing() -> None:
    where = {"trait": "plan", "op": "missing", "for": "1h"}
    assert held(where, says(0), says(10, plan="gold"), says(20, plan=None)) == [(0, 10), (HOUR + 20, None)]
