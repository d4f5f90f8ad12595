"""Telnyx: messages, https://developers.telnyx.com/api/messaging/send-message

Codes: https://developers.telnyx.com/docs/messaging/messages/error-codes. There is no idempotency key; outcomes come to
the address that each message names.
"""

from __future__ import annotations

import time
from typing import Any, Final

from flows.delivery.provider import Accepted, Message, Refused, Result, Retry
from schemas.definitions.provider import Provider as Definition
from sinks.providers.http import TIMEOUT_S, Answer, Http, HttpAccount, by_status, encode_json

URL: Final = "https://api.telnyx.com"
HOOK: Final = "/hooks/telnyx"
_OF_ADDRESS: Final = frozenset({"10002", "10016", "40001", "40012", "40300", "40310"})  # 40300: said STOP
_OF_ACCOUNT: Final = frozenset({"10009", "10010", "20100", "40013", "40305", "40312", "40313"})
_BUSY: Final = frozenset({"10007", "10011", "40011", "40318"})


class Telnyx(HttpAccount):
    """One account; its secret is the API key. `base_url` is ours, where outcomes are told."""

    def __init__(self, definition: Definition, key: str, base_url: str, url: str = URL, timeout_s: float = TIMEOUT_S):
        super().__init__(definition, Http(url, timeout_s))
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._base_url = base_url

    async def send(self, message: Message) -> Result:
        """One request."""
        body = encode_json(request_of(message, self.definition, self._base_url))
        answer = await self.http.post("/v2/messages", body, self._headers, message.not_after)
        return result_of(answer, time.time()) if isinstance(answer, Answer) else answer


def request_of(message: Message, definition: Definition, base_url: str) -> dict[str, Any]:
    """The body of a new message."""
    body = {"to": message.to, "text": message.text, "webhook_url": f"{base_url}{HOOK}?o={message.token}"}
    if definition.service:
        return body | {"messaging_profile_id": definition.service}
    return body | {"from": definition.number or ""}


def result_of(answer: Answer, now_s: float) -> Result:
    """What the answer means, by Telnyx's codes where it has some."""
    result, said = by_status(answer, now_s), answer.json()
    if isinstance(result, Accepted):
        data = said.get("data")
        return Accepted(str(data.get("id", "")) if isinstance(data, dict) else "")
    errors = said.get("errors")
    codes = {str(e.get("code")) for e in errors if isinstance(e, dict)} if isinstance(errors, list) else set()
    if codes & _BUSY:
        return Retry(answer.reason, answer.after_s(now_s))
    if codes & _OF_ADDRESS:
        return Refused(answer.reason, "address")
    if codes & _OF_ACCOUNT:
        return Refused(answer.reason, "account")
    return result
