"""SMTP against a server that speaks it, and fails where it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from flows.delivery.provider import Accepted, Message, Refused, Result, Retry, Unknown
from sinks.providers.smtp import Smtp
from tests.sinks.providers.vendor import FROM, MESSAGE, ORIGIN, defined


class MailServer:
    """`says` maps a verb (MAIL, RCPT, DATA, END) to its reply; `cut` cuts the line. Mails are kept as bytes."""

    def __init__(self, **says: str):
        self.says, self.mails, self.connections = says, list[bytes](), 0
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.write(b"220 ready\r\n")
        try:
            while line := await reader.readline():
                if not await self._command(line.decode().split()[0].upper().partition(":")[0], reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _command(self, verb: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        reply = self.says.get(verb, {"DATA": "354 go on", "QUIT": "221 bye"}.get(verb, "250 ok"))
        if reply == "cut":
            return False
        writer.write(f"{reply}\r\n".encode())
        if verb == "DATA" and reply.startswith("354"):
            mail = await reader.readuntil(b"\r\n.\r\n")
            self.mails.append(mail[:-3].replace(b"\r\n..", b"\r\n.").replace(b"\r\n", b"\n"))
            end = self.says.get("END", "250 queued as 1")
            if end == "cut":
                return False
            writer.write(f"{end}\r\n".encode())
        await writer.drain()
        return True


@asynccontextmanager
async def serving(server: MailServer) -> AsyncIterator[MailServer]:
    listener = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    server.url = "smtp://{}:{}".format(*listener.sockets[0].getsockname())
    try:
        yield server
    finally:
        listener.close()


def deliver(server: MailServer, *messages: Message, private: bool = True) -> list[Result]:
    async def run() -> list[Result]:
        async with serving(server):
            smtp = Smtp(defined(type="smtp", url=server.url, **{"from": FROM}, concurrency=1), "", private, 5)
            try:
                return [await smtp.send(m) for m in messages]
            finally:
                await smtp.close()

    return asyncio.run(run())


def only(server: MailServer) -> EmailMessage:
    [mail] = server.mails
    found = message_from_bytes(mail, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_a_mail_is_whole():
    server = MailServer()
    assert deliver(server, MESSAGE) == [Accepted("250 queued as 1")]
    mail = only(server)
    assert (mail["From"], mail["To"]) == ("The Bänk <hello@bank.example>", "ann@example.com")
    assert mail["Subject"] == "Hi Ännie"
    assert mail["Message-ID"] == f"<{ORIGIN.send}@bank.example>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    plain, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    assert (plain.get_content(), html.get_content().strip()) == ("Hi\n", "<p>Hi</p>")


def test_a_line_of_a_single_dot_does_not_end_the_mail():
    server = MailServer()
    deliver(server, MESSAGE._replace(text="a\n.\nb\n"))
    plain = only(server).get_body(("plain",))
    assert plain is not None
    assert plain.get_content() == "a\n.\nb\n"


def test_a_connection_is_used_again_also_after_a_refusal():
    server = MailServer()
    assert len(deliver(server, *[MESSAGE] * 5)) == 5
    assert (len(server.mails), server.connections) == (5, 1)
    server = MailServer(RCPT="550 no such user")
    deliver(server, MESSAGE, MESSAGE)
    assert server.connections == 1


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ({"RCPT": "550 no such user"}, Refused("550 no such user", "address")),
        ({"RCPT": "552 mailbox full"}, Refused("552 mailbox full", "message")),
        ({"RCPT": "450 greylisted"}, Retry("450 greylisted")),
        ({"MAIL": "553 not your address"}, Refused("553 not your address", "account")),
        ({"DATA": "554 no mail today"}, Refused("554 no mail today", "message")),
        ({"END": "554 spam"}, Refused("554 spam", "message")),
        ({"END": "451 later"}, Retry("451 later")),
    ],
)
def test_replies_are_sorted(says: dict[str, str], expected: Result):
    assert deliver(MailServer(**says), MESSAGE) == [expected]


def test_a_line_cut_before_the_mail_is_a_retry_and_after_it_nobody_knows():
    [before] = deliver(MailServer(RCPT="cut"), MESSAGE)
    [after] = deliver(MailServer(END="cut"), MESSAGE)
    assert isinstance(before, Retry)
    assert isinstance(after, Unknown)


def test_nobody_there_is_a_retry():
    async def run() -> Result:
        smtp = Smtp(defined(type="smtp", url="smtp://127.0.0.1:1", **{"from": FROM}), "", True, 1)
        try:
            return await smtp.send(MESSAGE)
        finally:
            await smtp.close()

    assert isinstance(asyncio.run(run()), Retry)


def test_a_private_mail_server_is_given_nothing():
    server = MailServer()
    [found] = deliver(server, MESSAGE, private=False)
    assert isinstance(found, Retry)
    assert "not on a public address" in found.reason
    assert server.mails == []


def test_a_recipient_cannot_bring_another_header():
    [found] = deliver(MailServer(), MESSAGE._replace(to="a@b.example\r\nBcc: x@y.example"))
    assert isinstance(found, Refused)
    assert found.scope == "message"
