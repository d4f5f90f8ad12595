"""A server on this machine that stands for any vendor's API: it keeps what it is asked, and answers as told."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from flows.delivery.origin import Origin
from flows.delivery.provider import Message, Provider, Result
from schemas.definitions import parse
from schemas.definitions.provider import Provider as Definition

ORIGIN = Origin(
    "5d0e9c39-7761-5877-9696-e6a1de5a82f0", "ann", "email", "spring", "welcome", 3, "hello", "t", "news", "p"
)
MESSAGE = Message(
    ORIGIN, "ann@example.com", "Hi Ännie", "<p>Hi</p>", "Hi\n", "https://m.example/u/abc", ("https://a.example",)
)
FROM = {"email": "hello@bank.example", "name": "The Bänk"}


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        """The body, of a form."""
        return dict(parse_qsl(self.body.decode(), strict_parsing=True))


class Say(NamedTuple):
    """One answer; instead of one `cut` or `hang`, both after the request was taken."""

    status: int = 200
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    instead: str = ""


class Vendor:
    """`says` are the next answers, `usual` the one after them. Requests and connections are counted."""

    def __init__(self, usual: Say | Callable[[Asked], Say]):
        self.usual, self.says = usual, deque[Say]()
        self.asked: list[Asked] = []
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
        request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip().split("\r\n")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        method, path, _ = request.split(" ")
        asked = Asked(method, path, headers, await reader.readexactly(int(headers.get("content-length", 0))))
        self.asked.append(asked)
        usual = self.usual if isinstance(self.usual, Say) else self.usual(asked)
        say = self.says.popleft() if self.says else usual
        if say.instead == "hang":
            await asyncio.Event().wait()
        if say.instead == "cut":
            return False
        body = b"" if say.body is None else json.dumps(say.body).encode()
        head = f"HTTP/1.1 {say.status} .\r\nContent-Length: {len(body)}\r\n"
        writer.write((head + "".join(f"{k}: {v}\r\n" for k, v in say.headers) + "\r\n").encode() + body)
        await writer.drain()
        return True


@asynccontextmanager
async def serving(vendor: Vendor) -> AsyncIterator[Vendor]:
    """The server, on a free port."""
    listener = await asyncio.start_server(vendor.handle, "127.0.0.1", 0)
    vendor.url = "http://{}:{}".format(*listener.sockets[0].getsockname())
    try:
        yield vendor
    finally:
        listener.close()


def defined(**body: Any) -> Definition:
    """A provider's definition."""
    parsed = parse({"kind": "provider", "id": "p", **body})
    assert isinstance(parsed, Definition)
    return parsed


Make = Callable[[str], Provider]


def with_vendor(vendor: Vendor, make: Make, work: Callable[[Provider], Awaitable[Any]]) -> Any:
    """What `work` returns, done with the provider that `make(url)` makes, against the vendor."""

    async def run() -> Any:
        async with serving(vendor):
            provider = make(vendor.url)
            try:
                return await work(provider)
            finally:
                await provider.close()

    return asyncio.run(run())


def result(vendor: Vendor, make: Make, message: Message = MESSAGE) -> Result:
    """The result of one message."""
    found: Result = with_vendor(vendor, make, lambda provider: provider.send(message))
    return found
