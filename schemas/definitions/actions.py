"""Actions of a journey, a closed union by `do`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from schemas.definitions.base import Id
from schemas.definitions.node import Length, Node
from schemas.definitions.simple import Channel, Duration


class Action(Node):
    """A node that does something and goes on."""

    type: Literal["action"]


class Message(Action):
    """What messages share."""

    template: Id
    campaign: Id | Literal[""] = ""
    expires: Duration | None = None

    def optional(self) -> tuple[str, ...]:
        """`skipped`: the message may not go."""
        return ("skipped",)


class SendAction(Message):
    """A message on a channel, or on the first of `channels` that may be used."""

    do: Literal["send"]
    channel: Channel | None = None
    channels: tuple[Channel, ...] = ()
    topic: Id = "default"

    @model_validator(mode="after")
    def _has_channels(self) -> SendAction:
        if (self.channel is None) == (not self.channels):
            raise ValueError("write either `channel` or `channels`, an order of fallback")
        return self


class WebhookAction(Message):
    """A message on channel `webhook`."""

    do: Literal["webhook"]


class TagAction(Action):
    """Adds or removes a tag: the trait `tags.<tag>`."""

    do: Literal["add_tag", "remove_tag"]
    tag: str = Field(min_length=1, max_length=200)


class SetTraitAction(Action):
    """Sets a trait; null removes it."""

    do: Literal["set_trait"]
    trait: str = Field(min_length=1)
    value: Any


class CreateTaskAction(Action):
    """A task in the CRM, `due` a duration from now."""

    do: Literal["create_task"]
    title: str = Field(min_length=1)
    due: Length | None = None
    data: dict[str, Any] = Field({})


class AddToSegmentAction(Action):
    """Adds the contact to a static segment."""

    do: Literal["add_to_segment"]
    segment: Id


class StartJourneyAction(Action):
    """Enters the contact into another journey that has an `api` trigger, with the same entry."""

    do: Literal["start_journey"]
    journey: Id
