"""`experiment`: what was decided of a split: the shares that its arms have from now on, and the figures behind it.

The role `analysis` publishes them; a person who publishes one decides by hand, and nothing decides after that.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from schemas.definitions.base import Body, Id, Strict, register
from schemas.definitions.node import invalid
from schemas.errors import Violation
from schemas.ids import uuid5


class DecidedArm(Strict):
    """An arm's share of those who come later, in percent, and what is known of it.

    `rate` is successes / samples, within `low` and `high` (Wilson, 95%); `best` how likely it is the best.
    """

    name: Id
    share: float = Field(ge=0, le=100, strict=False)
    samples: int = Field(0, ge=0)
    successes: int = Field(0, ge=0)
    rate: float = Field(0, ge=0, le=1, strict=False)
    low: float = Field(0, ge=0, le=1, strict=False)
    high: float = Field(1, ge=0, le=1, strict=False)
    best: float = Field(0, ge=0, le=1, strict=False)


@register
class Experiment(Body):
    """`experiment`: the decision on a split. `form` is the split's for which it holds; empty: whatever its form is."""

    KIND: ClassVar[str] = "experiment"
    kind: Literal["experiment"]
    journey: Id
    node: Id
    form: str = ""
    method: Literal["winner", "bandit", "hand"] = "hand"
    reason: str = ""
    arms: tuple[DecidedArm, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_whole(self) -> Experiment:
        faults = []
        expected = experiment_id(self.journey, self.node)
        if self.id != expected:
            faults.append(Violation("id", f"must be {expected!r} for this journey and node: one decision a split"))
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            faults.append(Violation("arms", "an arm stands twice"))
        total = sum(arm.share for arm in self.arms)
        if abs(total - 100) > 1e-6:
            faults.append(Violation("arms", f"the shares sum to {total:g}; they must sum to 100"))
        if faults:
            raise invalid(faults)
        return self


def experiment_id(journey: str, node: str) -> str:
    """The id of the decisions on a split: readable where that is unambiguous.

    >>> experiment_id("welcome", "subject")
    'welcome.subject'
    """
    plain = f"{journey}.{node}"
    return plain if plain.count(".") == 1 and len(plain) <= 100 else uuid5("experiment", journey, node)
