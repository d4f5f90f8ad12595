"""`last_performed`: of the events that match `where` the latest also matches `has`, and lies in the window."""

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


class Last(RowLeaf):
    """Rows: `[at, whether it has what it alone can tell, *timed values of where, *of has, place in the log]`.

    Of rows at the same instant the later in the log is the later. Without a timed filter in `where` only the last
    row is kept.
    """

    def __init__(self, leaf: spec.LastPerformed):
        id = leaf_id(leaf)
        self.where, self.has, self.window = Where(leaf.where, id), Where(leaf.has, id), Range(leaf.window)
        self._has_from = 2 + len(self.where.timed)
        self._has_to = self._has_from + len(self.has.timed)
        super().__init__(id, (leaf.event,), self.where.keys | self.has.keys, spec.in_run(leaf))
        self.shifts = self.window.shifts

    def row(self, event: Event, at: int) -> Row | None:
        """The event's row."""
        properties = event.properties
        if not self.where.fits(properties):
            return None
        kept = (*self.where.keep(properties), *self.has.keep(properties))
        return [event.at, self.has.fits(properties), *kept, event.place]

    def order(self, row: Row) -> tuple[Any, ...]:
        """By `at`, then by the place; a row that was kept before places were is the earlier."""
        return row[0], row[self._has_to :]

    def compact(self, rows: list[Row], at: int) -> list[Row]:
        """Only the last, where every row matches."""
        return rows if self.where.timed else rows[-1:]

    def last(self, rows: list[Row], view: ContactView, at: int) -> Row | None:
        """The latest row that matches."""
        return next((r for r in reversed(rows) if self.where.holds(r[2 : self._has_from], view, at)), None)

    def truth(self, state: list[Row] | None, view: ContactView, at: int) -> bool:
        """Whether it has what is asked, and lies in the window."""
        row = self.last(state or [], view, at)
        if row is None or not row[1] or not self.window.has(row[0], at):
            return False
        return self.has.holds(row[self._has_from : self._has_to], view, at)

    def unforeseen(self, rows: list[Row], view: ContactView, at: int) -> int | None:
        """Where a timed filter may change."""
        dues = (self.where.next_of(rows, 2, view, at), self.has.next_of(rows, self._has_from, view, at))
        return min((due for due in dues if due is not None), default=None)

    def size(self, per_day: int) -> int:
        """One row, or with a timed filter in `where` one an event of ten years."""
        row = 24 + 33 * (len(self.where.timed) + len(self.has.timed))
        return 3 + row * (per_day * Range(spec.Ever()).days() if self.where.timed else 1)

    def explain(self, state: list[Row] | None, view: ContactView, at: int) -> dict[str, Any]:
        """When it happened."""
        row = self.last(state or [], view, at)
        return {"last": row and row[0]}
