"""Trigger: where a run begins. What opens it is the reducer's affair; as a node it only goes on."""

from __future__ import annotations

from dataclasses import dataclass

from flows.journeys.nodes.base import ON, Result, Visit


@dataclass(frozen=True, slots=True)
class Trigger:
    """The node of one trigger."""

    id: str

    def enter(self, visit: Visit) -> Result:
        """Go on."""
        return ON
