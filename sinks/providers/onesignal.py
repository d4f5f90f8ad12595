"""OneSignal: push, https://documentation.onesignal.com/reference/create-message

Its `idempotency_key` (a UUID, kept for 30 days) is the send's id: handed over again, a message is not sent again. Its
`name` is all of a message that comes back with its events (`sinks.providers.onesignal_events`).
"""

from __future__ import annotations

import time
from typing import Any, Final

from flows.delivery.provider import Absent, Accepted, Found, Message, Refused, Result
from schemas.definitions.provider import Provider as Definition
from sinks.providers.http import TIMEOUT_S, Answer, Http, HttpAccount, by_status, encode_json
from sinks.providers.onesignal_events import name_of

URL: Final = "https://api.onesignal.com"


class OneSignal(HttpAccount):
    """One app (`account`); its secret is the app's API key."""

    def __init__(self, definition: Definition, key: str, url: str = URL, timeout_s: float = TIMEOUT_S):
        super().__init__(definition, Http(url, timeout_s))
        self._headers = {"Authorization": f"Key {key}", "Content-Type": "application/json; charset=utf-8"}

    async def send(self, message: Message) -> Result:
        """One request."""
        body = encode_json(request_of(message, self.definition))
        answer = await self.http.post("/notifications?c=push", body, self._headers, message.not_after)
        return result_of(answer, time.time()) if isinstance(answer, Answer) else answer

    async def find(self, send_id: str) -> Found:
        """It may go again: OneSignal takes a key once."""
        return Absent()


def request_of(message: Message, definition: Definition) -> dict[str, Any]:
    """The body of a new message, for one subscription."""
    return {
        "app_id": definition.account,
        "include_subscription_ids": [message.to],
        "target_channel": "push",
        "headings": {"en": message.subject},
        "contents": {"en": message.text},
        "data": {**message.data, "waxwing_send": message.origin.send},
        "idempotency_key": message.origin.send,
        "name": name_of(message),
    }


def result_of(answer: Answer, now_s: float) -> Result:
    """What the answer means: a 200 without an id reached nobody, because the subscription is not (or no longer) one."""
    result, said = by_status(answer, now_s), answer.json()
    if isinstance(result, Accepted):
        id, errors = said.get("id"), said.get("errors")
        lost = isinstance(errors, dict) and (errors.get("invalid_player_ids") or errors.get("invalid_subscription_ids"))
        return Accepted(str(id)) if id and not lost else Refused(answer.reason, "address")
    return result
