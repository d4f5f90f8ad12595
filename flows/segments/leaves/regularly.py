"""`regularly`: of the last periods counted back from `t`, at least so many hold events enough."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from operator import itemgetter
from typing import Any

from flows.contact.view import ContactView
from flows.segments.leaf import leaf_id
from flows.segments.leaves.rows import RowLeaf
from flows.segments.measures import Row, compile_number
from flows.segments.where import Where
from flows.segments.windows import Range
from schemas.definitions import conditions as spec
from schemas.records import Event


class Regularly(RowLeaf):
    """Rows: `[at, *values of the timed filter]` of the events in all periods together."""

    def __init__(self, leaf: spec.Regularly):
        id = leaf_id(leaf)
        self.where, self.test = Where(leaf.where, id), compile_number(leaf.count)
        self.period, self.periods, self.at_least = leaf.period, leaf.periods, leaf.at_least
        self.window = Range(spec.Sliding(leaf.period * leaf.periods))
        self.shifts = range(self.period, self.window.closes + 1, self.period)  # into each earlier period
        super().__init__(id, (leaf.event,), self.where.keys)

    def row(self, event: Event, at: int) -> Row | None:
        """The event's row."""
        properties = event.properties
        if self.window.takes(event.at, at) and self.where.fits(properties):
            return [event.at, *self.where.keep(properties)]
        return None

    def compact(self, rows: list[Row], at: int) -> list[Row]:
        """Without what is older than all periods."""
        return [row for row in rows if row[0] + self.window.closes > at]

    def full(self, rows: list[Row], view: ContactView, at: int) -> int:
        """How many periods hold events enough."""
        if self.where.timed:
            rows = [row for row in rows if self.where.holds(row[1:], view, at)]
        bounds = [bisect_right(rows, at - n * self.period, key=itemgetter(0)) for n in range(self.periods + 1)]
        return sum(self.test(end - start) for end, start in pairwise(bounds))

    def truth(self, state: list[Row] | None, view: ContactView, at: int) -> bool:
        """Whether they are enough."""
        return self.full(state or [], view, at) >= self.at_least

    def unforeseen(self, rows: list[Row], view: ContactView, at: int) -> int | None:
        """Where the timed filter may change."""
        return self.where.next_of(rows, 1, view, at)

    def size(self, per_day: int) -> int:
        """A row an event."""
        return 3 + (11 + 33 * len(self.where.timed)) * per_day * self.window.days()

    def explain(self, state: list[Row] | None, view: ContactView, at: int) -> dict[str, Any]:
        """How many periods hold enough, and when the events happened."""
        rows = state or []
        return {"periods": self.full(rows, view, at), "at": [r[0] for r in rows if self.window.has(r[0], at)]}
