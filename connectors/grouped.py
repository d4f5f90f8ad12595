"""Grouping of concurrent writes: of the threads that call at once, one writes for all."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class _Call(Generic[T]):
    """One item on its way, and the thread that waits for it."""

    __slots__ = ("cause", "item", "leads", "woken")

    def __init__(self, item: T):
        self.item = item
        self.woken = threading.Event()
        self.leads = False
        self.cause: BaseException | None = None


class Grouped(Generic[T]):
    """`write(items)`, called in one thread at a time with all the items that wait, up to `limit` by `size`.

    A thread that finds nobody writing leads: it writes what waits, its own item among it. Those that come meanwhile
    wait; when the leader is through, the first of them leads the next group. So each waits for two writes at most,
    unless groups are at their limit.
    """

    def __init__(self, write: Callable[[Sequence[T]], None], size: Callable[[T], int], limit: int):
        self._write, self._size, self._limit = write, size, limit
        self._lock = threading.Lock()  # held for moments only: guards the two below
        self._waiting: deque[_Call[T]] = deque()
        self._is_led = False

    def do(self, item: T) -> BaseException | None:
        """Return once the item is written: None, or why its whole group was not."""
        call = _Call(item)
        with self._lock:
            self._waiting.append(call)
            call.leads, self._is_led = not self._is_led, True
        try:
            if not call.leads:
                call.woken.wait()  # for its end, or for its turn to lead
            if call.leads:
                self._lead()
        except BaseException:  # an interrupt of this thread
            self._abandon(call)
            raise
        return call.cause

    def _lead(self) -> None:
        group: list[_Call[T]] = []
        cause: BaseException | None = None
        try:
            group = self._take()
            self._write([call.item for call in group])
        except Exception as fault:
            cause = fault
        except BaseException as fault:  # an interrupt: it goes on in this thread, the others hear of it
            cause = fault
            raise
        finally:
            self._pass_on()
            for call in group:
                call.cause = cause
                call.woken.set()

    def _take(self) -> list[_Call[T]]:
        group: list[_Call[T]] = []
        size = 0
        with self._lock:
            while self._waiting and size <= self._limit:
                group.append(self._waiting.popleft())
                size += self._size(group[-1].item)
        return group

    def _pass_on(self) -> None:
        """The first of those that wait leads the next group."""
        with self._lock:
            self._is_led = bool(self._waiting)
            if self._is_led:
                self._waiting[0].leads = True
                self._waiting[0].woken.set()

    def _abandon(self, call: _Call[T]) -> None:
        """Take back an item whose thread was interrupted; it must not be the one that the others wait for."""
        with self._lock:
            if call not in self._waiting:
                return
            self._waiting.remove(call)
        if call.leads:
            self._pass_on()
