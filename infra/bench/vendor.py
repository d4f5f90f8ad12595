"""SendGrid's side for benchmarks: accepts or refuses by the key it is shown, and remembers when it accepted what."""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Final

import httptools

FAILING: Final = "failing"
_SEND: Final = re.compile(rb'"send":"([^"]+)"')
_ACCEPTED: Final = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nX-Message-Id: m\r\n\r\n"
_BUSY: Final = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


class _Line(asyncio.Protocol):
    def __init__(self, accepted: dict[str, float]):
        self._accepted = accepted
        self._transport: Any = None
        self._parser, self._body, self._is_failing = httptools.HttpRequestParser(self), b"", False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"authorization":
            self._is_failing = value == f"Bearer {FAILING}".encode()

    def on_body(self, data: bytes) -> None:
        self._body += data

    def on_message_complete(self) -> None:
        found = _SEND.search(self._body)
        self._body = b""
        if self._is_failing or found is None:
            self._transport.write(_BUSY)
            return
        self._accepted.setdefault(found[1].decode(), time.time())
        self._transport.write(_ACCEPTED)


def _serve(pipe: Connection) -> None:
    import uvloop

    accepted: dict[str, float] = {}

    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Line(accepted), "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        while (asked := await loop.run_in_executor(None, pipe.recv)) != "end":
            pipe.send(len(accepted) if asked == "count" else accepted)

    uvloop.run(run())


class Vendor:
    """The server in its process."""

    def __init__(self, pipe: Connection):
        self._pipe = pipe
        self.url = f"http://127.0.0.1:{pipe.recv()}"

    def count(self) -> int:
        """How many messages it has accepted."""
        return int(self._ask("count"))

    def accepted(self) -> dict[str, float]:
        """When it accepted each send first, in seconds since the epoch."""
        found: dict[str, float] = self._ask("all")
        return found

    def _ask(self, what: str) -> Any:
        self._pipe.send(what)
        return self._pipe.recv()


@contextmanager
def serving() -> Iterator[Vendor]:
    """Running while it is needed."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,))
    process.start()
    try:
        yield Vendor(ours)
    finally:
        ours.send("end")
        process.join()
