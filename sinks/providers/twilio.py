"""Twilio: Messages, https://www.twilio.com/docs/messaging/api/message-resource

Twilio has neither an idempotency key nor metadata: what belongs together is in the address of the status callback.
Codes: https://www.twilio.com/docs/api/errors
"""

from __future__ import annotations

import time
from base64 import b64encode
from typing import Final
from urllib.parse import urlencode

from flows.delivery.provider import Accepted, Message, Refused, Result, Retry
from schemas.definitions.provider import Provider as Definition
from sinks.providers.http import TIMEOUT_S, Answer, Http, HttpAccount, by_status

URL: Final = "https://api.twilio.com"
HOOK: Final = "/hooks/twilio"
_OF_ADDRESS: Final = frozenset({21211, 21214, 21217, 21610, 21614})  # invalid, no mobile, said STOP
_OF_ACCOUNT: Final = frozenset({20003, 21212, 21603, 21606, 21659, 21660, 21705, 63038})
_BUSY: Final = frozenset({20429, 21611, 14107, 30001})


class Twilio(HttpAccount):
    """One account; its secret is the auth token. `base_url` is ours, where outcomes are told."""

    def __init__(self, definition: Definition, token: str, base_url: str, url: str = URL, timeout_s: float = TIMEOUT_S):
        super().__init__(definition, Http(url, timeout_s))
        basic = b64encode(f"{definition.account}:{token}".encode()).decode()
        self._headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        self._path = f"/2010-04-01/Accounts/{definition.account}/Messages.json"
        self._base_url = base_url

    async def send(self, message: Message) -> Result:
        """One request."""
        body = urlencode(form_of(message, self.definition, self._base_url)).encode()
        answer = await self.http.post(self._path, body, self._headers, message.not_after)
        return result_of(answer, time.time()) if isinstance(answer, Answer) else answer


def form_of(message: Message, definition: Definition, base_url: str) -> dict[str, str]:
    """The form of a new message."""
    form = {"To": message.to, "Body": message.text, "StatusCallback": f"{base_url}{HOOK}?o={message.token}"}
    if definition.service:
        return form | {"MessagingServiceSid": definition.service}
    return form | {"From": definition.number or ""}


def result_of(answer: Answer, now_s: float) -> Result:
    """What the answer means, by Twilio's code where it has one."""
    result, said = by_status(answer, now_s), answer.json()
    if isinstance(result, Accepted):
        return Accepted(str(said.get("sid", "")))
    code = said.get("code")
    if code in _BUSY:
        return Retry(answer.reason, answer.after_s(now_s))
    if code in _OF_ADDRESS:
        return Refused(answer.reason, "address")
    if code in _OF_ACCOUNT:
        return Refused(answer.reason, "account")
    return result
