"""The operators (LANGUAGE, "Comparisons"), compiled to closures.

Most ask a value alone. `before after within_last within_next anniversary` also ask the time and the contact's zone, and
know when their answer may change by itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Final, TypeAlias

import re2

from flows.contact.view import MISSING, ContactView
from flows.segments import dates
from schemas.definitions.conditions import Comparison

Test: TypeAlias = Callable[[Any], bool]
TIMED: Final = frozenset({"before", "after", "within_last", "within_next", "anniversary"})
NUMERIC: Final = frozenset({"gt", "gte", "lt", "lte", "between"})
_NEGATIONS: Final = {"ne": "eq", "not_in": "in", "not_contains": "contains", "missing": "exists"}


def is_number(value: Any) -> bool:
    """JSON's numbers: `true` is none."""
    kind = type(value)
    return kind is int or kind is float


def compile_test(comparison: Comparison) -> Test:
    """The test of a value for an operator that asks neither time nor zone. A value may be MISSING."""
    op = comparison.op
    if op in _NEGATIONS:
        return _negation(_positive(_NEGATIONS[op], comparison))
    return _positive(op, comparison)


def _negation(test: Test) -> Test:
    return lambda value: not test(value)


def _positive(op: str, c: Comparison) -> Test:
    match op:
        case "exists":
            return lambda value: value is not MISSING
        case "eq":
            return _equals(c.value)
        case "in":
            assert isinstance(c.value, tuple)
            return _is_one_of(c.value)
        case "gt" | "gte" | "lt" | "lte" | "between":
            return _in_range(op, c.value)
        case "contains":
            return _contains(c.value, c.ignore_case)
        case "starts_with" | "ends_with":
            assert isinstance(c.value, str)
            return _begins_or_ends(op, c.value, c.ignore_case)
        case "matches":
            assert isinstance(c.value, str)
            return _matches(c.value, c.ignore_case)
    raise AssertionError(f"{op} asks the time: compile it with compile_comparison")


def _equals(wanted: Any) -> Test:
    """`10` and `10.0` are equal; `10`, `"10"` and `true` are three values."""
    if is_number(wanted):
        return lambda value: value == wanted and value is not True and value is not False
    if isinstance(wanted, bool):
        return lambda value: value is wanted
    return lambda value: value == wanted


def _is_one_of(wanted: Iterable[Any]) -> Test:
    typed = frozenset((type(w) is bool, w) for w in wanted)  # True and 1 are one key of a set

    def test(value: Any) -> bool:
        kind = type(value)
        return (kind is str or kind is int or kind is float or kind is bool) and (kind is bool, value) in typed

    return test


def _in_range(op: str, wanted: Any) -> Test:
    """Python compares integers and floats exactly, whatever their size."""
    match op:
        case "gt":
            return lambda value: is_number(value) and value > wanted
        case "gte":
            return lambda value: is_number(value) and value >= wanted
        case "lt":
            return lambda value: is_number(value) and value < wanted
        case "lte":
            return lambda value: is_number(value) and value <= wanted
    low, high = wanted
    return lambda value: is_number(value) and low <= value <= high


def _contains(wanted: Any, ignore_case: bool) -> Test:
    equals = _equals(wanted)
    if not isinstance(wanted, str):
        return lambda value: isinstance(value, list) and any(map(equals, value))
    if not ignore_case:
        return lambda value: isinstance(value, str | list) and wanted in value
    lower = wanted.lower()

    def test(value: Any) -> bool:
        if isinstance(value, str):
            return lower in value.lower()
        return isinstance(value, list) and any(isinstance(v, str) and v.lower() == lower for v in value)

    return test


def _begins_or_ends(op: str, wanted: str, ignore_case: bool) -> Test:
    method = str.startswith if op == "starts_with" else str.endswith
    if not ignore_case:
        return lambda value: isinstance(value, str) and method(value, wanted)
    lower = wanted.lower()
    return lambda value: isinstance(value, str) and method(value.lower(), lower)


def _matches(pattern: str, ignore_case: bool) -> Test:
    """RE2 with its own defaults: `.` stops at a line's end."""
    options = re2.Options()
    options.log_errors, options.case_sensitive = False, not ignore_case
    search = re2.compile(pattern, options).search  # type: ignore[no-untyped-call]
    return lambda value: isinstance(value, str) and search(value) is not None


class Comparator(ABC):
    """A compiled comparison. `timed`: it also asks the time, the contact's zone, or both."""

    timed: bool = True

    @abstractmethod
    def test(self, value: Any, view: ContactView, at: int) -> bool:
        """Whether the value, which may be MISSING, fits."""

    def next_change(self, value: Any, view: ContactView, at: int) -> int | None:
        """The earliest instant after `at` at which the answer may change by itself; None for never."""
        return None


class Plain(Comparator):
    """An operator that asks the value alone: `ask` is its test."""

    timed = False

    def __init__(self, comparison: Comparison):
        self.ask = compile_test(comparison)

    def test(self, value: Any, view: ContactView, at: int) -> bool:
        return self.ask(value)


class Ordered(Comparator):
    """`before`, `after`: strictly, as instants."""

    def __init__(self, comparison: Comparison):
        assert isinstance(comparison.value, str)
        self.limit, self.is_before = comparison.value, comparison.op == "before"

    def test(self, value: Any, view: ContactView, at: int) -> bool:
        found = _instant(value, view)
        limit = _instant(self.limit, view)
        if found is None or limit is None:
            return False
        return found < limit if self.is_before else found > limit


class Near(Comparator):
    """`within_last` d: `(t-d, t]`; `within_next` d: `(t, t+d]`. True from `value + opens` until `value + closes`."""

    def __init__(self, comparison: Comparison):
        assert isinstance(comparison.value, int)
        is_past = comparison.op == "within_last"
        self.opens, self.closes = (0, comparison.value) if is_past else (-comparison.value, 0)

    def test(self, value: Any, view: ContactView, at: int) -> bool:
        found = _instant(value, view)
        return found is not None and found + self.opens <= at < found + self.closes

    def next_change(self, value: Any, view: ContactView, at: int) -> int | None:
        found = _instant(value, view)
        if found is None:
            return None
        return next((edge for edge in (found + self.opens, found + self.closes) if edge > at), None)


class Anniversary(Comparator):
    """The local day whose month and day match, `offset_days` later (before: negative)."""

    def __init__(self, comparison: Comparison):
        self.offset = timedelta(days=comparison.offset_days)

    def test(self, value: Any, view: ContactView, at: int) -> bool:
        zone = view.zone
        day = dates.day_of(value, zone) if isinstance(value, str) else None
        return day is not None and dates.is_anniversary(dates.local_day(at, zone) - self.offset, day)

    def next_change(self, value: Any, view: ContactView, at: int) -> int | None:
        zone = view.zone
        day = dates.day_of(value, zone) if isinstance(value, str) else None
        if day is None:
            return None
        today = dates.local_day(at, zone) - self.offset
        if dates.is_anniversary(today, day):
            return dates.next_day(at, zone)
        return dates.start_of(dates.next_anniversary(today, day) + self.offset, zone, at)


def _instant(value: Any, view: ContactView) -> int | None:
    return dates.instant_of(value, view.zone) if isinstance(value, str) else None


def compile_comparison(comparison: Comparison) -> Comparator:
    """The comparison, whatever it asks."""
    match comparison.op:
        case "before" | "after":
            return Ordered(comparison)
        case "within_last" | "within_next":
            return Near(comparison)
        case "anniversary":
            return Anniversary(comparison)
        case _:
            return Plain(comparison)
