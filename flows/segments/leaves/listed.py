"""The one leaf of a static segment: added and removed by API, file or action; the latest by `at` stands."""

from __future__ import annotations

from typing import Any

from flows.contact.view import ContactView
from flows.segments.leaf import EventLeaf, short_id
from schemas.definitions.conditions import EventName
from schemas.facts import SEGMENT_ADDED, SEGMENT_REMOVED
from schemas.records import Event


class Listed(EventLeaf):
    """State: `[at, whether added, place in the log]` of the latest fact, of two at one instant the later in the log."""

    def __init__(self, segment: str):
        self.segment = segment
        super().__init__(
            short_id(b"listed:" + segment.encode()), (EventName(SEGMENT_ADDED), EventName(SEGMENT_REMOVED))
        )

    def observe(self, state: list[Any] | None, event: Event, at: int) -> list[Any] | None:
        """Take the fact where none is later."""
        if not self.names_it(event) or event.properties.get("segment") != self.segment:
            return state
        if state is not None and _when(state) > (event.at, [event.place]):
            return state
        return [event.at, event.name == SEGMENT_ADDED, event.place]

    def truth(self, state: list[Any] | None, view: ContactView, at: int) -> bool:
        """Whether the latest fact added the contact."""
        return state is not None and bool(state[1])

    def union(self, a: list[Any], b: list[Any]) -> list[Any]:
        """The later one."""
        return a if _when(a) > _when(b) else b

    def size(self, per_day: int) -> int:
        """One fact."""
        return 24

    def explain(self, state: list[Any] | None, view: ContactView, at: int) -> dict[str, Any]:
        """When the latest fact happened, and what it did."""
        return {} if state is None else {"at": state[0], "added": state[1]}


def _when(state: list[Any]) -> tuple[int, list[Any]]:
    """What the order goes by; one that was kept before places were is the earlier."""
    return state[0], state[2:]
