"""Postmark: https://postmarkapp.com/developer/api/email-api, one message or what waits in a batch of up to 500.

Error codes: https://postmarkapp.com/developer/api/overview#error-codes. There is no idempotency key; the origin goes
along as metadata, whose values have at most 80 characters.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from flows.delivery.origin import pack
from flows.delivery.provider import Accepted, Message, Refused, Result, Retry, Unknown
from schemas.definitions.provider import Provider as Definition
from sinks.providers.batches import Batches
from sinks.providers.email import from_header, unsubscribe_headers
from sinks.providers.http import TIMEOUT_S, Answer, Http, HttpAccount, by_status, encode_json

URL: Final = "https://api.postmarkapp.com"
METADATA: Final = "w"  # with a number behind it
BATCH: Final = 500
_VALUE_LENGTH: Final = 80
_VALUES: Final = 10
_INACTIVE: Final = 406  # it bounced or complained before: Postmark takes no more mail for it
_INVALID: Final = 300
_MAINTENANCE: Final = 100
_OF_ACCOUNT: Final = frozenset({10, 400, 401, 405, 412, 413, 1235})


class Postmark(HttpAccount):
    """One server's token. Messages that come at once go in batches, one request at a time on each of two lines."""

    def __init__(self, definition: Definition, token: str, url: str = URL, timeout_s: float = TIMEOUT_S):
        super().__init__(definition, Http(url, timeout_s))
        self._headers = {
            "X-Postmark-Server-Token": token,
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        self._batches = Batches(self._hand_over, BATCH)

    async def send(self, message: Message) -> Result:
        """Alone, or with those that wait as well."""
        return await self._batches.do(message)

    async def _hand_over(self, messages: Sequence[Message]) -> Sequence[Result]:
        bodies = [request_of(m, self.definition) for m in messages]
        path, body = ("/email", bodies[0]) if len(bodies) == 1 else ("/email/batch", bodies)
        until = min(m.not_after for m in messages)
        answer = await self.http.post(path, encode_json(body), self._headers, until)
        return results_of(answer, len(bodies), time.time())


def request_of(message: Message, definition: Definition) -> dict[str, Any]:
    """The body of one email. Its own tracking is off: the links are ours already."""
    origin = message.origin
    body: dict[str, Any] = {
        "From": from_header(definition),
        "To": message.to,
        "Subject": message.subject,
        "HtmlBody": message.html,
        "TextBody": message.text,
        "Tag": origin.campaign or origin.journey or origin.template,
        "TrackOpens": False,
        "TrackLinks": "None",
        "Headers": [{"Name": k, "Value": v} for k, v in unsubscribe_headers(message).items()],
        "Metadata": {f"{METADATA}{i}": part for i, part in enumerate(pack(origin, _VALUE_LENGTH, _VALUES))},
    }
    if definition.reply_to:
        body["ReplyTo"] = definition.reply_to
    if definition.stream:
        body["MessageStream"] = definition.stream
    return body


def results_of(answer: Answer | Retry | Unknown, count: int, now_s: float) -> Sequence[Result]:
    """A result a message, in their order."""
    if not isinstance(answer, Answer):
        return [answer] * count
    if answer.status not in (200, 422):
        return [by_status(answer, now_s)] * count
    try:
        said = msgspec.json.decode(answer.body, type=dict[str, Any] | list[dict[str, Any]])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [Unknown(f"an answer that cannot be read: {answer.reason}")] * count
    if isinstance(said, dict):
        return [result_of(said)] * count
    if len(said) != count:
        return [Unknown(f"{len(said)} answers to {count} messages")] * count
    return [result_of(one) for one in said]


def result_of(said: Mapping[str, Any]) -> Result:
    """What Postmark says of one message."""
    code, reason = said.get("ErrorCode"), f"{said.get('ErrorCode')} {said.get('Message', '')}"
    if code == 0:
        return Accepted(str(said.get("MessageID", "")))
    if code == _MAINTENANCE:
        return Retry(reason)
    if code in _OF_ACCOUNT:
        return Refused(reason, "account")
    is_of_address = code == _INACTIVE or (code == _INVALID and "'To'" in reason)
    return Refused(reason, "address" if is_of_address else "message")
