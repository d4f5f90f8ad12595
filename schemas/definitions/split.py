"""`split`: a division of those who come by, by hash; its shares may be moved by what becomes of the arms."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from schemas.definitions.base import Id, Strict
from schemas.definitions.condition_forms import RELATIVE_OPS
from schemas.definitions.node import EventMatch, Node, invalid, read
from schemas.definitions.simple import Duration
from schemas.errors import Violation
from schemas.faults import violations_of
from schemas.ids import content_hash

Outcome: TypeAlias = Literal["delivered", "opened", "clicked", "goal"]


def _sort_of(raw: Any) -> str:
    return "event" if isinstance(raw, dict | EventMatch) else "outcome"


Metric = Annotated[
    Annotated[Outcome, Tag("outcome")] | Annotated[EventMatch, Tag("event")], Discriminator(_sort_of)
]  # an outcome by its name, or an event


class Arm(Strict):
    """A part of those who come by, in percent."""

    name: Id
    share: float = Field(ge=0, le=100, strict=False)


class Watched(Strict):
    """What counts as success of a contact that took an arm: the metric, within `after` of passing the split.

    `delivered`, `opened` and `clicked` are of this run's messages that were planned from the split on, machines aside;
    `goal` is the journey's; an event is one of the contact's. A contact is a sample once `after` has passed.
    """

    metric: Metric
    after: Duration = "24h"

    @model_validator(mode="after")
    def _is_countable(self) -> Watched:
        if isinstance(self.metric, EventMatch):
            timed = {part.op for part in self.metric.where} & {"before", "after", "anniversary", *RELATIVE_OPS}
            if timed:
                raise ValueError(f"a metric cannot ask {', '.join(sorted(timed))}: its events are counted long after")
        return self


class Winner(Watched):
    """The arm that is likely enough the best takes all who come later, once each arm has `min_samples`.

    Where `latest` is given the leader wins so long after the first contact passed, however likely it is.
    """

    min_samples: int = Field(100, ge=1)
    confidence: float = Field(0.95, ge=0.5, lt=1, strict=False)
    latest: Duration | None = None


class Bandit(Watched):
    """Thompson sampling: each arm gets those who come later as likely as it is the best; told anew each `every`."""

    every: Duration = "1h"


class Split(Node):
    """A division by hash: a contact takes the same arm every time."""

    type: Literal["split"]
    arms: tuple[Arm, ...] = Field(min_length=2)
    winner: Winner | None = None
    bandit: Bandit | None = None

    def branches(self) -> tuple[str, ...]:
        """One for each arm."""
        return tuple(arm.name for arm in self.arms)

    @property
    def rule(self) -> Winner | Bandit | None:
        """What moves the shares; None where they stay."""
        return self.winner or self.bandit

    @property
    def form(self) -> str:
        """Names arms and rule together: samples count for a split as long as both stay what they are."""
        said = self.model_dump(mode="json", include={"arms", "winner", "bandit"})
        return content_hash(msgspec.json.encode(said, order="deterministic"))[:16]


def read_split(raw: Any) -> Split:
    """The split; ValidationError with the faults of its parts and those of the whole, all at once."""
    faults: list[Violation] = []
    try:
        split = read(raw, Split)
    except ValidationError as e:
        faults = violations_of(e)
    if isinstance(raw, dict):
        faults += [Violation("", fault) for fault in _faults(raw)]
    if faults:
        raise invalid(faults)
    return split


def _faults(data: dict[str, Any]) -> list[str]:
    """What does not hold of the split as a whole, as far as its parts can be read."""
    raw, faults = data.get("arms"), []
    arms = [arm for arm in raw if isinstance(arm, dict)] if isinstance(raw, list | tuple) else []
    shares = [arm["share"] for arm in arms if isinstance(arm.get("share"), int | float)]
    if arms and len(shares) == len(arms) and abs(sum(shares) - 100) > 1e-9:
        faults.append(f"the shares sum to {sum(shares):g}; they must sum to 100")
    names = [arm["name"] for arm in arms if isinstance(arm.get("name"), str)]
    if twice := {name for name in names if names.count(name) > 1}:
        faults.append(f"two of the arm names are {', '.join(sorted(twice))!r}")
    if data.get("winner") is not None and data.get("bandit") is not None:
        faults.append("give either `winner` or `bandit`, not both")
    return faults
