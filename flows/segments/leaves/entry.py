"""`entry`: what the record says that opened the journey's run."""

from __future__ import annotations

from typing import Any

from flows.contact.view import MISSING, ContactView
from flows.segments.compare import TIMED, compile_comparison
from flows.segments.leaf import Leaf, leaf_id
from flows.segments.where import ZONE, look_up
from schemas.definitions import conditions as spec
from schemas.records import Event


class Entry(Leaf):
    """State: the value, kept from the beginning of the run; None where it is missing."""

    def __init__(self, leaf: spec.EntryIs):
        self.part, *self.path = leaf.path.split(".")
        self.comparator = compile_comparison(leaf.comparison)
        super().__init__(leaf_id(leaf), {ZONE} if leaf.comparison.op in TIMED else (), in_run=True)

    def begin(self, event: Event | None) -> Any:
        """The value at the path: `properties.…`, `traits.…`, `context.…`, or one of the event's own fields."""
        found = getattr(event, self.part, None)
        value = look_up(found, self.path) if isinstance(found, dict) else found
        return None if value is MISSING or (self.path and not isinstance(found, dict)) else value

    def truth(self, state: Any, view: ContactView, at: int) -> bool:
        """Whether the value fits."""
        return self.comparator.test(MISSING if state is None else state, view, at)

    def next_change(self, state: Any, view: ContactView, at: int) -> int | None:
        """Where a date comes near, or passes."""
        return self.comparator.next_change(state, view, at) if self.comparator.timed else None

    def size(self, per_day: int) -> int:
        """One value."""
        return 64

    def explain(self, state: Any, view: ContactView, at: int) -> dict[str, Any]:
        """The value."""
        return {"value": state}
