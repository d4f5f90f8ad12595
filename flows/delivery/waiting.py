"""The sends of a partition that are read and not settled: which is next, which were overtaken, how far all are done."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush

from schemas.records import Send


class Waiting:
    """Open sends by offset, in log order. Offsets are added in rising order, each ends once."""

    def __init__(self, start: int):
        self.next_offset = start
        self.ids: set[str] = set()
        self._open: deque[int] = deque()
        self._done: set[int] = set()
        self._runs: dict[str, list[int]] = {}  # run -> instants at which its open sends were planned

    def __len__(self) -> int:
        return len(self.ids)

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
        self.ids.add(send.id)
        if send.run:
            self._runs.setdefault(send.run, []).append(send.at)

    def passed(self, offset: int) -> None:
        """A record was read that asks for nothing: a repetition, or one that cannot be read."""
        self.next_offset = offset + 1

    def settle(self, offset: int, send: Send) -> None:
        """A send has ended."""
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


class Lanes:
    """Jobs in the order of handing over: transactional before marketing, each in log order."""

    def __init__(self) -> None:
        self._heap: list[tuple[bool, int]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def put(self, offset: int, send: Send) -> None:
        """A send may be handed over now."""
        heappush(self._heap, (send.message_class == "marketing", offset))

    def take(self) -> int:
        """The offset of the next one; IndexError where none waits."""
        return heappop(self._heap)[1]
