"""What the routers read ClickHouse by: named queries from `api/sql`, in threads, from memory between two writes.

A file holds queries, each begun by `-- name: …`. A cached answer belongs to one state of the warehouse
(`Freshness.version`); requests that ask the same at once share one query.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec
from clickhouse_connect.driver.exceptions import ClickHouseError
from fastapi import HTTPException, Request, Response

from api.watermark import HEADER, Freshness, ends_of, freshness
from connectors.log import Log
from flows.segments.sql.run import Ask
from schemas.times import format_instant
from sinks.clickhouse import HANDLES, ClickHouse

SQL: Final = Path(__file__).parent / "sql"
CACHED: Final = 2_000  # answers
OLDEST_S: Final = 5.0  # an answer may say what depends on the time of day: which attempts have no end
KEPT_S: Final = 30.0  # what reads everybody's history is told again for so long, with the instant that it is of
_ANY_VERSION: Final = -1
_LOG: Final = logging.getLogger(__name__)
FRESHNESS_S: Final = 0.1  # how long one look at the progress serves

Rows = list[dict[str, Any]]
T = TypeVar("T")


def load_queries(folder: Path = SQL) -> dict[str, str]:
    """Every query of the folder's files, by name; ValueError for a name that is there twice."""
    queries: dict[str, str] = {}
    for path in sorted(folder.glob("*.sql")):
        for part in path.read_text(encoding="utf-8").split("-- name: ")[1:]:
            name, _, sql = part.partition("\n")
            if name.strip() in queries:
                raise ValueError(f"{path}: a second query named {name.strip()}")
            queries[name.strip()] = sql.strip()
    return queries


class _Cached(NamedTuple):
    version: int
    until: float
    found: asyncio.Task[Any]


class Reads:
    """The reading side of the warehouse, for one event loop."""

    def __init__(self, clickhouse: ClickHouse, log: Log):
        self._clickhouse, self.log = clickhouse, log
        self.queries = load_queries()
        self._threads = ThreadPoolExecutor(HANDLES, thread_name_prefix="reads")
        self._cache: OrderedDict[bytes, _Cached] = OrderedDict()
        self._fresh: tuple[float, asyncio.Task[Freshness]] | None = None

    async def freshness(self) -> Freshness:
        """How far the warehouse is, at most FRESHNESS_S ago: a lower bound for what is read from now on."""
        if self._fresh is None or self._fresh[0] < time.monotonic():
            self._fresh = time.monotonic() + FRESHNESS_S, asyncio.create_task(self._in_thread(self._look))
        return await _shared(self._fresh[1])

    def _look(self) -> Freshness:
        ends = ends_of(self.log)  # before the progress: the order matters
        return freshness(ends, self._clickhouse.query(self.queries["progress"]))

    async def rows(self, name: str, version: int, parameters: Mapping[str, Any]) -> Rows:
        """A query's rows, from memory where nothing was written since they were read."""
        key = msgspec.msgpack.encode((name, sorted(parameters.items())))
        sql = self.queries[name]
        return await self._remembered(key, version, lambda: self._in_thread(self._clickhouse.query, sql, parameters))

    async def _remembered(
        self, key: bytes, version: int, read: Callable[[], Coroutine[Any, Any, T]], seconds: float = OLDEST_S
    ) -> T:
        known = self._cache.get(key)
        if known is None or known.version != version or known.until < time.monotonic() or _has_failed(known.found):
            known = _Cached(version, time.monotonic() + seconds, asyncio.create_task(read()))
            self._cache[key] = known
        self._cache.move_to_end(key)
        while len(self._cache) > CACHED:
            self._cache.popitem(last=False)
        return await _shared(known.found)

    async def work(self, act: Callable[[Ask], T]) -> T:
        """What asks ClickHouse by SQL of its own, perhaps several times one after the other; nothing is kept of it."""
        return await _shared(asyncio.create_task(self._in_thread(act, self._clickhouse.query)))

    async def kept(self, what: tuple[str, ...], act: Callable[[Ask], T]) -> T:
        """As `work`, but from memory where the same was asked less than KEPT_S ago; asked at once it is one."""
        key, ask = msgspec.msgpack.encode(what), self._clickhouse.query
        return await self._remembered(key, _ANY_VERSION, lambda: self._in_thread(act, ask), KEPT_S)

    async def _in_thread(self, act: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, act, *args)

    def forget(self) -> None:
        """Read anew from now on; for whoever has just written and wants to see it."""
        self._cache.clear()
        self._fresh = None

    def close(self) -> None:
        """Wait for what is being read, then let go of ClickHouse."""
        self._threads.shutdown()
        self._clickhouse.close()


def _has_failed(task: asyncio.Task[Any]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


async def _shared(task: asyncio.Task[T]) -> T:
    """The result of a task that others wait for as well: a request that is cut off does not cancel it."""
    try:
        return await asyncio.shield(task)
    except (ClickHouseError, OSError) as fault:
        _LOG.warning("a read failed: %s", str(fault).partition("\n")[0][:300])
        detail = "ClickHouse cannot be reached or has no tables yet; try again"
        raise HTTPException(503, detail, headers={"Retry-After": "1"}) from None


class Reading:
    """One request's reads, all of them at least as fresh as the watermark that its answer carries."""

    def __init__(self, reads: Reads, fresh: Freshness):
        self._reads, self.fresh = reads, fresh
        self.log = reads.log

    async def rows(self, name: str, **parameters: Any) -> Rows:
        """The rows of a named query."""
        return await self._reads.rows(name, self.fresh.version, parameters)

    async def once(self, name: str, **parameters: Any) -> Rows:
        """The rows of a named query that nobody will ask again: nothing is kept of them."""
        sql = self._reads.queries[name]
        return await self._reads.work(lambda ask: [dict(row) for row in ask(sql, parameters)])

    async def work(self, act: Callable[[Ask], T]) -> T:
        """What asks by SQL of its own, `act(ask)`, in a thread."""
        return await self._reads.work(act)

    async def kept(self, what: tuple[str, ...], act: Callable[[Ask], T]) -> T:
        """The same, from memory where it was asked not long ago; `what` names the question."""
        return await self._reads.kept(what, act)

    async def first(self, name: str, missing: str = "", **parameters: Any) -> dict[str, Any]:
        """The first row; 404 with `missing` as the reason where there is none."""
        rows = await self.rows(name, **parameters)
        if not rows:
            raise HTTPException(404, missing)
        return rows[0]


async def reading(request: Request, response: Response) -> Reading:
    """The dependency of every read: sets the watermark before anything is read."""
    reads: Reads | None = request.app.state.reads
    if reads is None:
        raise HTTPException(503, "this process has no warehouse to read from")
    fresh = await reads.freshness()
    response.headers[HEADER] = format_instant(fresh.watermark)
    return Reading(reads, fresh)
