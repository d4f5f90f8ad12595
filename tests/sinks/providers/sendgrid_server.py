"""A server on this machine that speaks Mail Send: it checks what it is asked, keeps what it accepts, fails as told."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

KEY = "SG.test"
ERROR = '{"errors":[{"message":"%s","field":%s,"help":null}]}'


class SendGridServer:
    """`behaviour` holds what to do with the next requests: a status, `hang`, `cut` (accepts first), `refuse`.

    `accepted` are the bodies that it took, `requests` all that came; connections are counted.
    """

    def __init__(self) -> None:
        self.accepted: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.behaviour: deque[int | str] = deque()
        self.headers: dict[str, str] = {}
        self.field = "null"
        self.connections = 0
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request by request."""
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        request, *lines = head.rstrip().split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        assert request == "POST /v3/mail/send HTTP/1.1"
        self.requests.append(json.loads(body))
        todo: int | str = self.behaviour.popleft() if self.behaviour else 202
        if headers.get("authorization") != f"Bearer {KEY}":
            todo = 401
        if todo in (202, "cut"):
            self.accepted.append(self.requests[-1])
        if todo == "hang":
            await asyncio.Event().wait()
        if todo == "cut":
            return False
        writer.write(self._answer(int(todo)))
        await writer.drain()
        return True

    def _answer(self, status: int) -> bytes:
        body = "" if status == 202 else ERROR % (f"status {status}", self.field)
        headers = {"Content-Length": str(len(body)), **self.headers}
        if status == 202:
            headers["X-Message-Id"] = f"m{len(self.accepted)}"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {status} .\r\n{lines}\r\n{body}".encode()


@asynccontextmanager
async def sendgrid_server() -> AsyncIterator[SendGridServer]:
    """The server, on a free port."""
    server = SendGridServer()
    listener = await asyncio.start_server(server.handle, "127.0.0.1", 0)
    host, port = listener.sockets[0].getsockname()
    server.url = f"http://{host}:{port}"
    try:
        yield server
    finally:
        listener.close()
