"""`waxwing bench ingest`: Segment's batch call over HTTP, each request answered when its events are durable.

events/s   a closed loop: so many connections post one body after the other, as fast as they are answered
p50, p99   an open loop: bodies are due at a steady rate, whatever has been answered, and a wait counts from when its
           body was due. So a server that stalls is charged with all that came meanwhile ("coordinated omission",
           https://www.scylladb.com/2021/04/22/on-coordinated-omission/).
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import msgspec

from connectors.sqlite_log import SqliteLog
from infra.bench.result import Result, percentile
from schemas.times import format_instant
from schemas.topics import EVENTS

PARTITIONS = 4
_KEY = "bench"
_CONNECTIONS = 64  # of the open loop: more than a server that keeps up with the rate ever has under way


def serve(folder: str, port: Connection) -> None:
    """The API in a process of its own, on a free port that it tells."""
    from api.app import Deps, create_app
    from infra.roles import api
    from infra.settings import Settings

    settings = Settings(data=Path(folder), write_key=_KEY, partitions=PARTITIONS, _env_file=None)
    app = create_app(Deps(settings=settings, log=SqliteLog(settings.log_path, partitions=PARTITIONS)))
    listener = api.listen(settings.model_copy(update={"port": 0}))
    port.send(listener.getsockname()[1])
    api.serve_app(app, threading.Event(), listener)


def ingest(events: int = 200_000, batch: int = 500, clients: int = 8, rate: int = 50_000, seconds: int = 10) -> Result:
    """`clients` connections post `events`, `batch` in a request; then `rate` events a second, for so many seconds."""
    bodies = [_body(start, batch) for start in range(0, events, batch)]
    steady = list(islice(cycle(bodies), rate * seconds // batch))
    with tempfile.TemporaryDirectory() as folder:
        with _served(folder) as base_url:
            took_s, queued_ms, waits_ms = asyncio.run(_measure(base_url, bodies, clients, steady, batch / rate))
        _check_kept(folder, (len(bodies) + len(steady)) * batch)
    details = {
        "events": len(bodies) * batch,
        "batch": batch,
        "clients": clients,
        "bytes_an_event": len(bodies[0]) // batch,
        "closed_loop_p99_ms": round(percentile(queued_ms, 0.99), 1),
        "offered_per_s": rate,
        "offered_s": seconds,
        "max_ms": round(max(waits_ms), 1),
    }
    p50, p99 = percentile(waits_ms, 0.5), percentile(waits_ms, 0.99)
    return Result("ingest", round(len(bodies) * batch / took_s), "events/s", round(p50, 1), round(p99, 1), details)


@contextmanager
def _served(folder: str) -> Iterator[str]:
    """The server's address, while it is there."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=serve, args=(folder, theirs))
    server.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        server.kill()  # what was answered is durable: no clean end is needed
        server.join()


def _check_kept(folder: str, answered: int) -> None:
    log = SqliteLog(Path(folder) / "log.db", partitions=PARTITIONS)
    kept = sum(log.end(EVENTS, p) for p in range(PARTITIONS))
    log.close()
    if kept != answered:
        raise RuntimeError(f"{answered} events were answered as durable and {kept} are in the log")


def _body(start: int, count: int) -> bytes:
    now = format_instant(int(time.time() * 1000))
    batch = [
        {
            "type": "track",
            "event": "product_viewed",
            "userId": f"user-{(start + i) % 50_000}",
            "messageId": f"message-{start + i}",
            "timestamp": now,
            "properties": {"product": f"sku-{i}", "price": 12.5, "currency": "EUR", "position": i},
            "context": {"library": {"name": "bench", "version": "1"}},
        }
        for i in range(count)
    ]
    return msgspec.json.encode({"batch": batch, "sentAt": now})


async def _measure(
    base_url: str, bodies: list[bytes], clients: int, steady: list[bytes], every_s: float
) -> tuple[float, list[float], list[float]]:
    """How long the closed loop took in seconds, its requests' times in ms, and the waits of the open loop."""
    limits = httpx.Limits(max_connections=_CONNECTIONS, keepalive_expiry=60)
    async with httpx.AsyncClient(base_url=base_url, auth=(_KEY, ""), timeout=60, limits=limits) as http:
        await _answering(http)
        gc.freeze()  # a collection here would look like a wait there
        begun = time.perf_counter()
        queued_ms = await _closed_loop(http, bodies, clients)
        took_s = time.perf_counter() - begun
        return took_s, queued_ms, await _open_loop(http, steady, every_s)


async def _closed_loop(http: httpx.AsyncClient, bodies: list[bytes], clients: int) -> list[float]:
    taken: list[float] = []
    queue = iter(bodies)

    async def client() -> None:
        for body in queue:
            begun = time.perf_counter()
            (await http.post("/v1/batch", content=body)).raise_for_status()
            taken.append((time.perf_counter() - begun) * 1000)

    await asyncio.gather(*(client() for _ in range(clients)))
    return taken


async def _open_loop(http: httpx.AsyncClient, bodies: list[bytes], every_s: float) -> list[float]:
    taken: list[float] = []
    begun = time.perf_counter()

    async def post(body: bytes, due: float) -> None:
        await asyncio.sleep(due - time.perf_counter())
        (await http.post("/v1/batch", content=body)).raise_for_status()
        taken.append((time.perf_counter() - due) * 1000)

    await asyncio.gather(*(post(body, begun + n * every_s) for n, body in enumerate(bodies)))
    return taken


async def _answering(http: httpx.AsyncClient) -> None:
    """Wait until the server answers."""
    for _ in range(200):
        try:
            (await http.get("/health")).raise_for_status()
            return
        except httpx.HTTPError:
            await asyncio.sleep(0.05)
    raise RuntimeError("the API did not come up")
