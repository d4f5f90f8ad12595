"""Random trees and random histories, from a seed.

Instants lie on edges more often than chance would have it: on a grid, a whole duration apart, at midnights, and on days
on which clocks change.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.flows.segments.generate_conditions import Conditions
from tests.flows.segments.generate_histories import Histories
from tests.flows.segments.generate_values import DURATIONS, JSON, TOPICS, WORLD_ZONE
from tests.flows.segments.naive import Logged, World

__all__ = ["TOPICS", "WORLD_ZONE", "Generator"]


class Generator(Conditions, Histories):
    """Everything random of one round."""

    def world(self) -> World:
        """What trees name: a static segment, one over leaves, one over that; a snapshot; topics."""
        nested = {"or": [{"segment": "simple"}, {"not": {"segment": "static"}}]}
        segments: dict[str, Mapping[str, JSON]] = {
            "static": {"kind": "segment", "id": "static", "static": True},
            "simple": {"kind": "segment", "id": "simple", "where": self.simple()},
            "nested": {"kind": "segment", "id": "nested", "where": nested},
        }
        frozen = frozenset(self.random.sample(self.contacts, 3))
        return World(segments, {"frozen": frozen}, TOPICS, {}, WORLD_ZONE)

    def simple(self) -> JSON:
        """A tree that names no segment."""
        tree = self.tree(2)
        while "segment" in str(tree):
            tree = self.tree(2)
        return tree

    def asked_at(self, log: list[Logged]) -> int:
        """An instant to ask at: often one at which windows open or close, or a millisecond beside it."""
        r = self.random
        if r.random() < 0.3:
            at = r.choice(log).event.at + r.choice(DURATIONS) * r.choice((0, 1, 1, 2)) + r.choice((-1, 0, 0, 1))
        else:
            at = self.instant() + r.choice((-1, 0, 0, 0, 1))
        return max(at, log[0].logged_at)
