"""What the routers share: settings, the log, the reads; and an append that does not block the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import Request

from connectors.log import Appended, Log, Progress
from infra.settings import Settings
from schemas.records import Entry

T = TypeVar("T")
_APPENDERS = 16  # threads that may wait for a commit at once; the log writes what waits in one


@dataclass(frozen=True)
class Deps:
    """`reads` is the warehouse's side (`api.reads.Reads`), where this process has one."""

    settings: Settings
    log: Log
    reads: Any = None
    appenders: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_APPENDERS, thread_name_prefix="append")
    )

    async def append(self, entries: Sequence[Entry], progress: Progress | None = None) -> list[Appended]:
        """Append durably, in a thread, so that concurrent requests share a commit. Raises LogUnavailable."""
        return await self.in_thread(self.log.append, entries, progress)

    async def in_thread(self, call: Callable[..., T], *given: Any) -> T:
        """Run what appends in one of the appenders' threads."""
        return await asyncio.get_running_loop().run_in_executor(self.appenders, call, *given)


async def deps(request: Request) -> Deps:
    """The dependency that routers ask for; async, so that it costs no thread."""
    found: Deps = request.app.state.deps
    return found
