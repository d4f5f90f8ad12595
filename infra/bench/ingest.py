"""`waxwing bench ingest`: events/s over HTTP through Segment's batch call, each answered when durable."""

from __future__ import annotations

import asyncio
import multiprocessing
import tempfile
import time
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


def serve(folder: str, port: Connection) -> None:
    """The API in a process of its own, on a free port that it tells."""
    import uvicorn
    import uvloop

    from api.app import Deps, create_app
    from infra.roles import api
    from infra.settings import Settings

    settings = Settings(data=Path(folder), write_key=_KEY, partitions=PARTITIONS, _env_file=None)
    app = create_app(Deps(settings=settings, log=SqliteLog(settings.log_path, partitions=PARTITIONS)))
    listener = api.listen(settings.model_copy(update={"port": 0}))
    port.send(listener.getsockname()[1])
    config = uvicorn.Config(app, log_level="warning", http="httptools")
    uvloop.run(uvicorn.Server(config).serve(sockets=[listener]))


def ingest(events: int = 200_000, batch: int = 500, clients: int = 8) -> Result:
    """`clients` connections post batches of `batch` events at once; each answer means that they are durable."""
    bodies = [_body(start, min(batch, events - start)) for start in range(0, events, batch)]
    with tempfile.TemporaryDirectory() as folder:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        server = context.Process(target=serve, args=(folder, theirs))
        server.start()
        seconds, taken = asyncio.run(_post_all(f"http://127.0.0.1:{ours.recv()}", bodies, clients))
        server.kill()  # what was answered is durable: no clean end is needed
        server.join()
        log = SqliteLog(Path(folder) / "log.db", partitions=PARTITIONS)
        kept = sum(log.end(EVENTS, p) for p in range(PARTITIONS))
        log.close()
    if kept != events:
        raise RuntimeError(f"{events} events were answered as durable and {kept} are in the log")
    details = {"events": events, "batch": batch, "clients": clients, "bytes_an_event": len(bodies[0]) // batch}
    p50, p99 = percentile(taken, 0.5), percentile(taken, 0.99)
    return Result("ingest", round(events / seconds), "events/s", round(p50, 1), round(p99, 1), details)


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


async def _post_all(base_url: str, bodies: list[bytes], clients: int) -> tuple[float, list[float]]:
    taken: list[float] = []
    queue = iter(bodies)

    async def client(http: httpx.AsyncClient) -> None:
        for body in queue:
            begun = time.perf_counter()
            (await http.post("/v1/batch", content=body)).raise_for_status()
            taken.append((time.perf_counter() - begun) * 1000)

    async with httpx.AsyncClient(base_url=base_url, auth=(_KEY, ""), timeout=60) as http:
        await _answering(http)
        begun = time.perf_counter()
        await asyncio.gather(*(client(http) for _ in range(clients)))
        return time.perf_counter() - begun, taken


async def _answering(http: httpx.AsyncClient) -> None:
    """Wait until the server answers."""
    for _ in range(200):
        try:
            (await http.get("/health")).raise_for_status()
            return
        except httpx.HTTPError:
            await asyncio.sleep(0.05)
    raise RuntimeError("the API did not come up")
