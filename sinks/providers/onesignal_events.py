"""OneSignal's Event Streams, normalised: pure. https://documentation.onesignal.com/docs/en/event-streams

OneSignal signs nothing; a stream is given the header `Authorization: Bearer <secret>`. Its body is what its owner makes
it: OneSignal's own examples, flat or in parts, of which these fields are read
(https://documentation.onesignal.com/docs/en/event-streams-data):

    {"event.kind": "{{ event.kind }}", "event.id": "{{ event.id }}", "event.timestamp": "{{ event.timestamp }}",
     "event.subscription_id": "{{ event.subscription_id }}", "event.data.failure_reason":
     "{{ event.data.failure_reason }}", "message.name": "{{ message.name }}", "message.url": "{{ message.url }}"}

Of what went out with the message only its name comes back, 128 characters at most; so that says where in the log the
send is, and which it has to be.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from flows.delivery.origin import Origin
from flows.delivery.outcomes import Outcome, ProviderEvent
from flows.delivery.provider import Message
from sinks.providers.hook_rows import Row, row_of

_OUTCOMES: Final[dict[str, Outcome]] = {
    "message.push.received": "delivered",
    "message.push.clicked": "clicked",
    "message.push.failed": "bounced",
    "message.push.unsubscribed": "unsubscribed",
}
_LONGEST_NAME: Final = 128
_NAME: Final = re.compile(r"waxwing:(\d{1,9}):(\d{1,19}):([0-9a-f-]{36}):(.*)", re.ASCII)


class Place(NamedTuple):
    """Where the send stands in the log, its id, and the provider by which it went (empty where its id is too long)."""

    partition: int
    offset: int
    send: str
    provider: str


def is_known(secret: str, header: str) -> bool:
    """Whether the Authorization header holds this bearer token; anything odd is False."""
    kind, _, said = header.partition(" ")
    return kind.lower() == "bearer" and hmac.compare_digest(said.encode(), secret.encode())


def name_of(message: Message) -> str:
    """The name of a message that goes out."""
    name = f"waxwing:{message.place or '0:0'}:{message.origin.send}:"
    with_provider = name + message.origin.provider
    return with_provider if len(with_provider) <= _LONGEST_NAME else name


def place_of(name: str) -> Place | None:
    """What `name_of` says; None for the name of somebody else's message."""
    found = _NAME.fullmatch(name)
    return Place(int(found[1]), int(found[2]), found[3], found[4]) if found else None


def read(body: bytes, origin_at: Callable[[Place], Origin]) -> list[Row]:
    """The one event of a body. `origin_at` raises UnreadableRecord where the log does not hold the send any more."""

    def event(data: dict[str, Any]) -> ProviderEvent | None:
        parts = [data, *(part for part in data.values() if isinstance(part, dict))]
        fields = {name: value for part in parts for name, value in part.items()}
        if fields["event.kind"] not in _OUTCOMES:
            return None
        place = place_of(str(fields["message.name"]))
        return None if place is None else normalise(fields, origin_at(place))

    return [row_of(body, event)]


def normalise(fields: dict[str, Any], origin: Origin) -> ProviderEvent:
    """One event in our words."""
    outcome = _OUTCOMES[fields["event.kind"]]
    return ProviderEvent(
        outcome=outcome,
        id=str(fields["event.id"]),
        at=int(fields["event.timestamp"]) * 1000,
        origin=origin,
        address=str(fields.get("event.subscription_id") or ""),
        url=str(fields.get("message.url") or "") if outcome == "clicked" else "",
        reason=str(fields.get("event.data.failure_reason") or ""),
    )
