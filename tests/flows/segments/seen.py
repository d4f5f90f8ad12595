"""A contact as conditions see it, written down."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.contact.view import MISSING


@dataclass
class Seen:
    """A `ContactView` of what is given."""

    contact: str = "ann"
    zone: str = "UTC"
    traits: Mapping[str, Any] = field(default_factory=dict)
    segments: Collection[str] = ()
    scores: Mapping[str, float | None] = field(default_factory=dict)

    def trait(self, path: str) -> Any:
        return self.traits.get(path, MISSING)

    def consent(self, channel: str, topic: str) -> str:
        return ""

    def suppressed(self, channel: str) -> bool:
        return False

    def reachable(self, channel: str) -> bool:
        return False

    def member(self, segment: str) -> bool:
        return segment in self.segments

    def in_snapshot(self, snapshot: str) -> bool:
        return False

    def score(self, model: str) -> float | None:
        return self.scores.get(model)
