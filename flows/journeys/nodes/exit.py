"""Exit: the run is complete, for a reason."""

from __future__ import annotations

from dataclasses import dataclass

from flows.journeys.nodes.base import Finish, Result, Visit


@dataclass(frozen=True, slots=True)
class Exit:
    """An end of the journey."""

    id: str
    reason: str

    def enter(self, visit: Visit) -> Result:
        """End the run."""
        return Finish(self.reason)
