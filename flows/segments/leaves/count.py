"""`performed` with a count, and `message`: how many events lie in the window."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from typing import Any

from flows.contact.view import ContactView
from flows.segments.leaf import EventLeaf, Step
from flows.segments.measures import compile_number, enough
from flows.segments.where import Where
from flows.segments.windows import FOREVER, Range
from schemas.definitions.conditions import Comparison, EventName
from schemas.records import Event


class CountAll(EventLeaf):
    """Over a window that nothing leaves by time. State: how many."""

    def __init__(
        self, id: str, names: Sequence[EventName], where: Where, window: Range, count: Comparison, in_run: bool
    ):
        super().__init__(id, names, in_run=in_run)
        self.where, self.window, self.test = where, window, compile_number(count)

    def observe(self, state: int | None, event: Event, at: int) -> int | None:
        """One more, where the event is of the kind."""
        if self.names_it(event) and self.window.takes(event.at, at) and self.where.fits(event.properties):
            return (state or 0) + 1
        return state

    def truth(self, state: int | None, view: ContactView, at: int) -> bool:
        """Whether the count fits."""
        return self.test(state or 0)

    def union(self, a: int, b: int) -> int:
        """Two contacts' events, or those before and after a moment of the log, are different ones."""
        return a + b

    def size(self, per_day: int) -> int:
        """One integer."""
        return 9

    def explain(self, state: int | None, view: ContactView, at: int) -> dict[str, Any]:
        """How many."""
        return {"count": state or 0}


def compile_count(
    id: str, names: Sequence[EventName], where: Where, window: Range, count: Comparison, in_run: bool
) -> EventLeaf:
    """The smallest state, and the shortest way, that answer it."""
    if not window.slides:
        return CountAll(id, names, where, window, count, in_run)
    kind = CountAtLeast if count.op in ("gte", "gt") and not window.opens and count.value != 0 else CountSliding
    return kind(id, names, where, window, count, in_run)


class CountSliding(EventLeaf):
    """Over a window that events leave by time. State: their `at`, ascending; no more of them than can matter."""

    def __init__(
        self, id: str, names: Sequence[EventName], where: Where, window: Range, count: Comparison, in_run: bool
    ):
        super().__init__(id, names, in_run=in_run)
        self.where, self.window, self.test = where, window, compile_number(count)
        # Where the window ends now, the last few decide. Where it ends earlier, what is too young now decides later.
        self.limit = FOREVER if window.opens else enough(count)

    def observe(self, state: list[int] | None, event: Event, at: int) -> list[int] | None:
        """Keep the event's `at`, drop what is past its window."""
        happened = event.at
        if happened + self.window.closes <= at or not (self.names_it(event) and self.where.fits(event.properties)):
            return state
        if state is None:
            return [happened]
        if len(state) == self.limit and happened < state[0]:
            return state
        kept = state[bisect_right(state, at - self.window.closes) :]
        insort(kept, happened)
        return kept if len(kept) <= self.limit else kept[1:]

    def count(self, state: list[int] | None, at: int) -> int:
        """How many count at the instant; where more than matter did, so many as are kept."""
        if not state:
            return 0
        window = self.window
        first = bisect_right(state, at - window.closes)
        return (bisect_right(state, at - window.opens) if window.opens else len(state)) - first

    def truth(self, state: list[int] | None, view: ContactView, at: int) -> bool:
        """Whether the count fits."""
        return self.test(self.count(state, at))

    def next_change(self, state: list[int] | None, view: ContactView, at: int) -> int | None:
        """The first edge at which the answer is another one."""
        if not state:
            return None
        now, window = self.test(self.count(state, at)), self.window
        edges = [happened + window.closes for happened in state]
        if window.opens:
            edges = sorted({*edges, *(happened + window.opens for happened in state)})
        for edge in edges:
            if edge > at and self.test(self.count(state, edge)) != now:
                return edge
        return None

    def union(self, a: list[int], b: list[int]) -> list[int]:
        """Both, and of them the last that can matter."""
        return sorted(a + b)[-self.limit :]

    def size(self, per_day: int) -> int:
        """9 bytes an event."""
        return 3 + 9 * min(self.limit, per_day * self.window.days())

    def explain(self, state: list[int] | None, view: ContactView, at: int) -> dict[str, Any]:
        """The instants that count, the latest ones where there are more than matter."""
        return {"count": self.count(state, at), "at": [e for e in state or () if self.window.has(e, at)]}


class CountAtLeast(CountSliding):
    """At least so many until now, the most common question: the last few are kept, and the first of them decides."""

    def step(self, state: list[int] | None, event: Event, view: ContactView, at: int) -> Step | None:
        """What was kept just now is all in the window: it holds where it has a next change."""
        kept = self.observe(state, event, at)
        if kept is state:
            return None
        edge = self.next_change(kept, view, at)
        return kept, self.truth(state, view, at) != (edge is not None), edge

    def truth(self, state: list[int] | None, view: ContactView, at: int) -> bool:
        """Whether the first of them still counts."""
        return state is not None and len(state) >= self.limit and state[-self.limit] + self.window.closes > at

    def next_change(self, state: list[int] | None, view: ContactView, at: int) -> int | None:
        """When it does not any more."""
        if state is None or len(state) < self.limit:
            return None
        edge = state[-self.limit] + self.window.closes
        return edge if edge > at else None
