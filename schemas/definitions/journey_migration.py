"""`journey_migration`: the runs of one version of a journey move to another, each to the node that a map names."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from schemas.definitions.base import Body, Id, register
from schemas.definitions.node import invalid
from schemas.errors import Violation

Unmapped = Literal["stay", "exit"]


@register
class JourneyMigration(Body):
    """Done once, at the instant from which it is active, with every run of version `from` that lasts then.

    `nodes`: where runs are -> where they go on; at a wait they are waiting since they came to the old node. Runs
    elsewhere stay on their version, or end with reason `migrated`. One that `reverses` another takes back only what
    that one moved: each run to where it was, unless it has gone on; then `nodes` say where to.
    """

    KIND: ClassVar[str] = "journey_migration"
    kind: Literal["journey_migration"]
    journey: Id
    from_: int = Field(alias="from", ge=1)
    to: int = Field(ge=1)
    nodes: dict[str, str] = Field({})
    unmapped: Unmapped = "stay"
    reverses: Id | Literal[""] = ""

    @model_validator(mode="after")
    def _moves(self) -> JourneyMigration:
        if self.from_ == self.to:
            raise invalid([Violation("to", f"is version {self.to}, where the runs are")])
        return self
