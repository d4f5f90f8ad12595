"""Values for the oracle: what is said of traits, and comparisons. Every function answers a sentence of LANGUAGE.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from schemas.times import parse_duration, to_ms

JSON = Any
MISSING = object()
NEGATED = {"ne": "eq", "not_in": "in", "not_contains": "contains", "missing": "exists"}


class Asked(Protocol):
    """Where and when: the contact's zone, and the instant that is asked about."""

    @property
    def zone(self) -> ZoneInfo: ...

    @property
    def at(self) -> int: ...


def compare(value: JSON, test: Mapping[str, JSON], asked: Asked) -> bool:
    """Whether a value (MISSING where there is none) passes a test: `op` and what belongs to it."""
    op = test["op"]
    if op in NEGATED:
        return not compare(value, {**test, "op": NEGATED[op]}, asked)
    if value is None or value is MISSING:
        return False
    if op == "exists":
        return True
    expected = test.get("value")
    if op == "eq":
        return same(value, expected)
    if op == "in":
        return any(same(value, e) for e in expected)
    if op in ("gt", "gte", "lt", "lte", "between"):
        return number(value) and in_order(op, value, expected)
    if op == "contains" and isinstance(value, list):
        return any(same(folded(v, test), folded(expected, test)) for v in value)
    if op in ("contains", "starts_with", "ends_with", "matches"):
        return isinstance(value, str) and isinstance(expected, str) and in_text(op, value, expected, test)
    return in_time(op, value, test, asked)


def number(value: JSON) -> bool:
    """A JSON number: `true` is none."""
    return isinstance(value, int | float | Fraction) and not isinstance(value, bool)


def same(a: JSON, b: JSON) -> bool:
    """Equal and of the same JSON type, all the way down."""
    if number(a) and number(b):
        return bool(a == b)
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return bool(a == b)


def in_order(op: str, value: JSON, expected: JSON) -> bool:
    """Numbers, compared exactly; `between` includes both ends."""
    match op:
        case "gt":
            return bool(value > expected)
        case "gte":
            return bool(value >= expected)
        case "lt":
            return bool(value < expected)
        case "lte":
            return bool(value <= expected)
        case _:
            return bool(expected[0] <= value <= expected[1])


def folded(value: JSON, test: Mapping[str, JSON]) -> JSON:
    """A string without its case, where that is ignored."""
    return value.lower() if isinstance(value, str) and test.get("ignore_case") else value


def in_text(op: str, value: str, expected: str, test: Mapping[str, JSON]) -> bool:
    """Exact case, unless `ignore_case`; a pattern is found anywhere."""
    ignore = test.get("ignore_case", False)
    if op == "matches":
        return re.search(expected, value, re.IGNORECASE if ignore else 0) is not None
    if ignore:
        value, expected = value.lower(), expected.lower()
    match op:
        case "contains":
            return expected in value
        case "starts_with":
            return value.startswith(expected)
        case _:
            return value.endswith(expected)


def in_time(op: str, value: JSON, test: Mapping[str, JSON], asked: Asked) -> bool:
    """Operators on dates and instants."""
    if op == "anniversary":
        return is_anniversary(value, test, asked)
    moment, t = instant(value, asked.zone), asked.at
    if moment is None:
        return False
    match op:
        case "before" | "after":
            other = instant(test["value"], asked.zone)
            assert other is not None
            return moment < other if op == "before" else moment > other
        case "within_last":
            return t - parse_duration(test["value"]) < moment <= t
        case "within_next":
            return t < moment <= t + parse_duration(test["value"])
        case _:
            raise AssertionError(f"no operator {op!r}")


INSTANT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?)?", re.ASCII)


def read_time(value: JSON) -> datetime | None:
    """A date (its midnight) or a time of ISO 8601, with or without an offset."""
    if not isinstance(value, str) or INSTANT.fullmatch(value) is None:
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def instant(value: JSON, zone: ZoneInfo) -> int | None:
    """The instant of a date or time; where it names no offset it is local: in a gap its end, twice the first."""
    moment = read_time(value)
    if moment is None:
        return None
    return to_ms(moment) if moment.tzinfo is not None else local_instant(moment, zone)


def local_instant(wall: datetime, zone: ZoneInfo) -> int:
    """The first instant at which a clock in the zone shows this time, or, where none does, a later one."""
    guess = to_ms(wall.replace(tzinfo=UTC))
    offsets = {ZoneInfo.utcoffset(zone, wall.replace(tzinfo=zone, fold=f)) for f in (0, 1)}
    shown = [guess - o // timedelta(milliseconds=1) for o in offsets if o is not None]
    exact = [ms for ms in sorted(shown) if local(ms, zone) == wall.replace(microsecond=wall.microsecond // 1000 * 1000)]
    return exact[0] if exact else gap_end(min(shown), max(shown), zone)


def gap_end(low: int, high: int, zone: ZoneInfo) -> int:
    """The instant at which the zone's offset changes in (low, high], to the second."""
    before, second = local(low, zone) - local(low, ZoneInfo("UTC")), low // 1000 * 1000
    while local(second, zone) - local(second, ZoneInfo("UTC")) == before:
        assert second <= high
        second += 1000
    return second


def local(ms: int, zone: ZoneInfo) -> datetime:
    """What a clock in the zone shows at an instant."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)).astimezone(zone).replace(tzinfo=None)


def is_anniversary(value: JSON, test: Mapping[str, JSON], asked: Asked) -> bool:
    """Today, in the contact's zone, has the day and month of the value's day, `offset` days away."""
    moment = read_time(value)
    if moment is None:
        return False
    if moment.tzinfo is not None:
        moment = moment.astimezone(asked.zone)
    today = local(asked.at, asked.zone).date()
    day = today - timedelta(milliseconds=parse_duration(test.get("offset", "0d")))
    return (day.month, day.day) == observed(moment.date(), day.year)


def observed(birthday: date, year: int) -> tuple[int, int]:
    """29 February counts on the 28th of other years."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if (birthday.month, birthday.day) == (2, 29) and not leap:
        return 2, 28
    return birthday.month, birthday.day


def leaves(value: JSON, path: str = "") -> Iterator[tuple[str, JSON]]:
    """Every value that is no object, with its dotted path."""
    for key, inner in value.items():
        below = f"{path}.{key}" if path else key
        if isinstance(inner, dict):
            yield from leaves(inner, below)
        else:
            yield below, inner


def put(tree: dict[str, JSON], keys: list[str], value: JSON) -> None:
    """Set a value at a path; null removes. What stood in the way is no object any more."""
    for key in keys[:-1]:
        if not isinstance(tree.get(key), dict):
            tree[key] = {}
        tree = tree[key]
    if value is None:
        tree.pop(keys[-1], None)
    else:
        tree[keys[-1]] = value


def empty(value: JSON) -> bool:
    """An object in which nothing is left is missing."""
    return value is None or (isinstance(value, dict) and all(empty(v) for v in value.values()))
