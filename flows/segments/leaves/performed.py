"""`performed`: what the events in the window come to."""

from __future__ import annotations

from typing import Any

from flows.contact.view import MISSING, ContactView
from flows.segments.compare import is_number
from flows.segments.leaf import EventLeaf, Leaf, leaf_id
from flows.segments.leaves.count import compile_count
from flows.segments.leaves.rows import RowLeaf
from flows.segments.measures import Row, as_json, compile_measure
from flows.segments.where import MISMATCHES, Where, look_up
from flows.segments.windows import Range
from schemas.definitions import conditions as spec
from schemas.records import Event


def compile_performed(leaf: spec.Performed) -> Leaf:
    """The smallest state that answers it."""
    id, window = leaf_id(leaf), Range(leaf.window)
    where = Where(leaf.where, id)
    if where.timed or (leaf.measure != "count" and window.slides):
        return Measured(id, leaf, where, window)
    if leaf.measure != "count":
        return Collapsed(id, leaf, where, window)
    return compile_count(id, (leaf.event,), where, window, leaf.comparison, spec.in_run(leaf))


class _Reading(EventLeaf):
    """Reads a property of the events of a name."""

    def __init__(self, id: str, leaf: spec.Performed, where: Where, window: Range):
        super().__init__(id, (leaf.event,), where.keys, spec.in_run(leaf))
        self.where, self.window = where, window
        self.measure, self.is_count = compile_measure(leaf.measure, leaf.comparison), leaf.measure == "count"
        self.path, self.is_numeric = tuple(leaf.property.split(".")), leaf.measure in ("sum", "avg", "min", "max")

    def value(self, event: Event, at: int) -> Any:
        """What the measure keeps of the event; None where it does not count."""
        if not (self.names_it(event) and self.window.takes(event.at, at) and self.where.fits(event.properties)):
            return None
        found = MISSING if self.is_count else look_up(event.properties, self.path)
        if self.is_numeric and found is not MISSING and not is_number(found):
            MISMATCHES[self.id] += 1
        return self.measure.read(found)


class Collapsed(_Reading):
    """Over a window that nothing leaves by time. State: values, collapsed."""

    def observe(self, state: list[Any] | None, event: Event, at: int) -> list[Any] | None:
        """Take the event's value in."""
        value = self.value(event, at)
        return state if value is None else self.measure.collapse([*(state or ()), value])

    def truth(self, state: list[Any] | None, view: ContactView, at: int) -> bool:
        """Whether what they come to fits."""
        return self.measure.test(self.measure.of(state or []))

    def union(self, a: list[Any], b: list[Any]) -> list[Any]:
        """Both, collapsed."""
        return self.measure.collapse(a + b)

    def size(self, per_day: int) -> int:
        """One value, or so many different ones as can matter."""
        return 3 + self.measure.bytes_each * self.measure.limit

    def explain(self, state: list[Any] | None, view: ContactView, at: int) -> dict[str, Any]:
        """What they come to."""
        return {"value": as_json(self.measure.of(state or []))}


class Measured(RowLeaf, _Reading):
    """Over a window that slides, or with a timed filter. Rows: `[at, value, *values of the timed filter]`."""

    def __init__(self, id: str, leaf: spec.Performed, where: Where, window: Range):
        super().__init__(id, leaf, where, window)
        self.shifts = window.shifts

    def row(self, event: Event, at: int) -> Row | None:
        """The event's row."""
        value = self.value(event, at)
        return None if value is None else [event.at, value, *self.where.keep(event.properties)]

    def compact(self, rows: list[Row], at: int) -> list[Row]:
        """Without what has left the window, and what later rows make superfluous."""
        kept = [row for row in rows if row[0] + self.window.closes > at]
        return kept if self.where.timed or self.window.opens else self.measure.thin(kept)

    def values(self, rows: list[Row], view: ContactView, at: int) -> list[Any]:
        """The values that count at the instant."""
        where, has = self.where, self.window.has
        if not where.timed:
            return [row[1] for row in rows if has(row[0], at)]
        return [row[1] for row in rows if has(row[0], at) and where.holds(row[2:], view, at)]

    def truth(self, state: list[Row] | None, view: ContactView, at: int) -> bool:
        """Whether what they come to fits."""
        return self.measure.test(self.measure.of(self.values(state or [], view, at)))

    def unforeseen(self, rows: list[Row], view: ContactView, at: int) -> int | None:
        """Where the timed filter may change."""
        return self.where.next_of(rows, 2, view, at)

    def size(self, per_day: int) -> int:
        """A row an event."""
        events = per_day * self.window.days()
        if self.measure.thinned and not (self.where.timed or self.window.opens):
            events = min(events, self.measure.thinned)
        return 3 + events * (11 + self.measure.bytes_each + 33 * len(self.where.timed))

    def explain(self, state: list[Row] | None, view: ContactView, at: int) -> dict[str, Any]:
        """What they come to, and when they happened."""
        rows = state or []
        value = self.measure.of(self.values(rows, view, at))
        return {"value": as_json(value), "at": [row[0] for row in rows if self.window.has(row[0], at)]}
