"""Leaves that keep a row an event: `[at, …]`, in the order of `at`."""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from heapq import merge
from operator import itemgetter
from typing import Any, Final

from flows.contact.view import ContactView
from flows.segments.leaf import EventLeaf
from flows.segments.measures import Row
from schemas.records import Event

_AT: Final = itemgetter(0)
LOOKAHEAD: Final = 32  # edges that are tried for the next change; where none of them is one, a wake may be in vain


class RowLeaf(EventLeaf):
    """Over the rows of events. State: the rows, as few as can matter.

    `shifts`: how long after it happened an event begins or ends to count.
    """

    shifts: Sequence[int] = ()

    @abstractmethod
    def row(self, event: Event, at: int) -> Row | None:
        """The row of an event that goes by one of the names; None where it can never count."""

    def compact(self, rows: list[Row], at: int) -> list[Row]:
        """The rows without those that matter no more from `at` on."""
        return rows

    def order(self, row: Row) -> Any:
        """What rows stand in the order of."""
        return row[0]

    def unforeseen(self, rows: list[Row], view: ContactView, at: int) -> int | None:
        """The earliest instant after `at` at which a timed filter may answer differently."""
        return None

    def observe(self, state: list[Row] | None, event: Event, at: int) -> list[Row] | None:
        """Put the event's row in its place."""
        row = self.row(event, at) if self.names_it(event) else None
        if row is None:
            return state
        rows = list(state or ())
        insort(rows, row, key=self.order)
        return self.compact(rows, at)

    def union(self, a: list[Row], b: list[Row]) -> list[Row]:
        """Both, `b` behind where nothing else tells."""
        return self.compact(sorted(a + b, key=self.order), -1)

    def next_change(self, state: list[Row] | None, view: ContactView, at: int) -> int | None:
        """The first edge at which the answer is another one, or an earlier instant that may be one."""
        if not state:
            return None
        limit = self.unforeseen(state, view, at)
        now, last, tried = self.truth(state, view, at), at, 0
        for edge in self._edges(state, at):
            if limit is not None and edge >= limit:
                return limit
            if edge == last:
                continue
            if tried == LOOKAHEAD or self.truth(state, view, edge) != now:
                return edge
            last, tried = edge, tried + 1
        return limit

    def _edges(self, rows: list[Row], at: int) -> Iterator[int]:
        """The instants after `at` at which rows begin or end to count, ascending."""
        return merge(*(self._later(rows, at, shift) for shift in self.shifts))

    def _later(self, rows: list[Row], at: int, shift: int) -> Iterator[int]:
        last = at
        for place in range(bisect_right(rows, at - shift, key=_AT), len(rows)):
            edge = rows[place][0] + shift
            if edge != last:  # the lines of an order are of one instant
                yield edge
                last = edge
