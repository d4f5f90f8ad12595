"""Split: arms by hash. A contact takes the same arm at every visit, in every run and version of the journey.

Where a rule may move the shares, the arm that a contact took is kept in its state, so that it stays when they move. The
decision (`schemas.definitions.experiment`) holds for those who come after it is active, and is a record: replays decide
alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

from flows.definitions.catalogue import Published
from flows.journeys.nodes.base import Leave, Result, Visit
from flows.journeys.run import SECTION
from schemas.definitions import split as written
from schemas.ids import bucket

Bounds = tuple[tuple[str, float], ...]  # each arm's name and where its share of [0, 100) ends


class Decision(NamedTuple):
    """The shares that were decided, for a split of this form (empty: of any)."""

    version: int
    form: str
    method: str
    bounds: Bounds


@dataclass(frozen=True, slots=True)
class Split:
    """`bounds` are the shares as they are written; `form` is empty where no rule may move them."""

    id: str
    bounds: Bounds
    form: str = ""

    def enter(self, visit: Visit) -> Result:
        """Go on by the arm whose share holds the contact's place."""
        run, scope = visit.run, visit.scope
        salt = f"{run.journey}/{self.id}"
        decision = scope.active.experiments.get((run.journey, self.id))
        if decision is not None and decision.form not in ("", self.form):
            decision = None
        if not self.form and decision is None:
            run.variant = _arm_at(self.bounds, bucket(salt, scope.contact))
            return Leave(run.variant)
        arms = scope.state.get(SECTION).arms
        if (kept := arms.get(salt)) is not None and any(name == kept for name, _ in self.bounds):
            run.variant = kept
            return Leave(kept, {"arm": kept, "by": "kept"})
        run.variant, why = self._assign(salt, scope.contact, decision)
        arms[salt] = run.variant
        return Leave(run.variant, why)

    def _assign(self, salt: str, contact: str, decision: Decision | None) -> tuple[str, dict[str, Any]]:
        if decision is None:
            place = bucket(salt, contact)
            return (arm := _arm_at(self.bounds, place)), {"arm": arm, "by": "shares", "place": round(place, 3)}
        place = bucket(f"{salt}/{decision.version}", contact)
        arm = _arm_at(decision.bounds, place)
        if all(name != arm for name, _ in self.bounds):  # decided by hand for another form of the split
            arm = _arm_at(self.bounds, place)
        return arm, {"arm": arm, "by": decision.method, "decision": decision.version, "place": round(place, 3)}


def _arm_at(bounds: Bounds, place: float) -> str:
    return next((name for name, end in bounds if place < end), bounds[-1][0])


def _bounds(shares: Iterable[tuple[str, float]]) -> Bounds:
    """The arms in their order; those without a share get nobody."""
    shown = [(name, share) for name, share in shares if share > 0]
    return tuple(zip([name for name, _ in shown], accumulate(share for _, share in shown), strict=True))


def compile_split(node: written.Split) -> Split:
    """The arms in their order."""
    ends = accumulate(arm.share for arm in node.arms)
    bounds = tuple((arm.name, end) for arm, end in zip(node.arms, ends, strict=True))
    return Split(node.id, bounds, node.form if node.rule is not None else "")


def compile_decisions(published: Sequence[Published]) -> dict[tuple[str, str], Decision]:
    """(journey, node) -> what was decided."""
    return {
        (p.body["journey"], p.body["node"]): Decision(
            p.version,
            p.body.get("form", ""),
            p.body.get("method", "hand"),
            _bounds((arm["name"], arm["share"]) for arm in p.body["arms"]),
        )
        for p in published
    }
