"""Providers: who delivers a channel's messages, in whose name, and how fast."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from schemas.definitions.base import Body, Id, Strict, register
from schemas.definitions.simple import Channel

Address = Annotated[str, StringConstraints(pattern=r"^[^@\s<>,;:\"]{1,64}@[A-Za-z0-9.-]{1,253}\.[A-Za-z]{2,63}$")]
PlainLine = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=200)]
Token = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:+-]{1,200}$")]
Domain = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]{1,253}$")]
Type = Literal["sendgrid", "ses", "postmark", "smtp", "twilio", "telnyx", "fcm", "onesignal", "webhook"]


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https", "smtp", "smtps") or not parts.hostname or parts.username is not None:
        raise ValueError(f"{text!r} must be like https://hooks.example.com/waxwing or smtp://mail.example.com:587")
    return text


def _instant(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError(f"{text!r} must have an offset, such as Z")
    return text


class Sender(Strict):
    """From whom an email comes."""

    email: Address
    name: PlainLine = ""


class WarmUp(Strict):
    """A new sender's allowance a day (UTC): `first_day`, times `growth` each day from `since` on, for `days` days.

    With `domains` each of these domains of recipients has such an allowance of its own, and others are free.
    """

    since: Annotated[str, AfterValidator(_instant)]
    first_day: int = Field(ge=1)
    growth: float = Field(default=1.5, ge=1, le=10)
    days: int = Field(default=30, ge=1, le=365)
    domains: tuple[Domain, ...] = ()


class Shape(NamedTuple):
    """What a type delivers and which fields it needs and may have."""

    channel: Channel
    needs: frozenset[str]
    may: frozenset[str] = frozenset()


_EMAIL: Final = frozenset({"reply_to"})
SHAPES: Final[dict[Type, Shape]] = {
    "sendgrid": Shape("email", frozenset({"from"}), _EMAIL),
    "ses": Shape("email", frozenset({"from", "region", "account"}), _EMAIL | {"configuration"}),
    "postmark": Shape("email", frozenset({"from"}), _EMAIL | {"stream"}),
    "smtp": Shape("email", frozenset({"from", "url"}), _EMAIL | {"account"}),
    "twilio": Shape("sms", frozenset({"account"}), frozenset({"number", "service"})),
    "telnyx": Shape("sms", frozenset(), frozenset({"number", "service"})),
    "fcm": Shape("push", frozenset({"account"})),
    "onesignal": Shape("push", frozenset({"account"})),
    "webhook": Shape("webhook", frozenset({"url"})),
}
_OPTIONAL: Final = ("reply_to", "region", "account", "configuration", "stream", "url", "number", "service")


@register
class Provider(Body):
    """`provider`: a channel's service. Of its secret it holds the name: `WAXWING_SECRET_<NAME>` has the value.

    Of a channel's providers that can take a message the one of lowest `priority` does, then by id.

    account         Twilio's account SID, FCM's project, OneSignal's app, SES's access key id, SMTP's user
    service         a pool of numbers: Twilio's messaging service, Telnyx's messaging profile; else `number`
    configuration   SES's configuration set; `stream` Postmark's message stream
    url             where a webhook goes, or the mail server
    """

    KIND: ClassVar[str] = "provider"
    kind: Literal["provider"]
    channel: Channel | None = None
    type: Type
    secret: Id | None = None  # by default the provider's own id
    sender: Sender | None = Field(default=None, alias="from")
    reply_to: Address | None = None
    account: Token | None = None
    region: Token | None = None
    configuration: Token | None = None
    stream: Token | None = None
    number: Annotated[str, StringConstraints(pattern=r"^(\+[1-9]\d{6,14}|\d{3,8}|[A-Za-z0-9 ]{1,11})$")] | None = None
    service: Token | None = None
    url: Annotated[str, AfterValidator(_url)] | None = None
    priority: int = Field(default=0, ge=0, le=1_000)
    concurrency: int = Field(default=64, ge=1, le=1_000)  # requests under way at once
    rate: float | None = Field(default=None, gt=0, le=100_000)  # messages a second
    warm_up: WarmUp | None = None

    @model_validator(mode="after")
    def _fits(self) -> Provider:
        shape = SHAPES[self.type]
        if self.channel not in (None, shape.channel):
            raise ValueError(f"{self.type} delivers {shape.channel}, not {self.channel}")
        given = {name for name in _OPTIONAL if getattr(self, name) is not None} | ({"from"} if self.sender else set())
        if missing := sorted(shape.needs - given):
            raise ValueError(f"{self.type} needs {', '.join(missing)}")
        if surplus := sorted(given - shape.needs - shape.may):
            raise ValueError(f"{self.type} has no {', '.join(surplus)}")
        if shape.channel == "sms" and (self.number is None) == (self.service is None):
            raise ValueError(f"{self.type} needs either `number` or `service`")
        if self.url and self.url.startswith("smtp") != (self.type == "smtp"):
            raise ValueError(f"{self.url!r} is no address for {self.type}")
        return self

    @property
    def delivers(self) -> Channel:
        """The channel."""
        return SHAPES[self.type].channel

    @property
    def secret_name(self) -> str:
        """The name of its secret."""
        return self.secret or self.id
