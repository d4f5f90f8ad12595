"""Providers: who delivers a channel's messages, and in whose name."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from schemas.definitions.base import Body, Strict, register

Address = Annotated[str, StringConstraints(pattern=r"^[^@\s<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,253}\.[A-Za-z]{2,63}$")]
PlainLine = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=200)]


class Sender(Strict):
    """From whom an email comes."""

    email: Address
    name: PlainLine = ""


@register
class Provider(Body):
    """`provider`: a channel's service. Its secrets are settings, never part of a definition."""

    KIND: ClassVar[str] = "provider"
    kind: Literal["provider"]
    channel: Literal["email"] = "email"
    type: Literal["sendgrid"]
    sender: Sender = Field(alias="from")
    reply_to: Address | None = None
    concurrency: int = Field(default=64, ge=1, le=1_000)  # requests under way at once
