"""Split: arms by hash. A contact takes the same arm at every visit, in every run and version of the journey."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from flows.journeys.nodes.base import Leave, Result, Visit
from schemas.definitions import nodes as written
from schemas.ids import bucket


@dataclass(frozen=True, slots=True)
class Split:
    """`bounds`: each arm's name and where its share of [0, 100) ends."""

    id: str
    bounds: tuple[tuple[str, float], ...]

    def enter(self, visit: Visit) -> Result:
        """Go on by the arm whose share holds the contact's place."""
        place = bucket(f"{visit.run.journey}/{self.id}", visit.scope.contact)
        return Leave(next((name for name, end in self.bounds if place < end), self.bounds[-1][0]))


def compile_split(node: written.Split) -> Split:
    """The arms in their order."""
    ends = accumulate(arm.share for arm in node.arms)
    return Split(node.id, tuple((arm.name, end) for arm, end in zip(node.arms, ends, strict=True)))
