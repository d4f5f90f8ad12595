"""Telnyx's webhooks, normalised: pure. https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks

Signed by Ed25519 over `timestamp|body`: https://developers.telnyx.com/docs/messaging/messages/webhook-verification
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from flows.delivery.origin import Origin
from flows.delivery.outcomes import ProviderEvent
from schemas.times import parse_instant
from sinks.providers.hook_rows import Row, row_of

SIGNATURE_HEADER: Final = "telnyx-signature-ed25519"
TIMESTAMP_HEADER: Final = "telnyx-timestamp"
_FAILED: Final = frozenset({"delivery_failed", "sending_failed"})
_LOST: Final = frozenset({"40001", "40012", "40310"})  # a landline, no such number
_STOP: Final = "40300"


def is_signed(key: str, signature: str, timestamp: str, body: bytes) -> bool:
    """Whether Telnyx signed these very bytes at this timestamp. `key` is base64; anything odd is False."""
    try:
        public = Ed25519PublicKey.from_public_bytes(b64decode(key, validate=True))
        public.verify(b64decode(signature, validate=True), f"{timestamp}|".encode() + body)
    except (InvalidSignature, Base64Error, ValueError):
        return False
    return True


def read(body: bytes, origin: Origin) -> list[Row]:
    """The one event of a body."""
    return [row_of(body, lambda data: normalise(data["data"], origin))]


def normalise(data: dict[str, Any], origin: Origin) -> ProviderEvent | None:
    """The event in our words; None for what asks for nothing here."""
    if data["event_type"] != "message.finalized":
        return None
    payload = data["payload"]
    to = payload["to"][0]
    errors = payload.get("errors") or [{}]
    code, status = str(errors[0].get("code", "")), to["status"]
    if status != "delivered" and status not in _FAILED:
        return None
    bounced = status in _FAILED
    return ProviderEvent(
        outcome="unsubscribed" if code == _STOP else "bounced" if bounced else "delivered",
        id=str(data["id"]),
        at=parse_instant(data["occurred_at"]),
        origin=origin,
        address=str(to.get("phone_number", "")),
        reason=f"{code} {errors[0].get('title', '')}".strip() if bounced else "",
        permanent=bounced and code in _LOST,
    )
