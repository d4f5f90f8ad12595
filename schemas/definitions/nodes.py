"""The nodes of a journey as a person writes them: a closed union by `type`; some types are unions themselves.

Each model says which branches may be taken from it.
"""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias

from pydantic import Field, model_validator

from schemas.definitions.actions import (
    AddToSegmentAction,
    CreateTaskAction,
    SendAction,
    SetTraitAction,
    StartJourneyAction,
    TagAction,
    WebhookAction,
)
from schemas.definitions.base import Id, Strict
from schemas.definitions.node import JourneyCondition, Node, by_field, by_value, invalid, read
from schemas.definitions.split import Split, read_split
from schemas.definitions.triggers import Trigger
from schemas.definitions.waits import (
    WaitBestTime,
    WaitFor,
    WaitForEvent,
    WaitForSegment,
    WaitUntil,
    WaitUntilDate,
    WaitWindow,
)
from schemas.errors import Violation


class If(Node):
    """One question, `yes` or `no`."""

    type: Literal["condition"]
    if_: JourneyCondition = Field(alias="if")

    def branches(self) -> tuple[str, ...]:
        """`yes`, `no`."""
        return ("yes", "no")


class Branch(Strict):
    """A branch and who takes it."""

    name: Id
    if_: JourneyCondition = Field(alias="if")


class Branches(Node):
    """The first branch that fits; `else` names the branch of those whom none fits."""

    type: Literal["condition"]
    of: tuple[Branch, ...] = Field(alias="branches", min_length=1)
    else_: Id | Literal[""] = Field("", alias="else")

    def branches(self) -> tuple[str, ...]:
        """Those named, and the one for the others."""
        return (*(b.name for b in self.of), self.else_)

    @model_validator(mode="after")
    def _are_distinct(self) -> Branches:
        names = self.branches()
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two of the branch names are {', '.join(sorted(twice))!r}")
        return self


class Exit(Node):
    """The run is complete."""

    type: Literal["exit"]
    reason: str = Field("completed", min_length=1)

    def branches(self) -> tuple[str, ...]:
        """None."""
        return ()


AnyWait: TypeAlias = WaitFor | WaitUntil | WaitWindow | WaitUntilDate | WaitForEvent | WaitForSegment | WaitBestTime
AnyAction: TypeAlias = (
    SendAction | WebhookAction | TagAction | SetTraitAction | CreateTaskAction | AddToSegmentAction | StartJourneyAction
)
AnyNode: TypeAlias = Trigger | AnyWait | If | Branches | Split | AnyAction | Exit

_WAITS: Final[dict[str, type[AnyWait]]] = {
    "for": WaitFor,
    "until": WaitUntil,
    "window": WaitWindow,
    "until_date": WaitUntilDate,
    "for_event": WaitForEvent,
    "for_segment": WaitForSegment,
    "best_time": WaitBestTime,
}
_CONDITIONS: Final[dict[str, type[If | Branches]]] = {"if": If, "branches": Branches}
_ACTIONS: Final[dict[str, type[AnyAction]]] = {
    "send": SendAction,
    "webhook": WebhookAction,
    "add_tag": TagAction,
    "remove_tag": TagAction,
    "set_trait": SetTraitAction,
    "create_task": CreateTaskAction,
    "add_to_segment": AddToSegmentAction,
    "start_journey": StartJourneyAction,
}
_ALONE: Final[dict[str, type[Trigger | Exit]]] = {"trigger": Trigger, "exit": Exit}


def read_node(raw: Any) -> AnyNode:
    """The node; ValidationError with every fault."""
    type_ = raw.get("type") if isinstance(raw, dict) else None
    match type_:
        case "wait":
            return by_field(raw, _WAITS)
        case "condition":
            return by_field(raw, _CONDITIONS)
        case "action":
            return by_value(raw, "do", _ACTIONS)
        case "split":
            return read_split(raw)
        case "trigger" | "exit":
            return read(raw, _ALONE[type_])
        case _:
            raise invalid([Violation("type", f"{type_!r} is none of trigger, wait, condition, split, action, exit")])
