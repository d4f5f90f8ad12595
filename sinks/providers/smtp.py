"""SMTP, RFC 5321, by the standard library in threads: each has a connection of its own, which is used again.

`smtp://` begins with STARTTLS where a user is given, `smtps://` is TLS from the start. What fails before the mail's
end was sent is a Retry; without an answer to that end nobody knows. A 4xx is for now, a 5xx for good.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import urlsplit

from connectors.log_clock import boot_ms
from flows.delivery.provider import LATE, Accepted, Found, Message, Refused, Result, Retry, Unknown, is_late
from schemas.definitions.provider import Provider as Definition
from sinks.providers.email import mime, sender_of
from sinks.providers.http import TIMEOUT_S
from sinks.providers.public import is_public

_THREADS: Final = 16
_OF_ADDRESS: Final = frozenset({550, 551, 553})  # of a recipient: no such mailbox, not here, no such name


class Smtp:
    """One mail server and, where `account` is given, its user."""

    def __init__(
        self, definition: Definition, password: str, allow_private: bool = False, timeout_s: float = TIMEOUT_S
    ):
        parts = urlsplit(definition.url or "")
        self.name, self._definition, self._password = definition.id, definition, password
        self._host, self._tls = parts.hostname or "", parts.scheme == "smtps"
        self._port = parts.port or (465 if self._tls else 587)
        self._allow_private, self._timeout_s = allow_private, timeout_s
        self._threads = ThreadPoolExecutor(min(definition.concurrency, _THREADS), f"smtp-{definition.id}")
        self._own = threading.local()
        self._open: set[smtplib.SMTP] = set()

    async def send(self, message: Message) -> Result:
        """One mail."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._send, message)

    async def find(self, send_id: str) -> Found:
        """SMTP has no look-up."""
        return Unknown("SMTP has no look-up")

    def _send(self, message: Message) -> Result:
        try:
            server = self._server()
        except smtplib.SMTPAuthenticationError as fault:
            return Refused(_said(fault.smtp_code, fault.smtp_error), "account")
        except (OSError, smtplib.SMTPException) as fault:
            return Retry(f"no connection: {fault!r}")
        result = self._hand_over(server, message)
        if isinstance(result, Unknown | Retry):
            self._drop(server)
        return result

    def _hand_over(self, server: smtplib.SMTP, message: Message) -> Result:
        """The four commands one by one, so that it is known at which of them it ended."""
        sender = sender_of(self._definition).email
        try:
            data = mime(message, self._definition).as_bytes()
            message.to.encode("ascii")
        except ValueError as fault:
            return Refused(f"no mail can be made of it: {fault}")
        steps: tuple[tuple[Callable[[], tuple[int, bytes]], str], ...] = (
            (lambda: server.mail(sender), "account"),
            (lambda: server.rcpt(message.to), "address"),
        )
        try:
            for step, scope in steps:
                code, said = step()
                if code not in (250, 251):
                    return refusal(code, said, scope)
        except (OSError, smtplib.SMTPException) as fault:
            return Retry(f"the line was cut before the mail: {fault!r}")
        if is_late(message.not_after, boot_ms()):
            return LATE
        try:
            code, said = server.data(data)
        except smtplib.SMTPDataError as fault:
            return refusal(fault.smtp_code, fault.smtp_error, "message")
        except (OSError, smtplib.SMTPException) as fault:
            return Unknown(f"no answer to the mail: {fault!r}")
        return Accepted(_said(code, said)) if code == 250 else refusal(code, said, "message")

    def _server(self) -> smtplib.SMTP:
        server: smtplib.SMTP | None = getattr(self._own, "server", None)
        if server is not None and _is_ready(server):
            return server
        if server is not None:
            self._drop(server)
        self._own.server = self._connect()
        return self._own.server  # type: ignore[no-any-return]

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        server = (
            smtplib.SMTP_SSL(self._host, self._port, timeout=self._timeout_s, context=context)
            if self._tls
            else smtplib.SMTP(self._host, self._port, timeout=self._timeout_s)
        )
        self._open.add(server)
        assert server.sock is not None
        if not self._allow_private and not is_public(server.sock.getpeername()[0]):
            self._drop(server)
            raise OSError(f"{self._host} is not on a public address; set WAXWING_ALLOW_PRIVATE to allow it")
        if self._definition.account:
            if not self._tls:
                server.starttls(context=context)
            server.login(self._definition.account, self._password)
        else:
            server.ehlo_or_helo_if_needed()
        return server

    def _drop(self, server: smtplib.SMTP) -> None:
        self._open.discard(server)
        server.close()

    async def close(self) -> None:
        """Let mails under way end, and close the connections."""
        await asyncio.to_thread(self._threads.shutdown)
        for server in list(self._open):
            self._drop(server)


def refusal(code: int, said: bytes | str, scope: str) -> Result:
    """What a negative reply means: to MAIL it is of the account, to RCPT of the address, to DATA of the message."""
    reason = _said(code, said)
    if 400 <= code < 500:
        return Retry(reason)
    if scope == "account":
        return Refused(reason, "account")
    return Refused(reason, "address" if scope == "address" and code in _OF_ADDRESS else "message")


def _is_ready(server: smtplib.SMTP) -> bool:
    """Whether the line is as before a mail; RSET tells, and cleans up after a refusal."""
    try:
        return server.sock is not None and server.rset()[0] == 250
    except (OSError, smtplib.SMTPException):
        return False


def _said(code: int, said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return f"{code} {text}"[:300]
