"""What delivery asks of a provider, and the answers that it knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

from flows.delivery.origin import Origin


class Message(NamedTuple):
    """One message, rendered and addressed. `unsubscribe_url` is set on marketing email; `links` are its targets.

    `token` names its origin, signed: for providers that call back at an address and carry no metadata; `place` is the
    send's `partition:offset` in the log, for one that carries a short name alone. `not_after`, in ms since boot, is
    until when it may be put on the network (0: at any time): later the send may be another worker's.
    """

    origin: Origin
    to: str
    subject: str = ""
    html: str = ""
    text: str = ""
    unsubscribe_url: str = ""
    links: tuple[str, ...] = ()
    data: Mapping[str, str] = {}
    token: str = ""
    not_after: int = 0
    place: str = ""


def is_late(not_after: int, now: int) -> bool:
    """Whether a message may not be put on the network any more; to be asked right before that is done."""
    return 0 < not_after <= now


class Accepted(NamedTuple):
    """The provider has it and answers for it."""

    provider_id: str = ""


class Refused(NamedTuple):
    """It will never be accepted: because of this message, this address (suppress it), or the account (stop, tell)."""

    reason: str
    scope: Literal["message", "address", "account"] = "message"


class Retry(NamedTuple):
    """It was not accepted; later it may be, not before `after_s` where the provider says so."""

    reason: str
    after_s: float = 0.0


LATE = Retry("this worker was held up before it went out; it makes sure that the send is still its own")


class Unknown(NamedTuple):
    """Nobody knows whether it was accepted: the line was cut, or no answer came in time."""

    reason: str


class Absent(NamedTuple):
    """The answer to a look-up: it may be handed over again, for the provider vouches that it does not have the send,
    or takes the same id only once."""


Result = Accepted | Refused | Retry | Unknown
Found = Accepted | Absent | Unknown


class Provider(Protocol):
    """Delivers messages of a channel. Never raises for what the other side does: that is a Result."""

    name: str

    async def send(self, message: Message) -> Result:
        """Hand one message over."""
        ...

    async def find(self, send_id: str) -> Found:
        """What became of a send; Unknown where the provider has no way to tell."""
        ...

    async def close(self) -> None:
        """Release connections and files."""
        ...
