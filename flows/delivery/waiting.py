"""The sends of a partition that are read and not settled: which is next, which were overtaken, how far all are done."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import Generic, TypeVar

from schemas.records import Send

J = TypeVar("J")


class Waiting:
    """Open sends by offset, in log order. Offsets are added in rising order, each ends once."""

    def __init__(self, start: int):
        self.next_offset = start
        self.ids: set[str] = set()
        self._open: deque[int] = deque()
        self._ahead: set[int] = set()
        self._done: set[int] = set()
        self._runs: dict[str, list[int]] = {}  # run -> instants at which its open sends were planned

    def __len__(self) -> int:
        return len(self.ids) - len(self._ahead)

    @property
    def lowest(self) -> int:
        """The lowest offset that is not settled: where a reader that starts anew has to begin."""
        while self._open and self._open[0] in self._done:
            self._done.remove(self._open.popleft())
        return self._open[0] if self._open else self.next_offset

    def add(self, offset: int, send: Send) -> None:
        """A send was read."""
        self.next_offset = offset + 1
        self._open.append(offset)
        self._note(send)

    def add_ahead(self, offset: int, send: Send) -> None:
        """A send was read that lies further on than all that is read in order."""
        self._ahead.add(offset)
        self._note(send)

    @property
    def ahead(self) -> int:
        """How many of these have not ended."""
        return len(self._ahead)

    def _note(self, send: Send) -> None:
        self.ids.add(send.id)
        if send.run:
            self._runs.setdefault(send.run, []).append(send.at)

    def passed(self, offset: int) -> None:
        """A record was read that asks for nothing: a repetition, or one that cannot be read."""
        self.next_offset = offset + 1
        if offset in self._ahead:  # it is reached in order now, and still open
            self._ahead.remove(offset)
            self._open.append(offset)

    def settle(self, offset: int, send: Send) -> None:
        """A send has ended."""
        if offset in self._ahead:
            self._ahead.remove(offset)
        else:
            self._done.add(offset)
        self.ids.discard(send.id)
        if send.run:
            planned = self._runs[send.run]
            if len(planned) == 1:
                del self._runs[send.run]
            else:
                planned.remove(send.at)

    def superseded(self, send: Send) -> bool:
        """Whether a send that its run planned later waits as well. Planned at the same instant, both are meant."""
        return bool(send.run) and max(self._runs[send.run]) > send.at


class Lanes(Generic[J]):
    """Jobs in the order of handing over: transactional before marketing, each in the order of planning."""

    def __init__(self) -> None:
        self._heap: list[tuple[bool, int, tuple[int, int], J]] = []

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def urgent(self) -> bool:
        """Whether the next one is transactional."""
        return bool(self._heap) and not self._heap[0][0]

    def put(self, send: Send, place: tuple[int, int], job: J) -> None:
        """A send may be handed over now. `place`, its partition and offset, is that of no other in the lanes."""
        heappush(self._heap, (send.message_class == "marketing", send.at, place, job))

    def take(self) -> J:
        """The next one; IndexError where none waits."""
        return heappop(self._heap)[3]
