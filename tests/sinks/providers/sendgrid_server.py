"""A server on this machine that speaks Mail Send: it checks what it is asked, keeps what it accepts, fails as told.

It takes webhooks too, at HOOK, and does with them as with mail.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, Literal

KEY: Final = "SG.test"
HOOK: Final = "/hook"
REFUSED: Final = "refused.example"  # addresses of this domain are refused
ERROR = '{"errors":[{"message":"%s","field":%s,"help":null}]}'
FIELD_OF_ADDRESS: Final = '"personalizations.0.to.0.email"'
_SLOW_S: Final = 0.3

# slow     accepts, and answers after a while        hang     never answers, and has not accepted
# cut      accepts, then the line is cut             swallow  accepts, and never answers
# drop     the line is cut before it accepts         busy     429 with Retry-After
# die      calls `kill` before it accepts            die_accepted  accepts, then calls `kill`
Mode = Literal["slow", "hang", "cut", "swallow", "drop", "busy", "die", "die_accepted"]
_ACCEPTING: Final = frozenset({202, "slow", "cut", "swallow", "die_accepted"})


class SendGridServer:
    """`behaviour` holds what to do with the next requests, statuses or modes; `of_key` those of one account's alone.

    `accepted` are the bodies that it took, `hooks` the ids of webhooks, `requests` all mail that came; connections are
    counted. `keys` are the accounts.
    """

    def __init__(self) -> None:
        self.accepted: list[dict[str, Any]] = []
        self.hooks: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.behaviour: deque[int | Mode] = deque()
        self.of_key: dict[str, deque[int | Mode]] = {}
        self.keys = {KEY}
        self.headers: dict[str, str] = {}
        self.field = "null"
        self.kill: Callable[[], None] = lambda: None
        self.connections = 0
        self.url = ""
        self._port = 0
        self._listener: asyncio.Server | None = None
        self._lines: set[asyncio.StreamWriter] = set()

    async def listen(self) -> None:
        """Take connections, at the same address as before."""
        self._listener = await asyncio.start_server(self.handle, "127.0.0.1", self._port)
        self._port = self._listener.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    async def refuse(self) -> None:
        """Refuse connections, and cut those that are open."""
        if self._listener is not None:
            for socket in self._listener.sockets:
                asyncio.get_running_loop().remove_reader(socket.fileno())
            for _ in range(3):  # asyncio would leak what it has accepted and not yet given to a server that is closed
                await asyncio.sleep(0)
            self._listener.close()
        for writer in list(self._lines):
            writer.transport.abort()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request by request."""
        self.connections += 1
        self._lines.add(writer)
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._lines.discard(writer)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        request, *lines = head.rstrip().split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        assert request in ("POST /v3/mail/send HTTP/1.1", f"POST {HOOK} HTTP/1.1")
        todo = self._todo(headers, body)
        if todo == "die":
            self.kill()
            return False
        if todo in _ACCEPTING:
            self._accept(headers, body)
        if todo in ("hang", "swallow"):
            return bool(await reader.read())  # until the other side gives up
        return await self._reply(todo, writer)

    def _todo(self, headers: dict[str, str], body: bytes) -> int | Mode:
        key = headers.get("authorization", "").removeprefix("Bearer ")
        own = self.of_key.get(key)
        todo = own.popleft() if own else self.behaviour.popleft() if self.behaviour else 202
        if "webhook-id" in headers:
            return todo
        self.requests.append(json.loads(body))
        if key not in self.keys:
            return 401
        return (
            400 if todo in _ACCEPTING - {"die_accepted"} and _address_of(self.requests[-1]).endswith(REFUSED) else todo
        )

    def _accept(self, headers: dict[str, str], body: bytes) -> None:
        if hook := headers.get("webhook-id"):
            self.hooks.append(hook)
        else:
            self.accepted.append(json.loads(body))

    async def _reply(self, todo: int | Mode, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection goes on."""
        match todo:
            case "cut" | "drop":
                return False
            case "die_accepted":
                self.kill()
                return False
            case "slow":
                await asyncio.sleep(_SLOW_S)
                writer.write(self._answer(202))
            case "busy":
                writer.write(self._answer(429, {"Retry-After": "1"}))
            case _:
                writer.write(self._answer(int(todo)))
        await writer.drain()
        return True

    def _answer(self, status: int, more: dict[str, str] = {}) -> bytes:  # noqa: B006 - not changed
        refused = bool(self.requests) and status == 400 and _address_of(self.requests[-1]).endswith(REFUSED)
        field = FIELD_OF_ADDRESS if refused else self.field
        body = "" if status == 202 else ERROR % (f"status {status}", field)
        headers = {"Content-Length": str(len(body)), **self.headers, **more}
        if status == 202:
            headers["X-Message-Id"] = f"m{len(self.accepted)}"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {status} .\r\n{lines}\r\n{body}".encode()


def _address_of(body: dict[str, Any]) -> str:
    address: str = body["personalizations"][0]["to"][0]["email"]
    return address


@asynccontextmanager
async def sendgrid_server() -> AsyncIterator[SendGridServer]:
    """The server, on a free port."""
    server = SendGridServer()
    await server.listen()
    try:
        yield server
    finally:
        await server.refuse()
