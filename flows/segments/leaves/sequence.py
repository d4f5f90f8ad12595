"""`sequence`: events in order, strictly later each, all in the window, each at most `gap` after the one before."""

from __future__ import annotations

from bisect import bisect_left
from itertools import groupby
from operator import itemgetter
from typing import Any

from flows.contact.view import ContactView
from flows.segments.leaf import leaf_id
from flows.segments.leaves.rows import RowLeaf
from flows.segments.measures import Row
from flows.segments.where import Where, is_named
from flows.segments.windows import FOREVER, Range
from schemas.definitions import conditions as spec
from schemas.records import Event


class InOrder(RowLeaf):
    """Rows: `[at, steps, *timed values of each step]`, where bit n of `steps` says that the event can be step n."""

    def __init__(self, leaf: spec.Sequence):
        id = leaf_id(leaf)
        self.names = tuple(step.event for step in leaf.steps)
        self.wheres = tuple(Where(step.where, id) for step in leaf.steps)
        self.window, self.gap = Range(leaf.window), leaf.gap or FOREVER
        self.timed = any(where.timed for where in self.wheres)
        keys = {key for where in self.wheres for key in where.keys}
        super().__init__(id, self.names, keys, spec.in_run(leaf))
        self.shifts = self.window.shifts

    def row(self, event: Event, at: int) -> Row | None:
        """The event's row."""
        if not self.window.takes(event.at, at):
            return None
        steps, kept = 0, []
        for n, (name, where) in enumerate(zip(self.names, self.wheres, strict=True)):
            if is_named(name, event) and where.fits(event.properties):
                steps |= 1 << n
            kept += where.keep(event.properties)
        return [event.at, steps, *kept] if steps else None

    def compact(self, rows: list[Row], at: int) -> list[Row]:
        """Without what left the window; where nothing leaves, of the first step the first, of the last the last."""
        if self.window.slides:
            return [row for row in rows if row[0] + self.window.closes > at]
        if self.timed or self.gap < FOREVER or len(self.names) == 1:
            return rows
        last = 1 << (len(self.names) - 1)
        rows = _once(rows, 1)
        return _once(rows[::-1], last)[::-1]

    def truth(self, state: list[Row] | None, view: ContactView, at: int) -> bool:
        """Whether the steps were taken.

        `ends[n]` is the latest instant at which the first n+1 steps can have ended: what follows within `gap` of any
        earlier end follows within `gap` of the latest one.
        """
        ends = [-FOREVER] * len(self.names)
        for happened, rows in groupby(state or (), key=itemgetter(0)):
            if not self.window.has(happened, at):
                continue
            steps = 0
            for row in rows:
                steps |= self.steps(row, view, at)
            for n in range(len(ends) - 1, -1, -1):  # from the last on, so that no event serves two steps
                if steps >> n & 1 and (n == 0 or happened - ends[n - 1] <= self.gap):
                    ends[n] = happened
            if ends[-1] > -FOREVER:
                return True
        return False

    def next_change(self, state: list[Row] | None, view: ContactView, at: int) -> int | None:
        """Where events only leave by time it can but cease to hold, and when is found by halving."""
        if self.timed or self.window.opens:
            return super().next_change(state, view, at)
        if not state or not self.window.slides or not self.truth(state, view, at):
            return None
        edges = list(self._edges(state, at))
        return edges[bisect_left(edges, True, key=lambda edge: not self.truth(state, view, edge))]

    def steps(self, row: Row, view: ContactView, at: int) -> int:
        """The steps that the row's event can be at the instant."""
        steps: int = row[1]
        if self.timed:
            place = 2
            for n, where in enumerate(self.wheres):
                if not where.holds(row[place : place + len(where.timed)], view, at):
                    steps &= ~(1 << n)
                place += len(where.timed)
        return steps

    def unforeseen(self, rows: list[Row], view: ContactView, at: int) -> int | None:
        """Where a timed filter may change."""
        soonest, place = None, 2
        for where in self.wheres:
            due = where.next_of(rows, place, view, at)
            if due is not None and (soonest is None or due < soonest):
                soonest = due
            place += len(where.timed)
        return soonest

    def size(self, per_day: int) -> int:
        """A row an event."""
        timed = sum(len(where.timed) for where in self.wheres)
        return 3 + (20 + 33 * timed) * per_day * self.window.days()

    def explain(self, state: list[Row] | None, view: ContactView, at: int) -> dict[str, Any]:
        """When each step's events in the window happened."""
        rows = [(row[0], self.steps(row, view, at)) for row in state or () if self.window.has(row[0], at)]
        return {"steps": [[happened for happened, steps in rows if steps >> n & 1] for n in range(len(self.names))]}


def _once(rows: list[Row], bit: int) -> list[Row]:
    """The rows, the bit left only where it comes first; rows that say nothing any more are dropped."""
    kept, seen = [], False
    for row in rows:
        steps = row[1] & ~bit if seen else row[1]
        seen = seen or bool(row[1] & bit)
        if steps:
            kept.append(row if steps == row[1] else [row[0], steps])
    return kept
