"""Messages that wait at the same time, handed over together by a provider's batch endpoint."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from flows.delivery.provider import Message, Result

LINES: Final = 2  # batches under way at once


class Batches:
    """`hand_over(messages) -> results` is called with up to `limit` that wait; alone a message waits for nobody."""

    def __init__(self, hand_over: Callable[[Sequence[Message]], Awaitable[Sequence[Result]]], limit: int):
        self._hand_over, self._limit = hand_over, limit
        self._waiting: deque[tuple[Message, asyncio.Future[Result]]] = deque()
        self._under_way: set[asyncio.Task[None]] = set()

    async def do(self, message: Message) -> Result:
        """The message's own result."""
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((message, future))
        if len(self._under_way) < LINES:
            task = asyncio.create_task(self._run())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return await future

    async def _run(self) -> None:
        while self._waiting:
            group = [self._waiting.popleft() for _ in range(min(self._limit, len(self._waiting)))]
            try:
                results = await self._hand_over([message for message, _ in group])
            except BaseException as fault:
                for _, future in group:
                    if not future.done():
                        future.set_exception(fault)
                raise
            for (_, future), result in zip(group, results, strict=True):
                if not future.done():
                    future.set_result(result)
