"""SendGrid: v3 Mail Send, https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send

What an answer means: 202 accepted; 429 and 503 not accepted, later perhaps; 400 and 413 this message (or this address)
never; 401, 403, 404 the account; 500 not accepted. A gateway's 502 and 504, a line cut or silent after the request
went out: nobody knows. Mail Send has no idempotency key and no look-up, so unknown it stays until an event arrives.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Final

import httpx
import msgspec

from flows.delivery.provider import Accepted, Found, Message, Refused, Result, Retry, Unknown
from schemas.definitions.provider import Provider as Definition

ORIGIN: Final = "waxwing"  # the custom argument that comes back with every event
TIMEOUT_S: Final = 15.0
_KEEPALIVE_S: Final = 4.0  # below any server's own, so that an idle line is not cut just as it is used again
_MAX_REASON: Final = 300
_encode = msgspec.json.Encoder().encode


class SendGrid:
    """One account. `url` is SendGrid's address; requests share connections."""

    name = "sendgrid"

    def __init__(self, definition: Definition, key: str, url: str, timeout_s: float = TIMEOUT_S):
        self._definition = definition
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        limits = httpx.Limits(max_connections=1, keepalive_expiry=_KEEPALIVE_S)
        tls = httpx.create_ssl_context()
        # A client a connection: httpcore's pool looks at every one of its connections at each request, which with 64
        # of them took two thirds of the time (24,000 against 45,000 messages a minute).
        self._clients = [
            httpx.AsyncClient(base_url=url, headers=headers, limits=limits, timeout=timeout_s, verify=tls)
            for _ in range(definition.concurrency)
        ]
        self._idle: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        for client in self._clients:
            self._idle.put_nowait(client)

    async def send(self, message: Message) -> Result:
        """One request."""
        body = _encode(request_of(message, self._definition))
        client = await self._idle.get()
        try:
            answer = await client.post("/v3/mail/send", content=body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as fault:
            return Retry(f"no connection: {fault!r}")
        except httpx.HTTPError as fault:
            return Unknown(f"no answer: {fault!r}")
        finally:
            self._idle.put_nowait(client)
        return result_of(answer, time.time())

    async def find(self, send_id: str) -> Found:
        """Mail Send has no look-up."""
        return Unknown("SendGrid has no look-up by send")

    async def close(self) -> None:
        """Close the connections."""
        for client in self._clients:
            await client.aclose()


def request_of(message: Message, definition: Definition) -> dict[str, Any]:
    """The body of Mail Send. Its own tracking is off: the links are ours already."""
    origin = message.origin
    person = {
        "to": [{"email": message.to}],
        "custom_args": {"send": origin.send, ORIGIN: _encode(origin).decode()},
    }
    body: dict[str, Any] = {
        "personalizations": [person],
        "from": {"email": definition.sender.email, "name": definition.sender.name or definition.sender.email},
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
    if message.unsubscribe_url:  # RFC 2369 and RFC 8058
        body["headers"] = {
            "List-Unsubscribe": f"<{message.unsubscribe_url}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
    return body


def result_of(answer: httpx.Response, now_s: float) -> Result:
    """What the answer means; `now_s` is the clock, for a rate limit that names an instant."""
    status = answer.status_code
    reason = f"{status} {answer.text[:_MAX_REASON]}".strip()
    match status:
        case 202 | 200:
            return Accepted(answer.headers.get("X-Message-Id", ""))
        case 429 | 500 | 503:
            return Retry(reason, _after_s(answer, now_s))
        case 408 | 502 | 504:
            return Unknown(reason)
        case 401 | 403 | 404 | 405:
            return Refused(reason, "account")
        case _:
            return Refused(reason, "address" if _is_of_address(answer) else "message")


def _after_s(answer: httpx.Response, now_s: float) -> float:
    for name, base in (("Retry-After", 0.0), ("X-RateLimit-Reset", now_s)):
        try:
            return max(0.0, float(answer.headers[name]) - base)
        except (KeyError, ValueError):
            continue
    return 0.0


def _is_of_address(answer: httpx.Response) -> bool:
    """SendGrid names the field at fault: `{"errors":[{"field":"personalizations.0.to.0.email", …}]}`."""
    try:
        errors = answer.json().get("errors", [])
        return any(str(e.get("field", "")).startswith("personalizations.0.to") for e in errors)
    except (ValueError, AttributeError):
        return False
