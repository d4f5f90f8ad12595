"""Postmark's webhooks, normalised: pure. https://postmarkapp.com/developer/webhooks/webhooks-overview

Postmark signs nothing; it calls with the user and password that stand in the webhook's address.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from typing import Any, Final

from flows.delivery.origin import Origin, unpack
from flows.delivery.outcomes import Outcome, ProviderEvent
from schemas.times import parse_instant
from sinks.providers.hook_rows import Row, row_of
from sinks.providers.postmark import METADATA

_BOUNCES: Final[dict[str, Outcome | None]] = {  # types that are no bounce
    "Unsubscribe": "unsubscribed",
    "SpamNotification": "complained",
    "SpamComplaint": "complained",
    "AutoResponder": None,
    "AddressChange": None,
    "Subscribe": None,
    "ChallengeVerification": None,
}
_LOST: Final = frozenset({"HardBounce", "BadEmailAddress", "ManuallyDeactivated"})
_SUPPRESSIONS: Final[dict[str, Outcome]] = {
    "ManualSuppression": "unsubscribed",
    "HardBounce": "bounced",
    "SpamComplaint": "complained",
}
_AT: Final = {
    "Delivery": "DeliveredAt",
    "Bounce": "BouncedAt",
    "SpamComplaint": "BouncedAt",
    "SubscriptionChange": "ChangedAt",
}


def is_known(user_and_password: str, header: str) -> bool:
    """Whether the Authorization header holds this `user:password`; anything odd is False."""
    kind, _, encoded = header.partition(" ")
    try:
        said = b64decode(encoded, validate=True)
    except (Base64Error, ValueError):
        return False
    return kind.lower() == "basic" and hmac.compare_digest(said, user_and_password.encode())


def read(body: bytes, received_at: int) -> list[Row]:
    """The one event of a body."""

    def event(data: dict[str, Any]) -> ProviderEvent | None:
        metadata = data.get("Metadata") or {}
        pieces = [metadata[name] for i in range(10) if (name := f"{METADATA}{i}") in metadata]
        return normalise(data, unpack(pieces), received_at) if pieces else None

    return [row_of(body, event)]


def normalise(data: dict[str, Any], origin: Origin, received_at: int) -> ProviderEvent | None:
    """One event in our words; None for what asks for nothing here."""
    record, type = data["RecordType"], str(data.get("Type", ""))
    outcome = _outcome(record, type, data)
    if outcome is None:
        return None
    at = data.get(_AT.get(record, "ReceivedAt"))
    message = str(data["MessageID"])
    is_lost = type in _LOST or data.get("SuppressionReason") == "HardBounce"
    return ProviderEvent(
        outcome=outcome,
        id=str(data.get("ID") or f"{message}:{record}:{at}"),
        at=parse_instant(at) if at else received_at,
        origin=origin,
        address=str(data.get("Email") or data.get("Recipient") or ""),
        url=str(data.get("OriginalLink") or ""),
        reason=str(data.get("Description") or data.get("SuppressionReason") or "") if outcome != "opened" else "",
        permanent=outcome == "bounced" and is_lost,
    )


def _outcome(record: str, type: str, data: dict[str, Any]) -> Outcome | None:
    match record:
        case "Delivery":
            return "delivered"
        case "Open":
            return "opened"
        case "Click":
            return "clicked"
        case "SpamComplaint":
            return "complained"
        case "Bounce":
            return _BOUNCES.get(type, "bounced")
        case "SubscriptionChange":
            return _SUPPRESSIONS[data["SuppressionReason"]] if data["SuppressSending"] else None
        case _:
            return None
