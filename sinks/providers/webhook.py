"""Webhooks: a POST to the address of the definition, signed as Standard Webhooks has it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: `webhook-id` is the send's
id, the same at each attempt, so a receiver drops what it has seen; `webhook-signature` is `v1,` and base64 of
HMAC-SHA256 over `id.timestamp.body`. Redirects are not followed.
"""

from __future__ import annotations

import hmac
import time
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from flows.delivery.provider import Absent, Found, Message, Refused, Result
from schemas.definitions.provider import Provider as Definition
from sinks.providers.http import TIMEOUT_S, Answer, Http, HttpAccount, by_status, encode_json
from sinks.providers.public import resolver

_PREFIX: Final = "whsec_"


class Webhook(HttpAccount):
    """One receiver, which by the specification takes an id once: what is unknown may go again."""

    def __init__(self, definition: Definition, secret: str, allow_private: bool = False, timeout_s: float = TIMEOUT_S):
        parts = urlsplit(definition.url or "")
        super().__init__(definition, Http(f"{parts.scheme}://{parts.netloc}", timeout_s, resolver(allow_private)))
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._key = key_of(secret)

    async def send(self, message: Message) -> Result:
        """One request."""
        body, now = body_of(message), int(time.time())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message.origin.send,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(self._key, message.origin.send, now, body),
        }
        answer = await self.http.post(self._path, body, headers, message.not_after)
        return result_of(answer, now) if isinstance(answer, Answer) else answer

    async def find(self, send_id: str) -> Found:
        """It may go again: the receiver knows the id."""
        return Absent()


def key_of(secret: str) -> bytes:
    """The key of `whsec_` and base64; any other text stands for its bytes."""
    if secret.startswith(_PREFIX):
        try:
            return b64decode(secret.removeprefix(_PREFIX), validate=True)
        except Base64Error:
            pass
    return secret.encode()


def signature(key: bytes, id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    return "v1," + b64encode(hmac.digest(key, f"{id}.{timestamp}.".encode() + body, sha256)).decode()


def body_of(message: Message) -> bytes:
    """The template's own text where it has one, else who, why and the data."""
    if message.text:
        return message.text.encode()
    origin = message.origin
    said = {"send": origin.send, "contact": origin.contact, "campaign": origin.campaign, "journey": origin.journey}
    return encode_json({**said, "version": origin.version, "node": origin.node, "data": dict(message.data)})


def result_of(answer: Answer, now_s: float) -> Result:
    """Any 2xx is taken; 410 is gone for good; the rest by status."""
    if 200 <= answer.status < 300:
        return by_status(answer._replace(status=200), now_s)
    return Refused(answer.reason, "account") if answer.status == 410 else by_status(answer, now_s)
