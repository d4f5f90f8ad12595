"""Twilio's status callbacks, normalised: pure. https://www.twilio.com/docs/messaging/guides/track-outbound-message-status

Signed over the callback's address, in which the message's origin stands, and the form:
https://www.twilio.com/docs/usage/security#validating-requests. There is no timestamp in it: a repetition is the same
fact by its id.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Sequence
from typing import Final

from flows.delivery.origin import Origin
from flows.delivery.outcomes import Outcome, ProviderEvent

SIGNATURE_HEADER: Final = "X-Twilio-Signature"
_OUTCOMES: Final[dict[str, Outcome]] = {
    "delivered": "delivered",
    "undelivered": "bounced",
    "failed": "bounced",
    "read": "opened",
}
_LOST: Final = frozenset({"21211", "21614", "30005", "30006"})  # no such number, or no mobile
_STOP: Final = "21610"


def is_signed(token: str, signature: str, url: str, form: Sequence[tuple[str, str]]) -> bool:
    """Whether Twilio signed this address and form with the account's auth token."""
    said = url + "".join(name + value for name, value in sorted(set(form)))
    expected = b64encode(hmac.digest(token.encode(), said.encode(), "sha1")).decode()
    return hmac.compare_digest(expected.encode(), signature.encode())


def normalise(form: dict[str, str], origin: Origin, received_at: int) -> ProviderEvent | None:
    """The event in our words; None for what asks for nothing here. KeyError where a field is missing."""
    status, code = form["MessageStatus"], form.get("ErrorCode", "")
    outcome = _OUTCOMES.get(status)
    if outcome is None:
        return None
    return ProviderEvent(
        outcome="unsubscribed" if code == _STOP else outcome,
        id=f"{form['MessageSid']}:{status}",
        at=received_at,
        origin=origin,
        address=form.get("To", ""),
        reason=f"{code} {form.get('ErrorMessage', '')}".strip(),
        permanent=outcome == "bounced" and code in _LOST,
    )
