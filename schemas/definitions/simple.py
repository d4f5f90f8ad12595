"""Small definitions that need a module of their own no longer than a few lines each."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from schemas.definitions.base import Body, register
from schemas.times import parse_duration


def _duration(text: str) -> str:
    if parse_duration(text) <= 0:
        raise ValueError(f"{text!r} must be longer than nothing")
    return text


def check_zone(name: str) -> str:
    """The name of an IANA zone, as it is; ValueError for another."""
    try:
        ZoneInfo(name)
    except Exception:
        raise ValueError(f"{name!r} is no IANA time zone; write one like Europe/Zurich") from None
    return name


Duration = Annotated[
    str, AfterValidator(_duration)
]  # a duration above zero, as `schemas.times.parse_duration` reads it
Zone = Annotated[str, AfterValidator(check_zone)]  # an IANA time zone
Channel = Literal["email", "sms", "push", "webhook"]


@register
class Workspace(Body):
    """`workspace`, id `default`: what holds where nothing else is said."""

    KIND: ClassVar[str] = "workspace"
    kind: Literal["workspace"]
    timezone: Zone = "UTC"
    currency: str = Field(default="EUR", pattern="^[A-Z]{3}$")
    locale: str = "en"
    marketing_expires: Duration = "12h"


@register
class Topic(Body):
    """`topic`: a subscription group of a channel; `default` is the consent of those who never said anything."""

    KIND: ClassVar[str] = "topic"
    kind: Literal["topic"]
    channel: Channel = "email"
    default: Literal["subscribed", "unsubscribed", "pending"] = "unsubscribed"


@register
class AttributionModel(Body):
    """`attribution_model`: how a conversion's value is divided among the touches before it."""

    KIND: ClassVar[str] = "attribution_model"
    kind: Literal["attribution_model"]
    model: Literal["last_touch", "first_touch", "linear"] = "last_touch"
    window: Duration = "30d"
    touches: tuple[Literal["sent", "delivered", "opened", "clicked", "replied"], ...] = ("opened", "clicked", "replied")
    conversions: tuple[str, ...] = ("order_completed", "deal_won")
