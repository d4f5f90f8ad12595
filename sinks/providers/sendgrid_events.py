"""SendGrid's event webhook, normalised: pure. https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event

The body is signed: ECDSA P-256 with SHA-256 over timestamp and raw body, in two headers. Nothing of it is read before
that is verified.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from flows.delivery.origin import Origin
from flows.delivery.outcomes import Outcome, ProviderEvent
from schemas.errors import UnreadableRecord
from sinks.providers.hook_rows import Row, row_of

SIGNATURE_HEADER: Final = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER: Final = "X-Twilio-Email-Event-Webhook-Timestamp"
_OUTCOMES: Final[dict[str, Outcome]] = {
    "delivered": "delivered",
    "open": "opened",
    "click": "clicked",
    "bounce": "bounced",
    "dropped": "bounced",
    "spamreport": "complained",
    "unsubscribe": "unsubscribed",
    "group_unsubscribe": "unsubscribed",
}
_PASSING: Final = frozenset({"processed", "deferred", "group_resubscribe", "account_status_change"})
_LOST_ADDRESS: Final = frozenset({"bounced address", "invalid", "spam reporting address"})  # reasons of a drop


def is_signed(key: str, signature: str, timestamp: str, body: bytes) -> bool:
    """Whether SendGrid signed these very bytes at this timestamp. `key` is base64 of DER; anything odd is False."""
    try:
        public = load_der_public_key(b64decode(key, validate=True))
        if not isinstance(public, EllipticCurvePublicKey):
            return False
        public.verify(b64decode(signature, validate=True), timestamp.encode() + body, ECDSA(SHA256()))
    except (InvalidSignature, UnsupportedAlgorithm, Base64Error, ValueError):
        return False
    return True


def read(body: bytes) -> list[Row]:
    """The rows of a body; UnreadableRecord where it is no list."""
    try:
        rows = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise UnreadableRecord(f"SendGrid's events are a JSON list: {fault}") from None
    return [row_of(bytes(raw), _event) for raw in rows]


def _event(data: dict[str, Any]) -> ProviderEvent | None:
    if data["event"] in _PASSING or "waxwing" not in data:  # somebody else's mail on the same account is no fault
        return None
    return normalise(data)


def normalise(data: dict[str, Any], origin: Origin | None = None) -> ProviderEvent:
    """One event in our words; its origin is in the custom argument that went out with the message."""
    kind = data["event"]
    if origin is None:
        origin = msgspec.json.decode(data["waxwing"], type=Origin)
    reason = str(data.get("reason") or data.get("response") or "")
    bounced = kind == "bounce" and data.get("type") != "blocked"  # a block is for now only: no reason to suppress
    dropped = kind == "dropped" and reason.lower() in _LOST_ADDRESS
    return ProviderEvent(
        outcome=_OUTCOMES[kind],
        id=str(data["sg_event_id"]),
        at=int(data["timestamp"]) * 1000,
        origin=origin,
        address=str(data.get("email", "")),
        url=str(data.get("url", "")),
        reason=reason,
        machine=data.get("sg_machine_open") is True,
        permanent=bounced or dropped,
    )
