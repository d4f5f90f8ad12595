"""`first_performed`: the first event ever that matches lies in the window."""

from __future__ import annotations

from typing import Any

from flows.contact.view import ContactView
from flows.segments.leaf import leaf_id
from flows.segments.leaves.rows import RowLeaf
from flows.segments.measures import Row
from flows.segments.where import Where
from flows.segments.windows import Range
from schemas.definitions import conditions as spec
from schemas.records import Event


class First(RowLeaf):
    """Rows: `[at, *values of the timed filter]`; without such a filter the first one alone."""

    def __init__(self, leaf: spec.FirstPerformed):
        id = leaf_id(leaf)
        self.where, self.window = Where(leaf.where, id), Range(leaf.window)
        super().__init__(id, (leaf.event,), self.where.keys, spec.in_run(leaf))
        self.shifts = self.window.shifts

    def row(self, event: Event, at: int) -> Row | None:
        """The event's row."""
        properties = event.properties
        return [event.at, *self.where.keep(properties)] if self.where.fits(properties) else None

    def compact(self, rows: list[Row], at: int) -> list[Row]:
        """Only the first, where every row matches."""
        return rows if self.where.timed else rows[:1]

    def first(self, rows: list[Row], view: ContactView, at: int) -> int | None:
        """When the first event that matches happened."""
        return next((row[0] for row in rows if self.where.holds(row[1:], view, at)), None)

    def truth(self, state: list[Row] | None, view: ContactView, at: int) -> bool:
        """Whether it lies in the window."""
        first = self.first(state or [], view, at)
        return first is not None and self.window.has(first, at)

    def unforeseen(self, rows: list[Row], view: ContactView, at: int) -> int | None:
        """Where the timed filter may change."""
        return self.where.next_of(rows, 1, view, at)

    def size(self, per_day: int) -> int:
        """One row, or with a timed filter one an event of ten years."""
        timed = len(self.where.timed)
        return 14 if not timed else 3 + (11 + 33 * timed) * per_day * Range(spec.Ever()).days()

    def explain(self, state: list[Row] | None, view: ContactView, at: int) -> dict[str, Any]:
        """When it happened."""
        return {"first": self.first(state or [], view, at)}
