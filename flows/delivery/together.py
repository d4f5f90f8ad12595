"""Blocking calls of many coroutines, made together in one thread: so that they share a commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Together(Generic[T, R]):
    """`run(items) -> results` is called with all the items that wait, one call at a time, in a thread of its own."""

    def __init__(self, run: Callable[[Sequence[T]], Sequence[R]], name: str):
        self._run = run
        self._thread = ThreadPoolExecutor(1, name)
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._drain: asyncio.Task[None] | None = None

    async def do(self, item: T) -> R:
        """The item's result; raises what `run` raised for its group."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._drain is None:
            self._drain = asyncio.create_task(self._run_all())
        return await future

    async def _run_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                try:
                    results = await loop.run_in_executor(self._thread, self._run, [item for item, _ in group])
                except Exception as fault:
                    _fail(group, fault)
                    continue
                for (_, future), result in zip(group, results, strict=True):
                    if not future.done():
                        future.set_result(result)
        finally:
            self._drain = None

    def close(self) -> None:
        """Wait for the call that is under way, and end the thread."""
        self._thread.shutdown()


def _fail(group: Sequence[tuple[object, asyncio.Future[R]]], fault: Exception) -> None:
    for _, future in group:
        if not future.done():
            future.set_exception(fault)
