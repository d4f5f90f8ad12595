"""`trait`: what the profile says now."""

from __future__ import annotations

from typing import Any

from flows.contact.view import MISSING, ContactView
from flows.segments.compare import TIMED, compile_comparison
from flows.segments.leaf import Leaf, leaf_id
from flows.segments.where import ZONE
from schemas.definitions import conditions as spec


def keys_of(leaf: spec.Trait) -> set[str]:
    """The trait itself; the zone where it is asked."""
    return {f"trait:{leaf.path}", *({ZONE} if leaf.comparison.op in TIMED else ())}


class Trait(Leaf):
    """Without a state: it asks the profile."""

    def __init__(self, leaf: spec.Trait):
        self.path, self.comparator = leaf.path, compile_comparison(leaf.comparison)
        super().__init__(leaf_id(leaf), keys_of(leaf))

    def truth(self, state: None, view: ContactView, at: int) -> bool:
        """Whether the value fits."""
        return self.comparator.test(view.trait(self.path), view, at)

    def next_change(self, state: None, view: ContactView, at: int) -> int | None:
        """Where a date comes near, or passes."""
        return self.comparator.next_change(view.trait(self.path), view, at) if self.comparator.timed else None

    def explain(self, state: None, view: ContactView, at: int) -> dict[str, Any]:
        """The value."""
        return {"value": value_of(view, self.path)}


def value_of(view: ContactView, path: str) -> Any:
    """The trait for people: None where it is missing."""
    value = view.trait(path)
    return None if value is MISSING else value
