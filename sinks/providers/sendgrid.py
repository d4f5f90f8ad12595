"""SendGrid: v3 Mail Send, https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send

What an answer means: 202 accepted; 429 and 503 not accepted, later perhaps; 400 and 413 this message (or this address)
never; 401, 403, 404 the account; 500 not accepted. A gateway's 502 and 504, a line cut or silent after the request
went out: nobody knows. Mail Send has no idempotency key and no look-up, so unknown it stays until an event arrives.
"""

from __future__ import annotations

import time
from typing import Any, Final

from flows.delivery.provider import Accepted, Message, Refused, Result
from schemas.definitions.provider import Provider as Definition
from sinks.providers.email import sender_of, unsubscribe_headers
from sinks.providers.http import TIMEOUT_S, Answer, Http, HttpAccount, by_status, encode_json

URL: Final = "https://api.sendgrid.com"
ORIGIN: Final = "waxwing"  # the custom argument that comes back with every event


class SendGrid(HttpAccount):
    """One account."""

    def __init__(self, definition: Definition, key: str, url: str = URL, timeout_s: float = TIMEOUT_S):
        super().__init__(definition, Http(url, timeout_s))
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    async def send(self, message: Message) -> Result:
        """One request."""
        body = encode_json(request_of(message, self.definition))
        answer = await self.http.post("/v3/mail/send", body, self._headers, message.not_after)
        return result_of(answer, time.time()) if isinstance(answer, Answer) else answer


def request_of(message: Message, definition: Definition) -> dict[str, Any]:
    """The body of Mail Send. Its own tracking is off: the links are ours already."""
    origin, sender = message.origin, sender_of(definition)
    person = {
        "to": [{"email": message.to}],
        "custom_args": {"send": origin.send, ORIGIN: encode_json(origin).decode()},
    }
    body: dict[str, Any] = {
        "personalizations": [person],
        "from": {"email": sender.email, "name": sender.name or sender.email},
        "subject": message.subject,
        "content": [{"type": "text/plain", "value": message.text}, {"type": "text/html", "value": message.html}],
        "categories": [c for c in dict.fromkeys((origin.campaign, origin.journey, origin.template)) if c],
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
        },
    }
    if definition.reply_to:
        body["reply_to"] = {"email": definition.reply_to}
    if headers := unsubscribe_headers(message):
        body["headers"] = headers
    return body


def result_of(answer: Answer, now_s: float) -> Result:
    """What the answer means; `now_s` is the clock, for a rate limit that names an instant."""
    result = by_status(answer, now_s)
    if isinstance(result, Accepted):
        return Accepted(answer.headers.get("x-message-id", ""))
    if result == Refused(answer.reason) and _is_of_address(answer):
        return Refused(answer.reason, "address")
    return result


def _is_of_address(answer: Answer) -> bool:
    """SendGrid names the field at fault: `{"errors":[{"field":"personalizations.0.to.0.email", …}]}`."""
    errors = answer.json().get("errors")
    fields = [str(e.get("field", "")) for e in errors if isinstance(e, dict)] if isinstance(errors, list) else []
    return any(field.startswith("personalizations.0.to") for field in fields)
