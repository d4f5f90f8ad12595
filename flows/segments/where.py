"""Filters over an event's properties.

A filter that asks the values alone is answered once, when the event comes. One that also asks the time or the zone
(`within_next` of a departure date) must be asked at every instant: the values it looks at are kept with the event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from flows.contact.view import MISSING, ContactView
from flows.segments.compare import NUMERIC, TIMED, Comparator, compile_comparison, compile_test, is_number
from schemas.definitions.conditions import EventName, PropertyIs
from schemas.records import Event

ZONE: Final = "trait:timezone"  # what changes the answers of timed comparisons
# How often a leaf met a value that is no number where a number is asked: leaf id -> times. A count for the metrics'
# edge; nothing in the fold reads it.
MISMATCHES: Final[Counter[str]] = Counter()


def look_up(properties: Mapping[str, Any], path: Sequence[str]) -> Any:
    """The value at a path of keys; MISSING where there is none, or null."""
    value: Any = properties
    for key in path:
        if type(value) is not dict:
            return MISSING
        value = value.get(key)
    return MISSING if value is None else value


class Where:
    """A compiled `where`. `fits` asks what the event alone can tell; `timed` are the comparisons left for later."""

    __slots__ = ("_tests", "keys", "timed")

    def __init__(self, where: Sequence[PropertyIs], leaf: str = ""):
        self._tests = tuple(_test(p, leaf) for p in where if p.comparison.op not in TIMED)
        self.timed: tuple[tuple[tuple[str, ...], Comparator], ...] = tuple(
            (tuple(p.property.split(".")), compile_comparison(p.comparison)) for p in where if p.comparison.op in TIMED
        )

        self.keys = frozenset({ZONE} if self.timed else ())

    def fits(self, properties: Mapping[str, Any]) -> bool:
        """Whether the properties fit, as far as they alone can tell."""
        for path, test in self._tests:  # noqa: SIM110 - a generator would cost more than the tests
            if not test(look_up(properties, path)):
                return False
        return True

    def keep(self, properties: Mapping[str, Any]) -> list[Any]:
        """The values that the timed comparisons look at, as plain data; None for those that cannot fit."""
        values = (look_up(properties, path) for path, _ in self.timed)
        return [value if isinstance(value, str) else None for value in values]

    def holds(self, kept: Sequence[Any], view: ContactView, at: int) -> bool:
        """Whether kept values fit the timed comparisons at the instant."""
        return all(c.test(value, view, at) for value, (_, c) in zip(kept, self.timed, strict=True))

    def next_of(self, rows: Sequence[Sequence[Any]], first: int, view: ContactView, at: int) -> int | None:
        """The earliest instant after `at` at which kept values, in each row from `first` on, may fit or not."""
        soonest: int | None = None
        for place, (_, comparator) in enumerate(self.timed, first):
            for row in rows:
                due = comparator.next_change(row[place], view, at)
                if due is not None and (soonest is None or due < soonest):
                    soonest = due
        return soonest


def _test(part: PropertyIs, leaf: str) -> tuple[tuple[str, ...], Callable[[Any], bool]]:
    path, test = tuple(part.property.split(".")), compile_test(part.comparison)
    if part.comparison.op not in NUMERIC:
        return path, test

    def counting(value: Any) -> bool:
        if not is_number(value) and value is not MISSING:
            MISMATCHES[leaf] += 1
        return test(value)

    return path, counting


class EventMatcher:
    """Whether an event, at its instant, is one of a name (or beginning) whose properties fit: triggers and waits."""

    __slots__ = ("name", "where")

    def __init__(self, name: EventName, where: Sequence[PropertyIs] = ()):
        self.name, self.where = name, Where(where)

    def __call__(self, event: Event, view: ContactView, at: int) -> bool:
        properties = event.properties
        return (
            is_named(self.name, event)
            and self.where.fits(properties)
            and (not self.where.timed or self.where.holds(self.where.keep(properties), view, at))
        )


def is_named(name: EventName, event: Event) -> bool:
    """Whether the event goes by the name, or begins so."""
    own = event.event if event.type == "track" else event.name
    return own.startswith(name.text) if name.prefix else own == name.text
