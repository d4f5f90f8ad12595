"""Events that keep flowing while something else is measured: how long each takes to its flip, and who is in what."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final

from connectors.sqlite_log import SqliteLog
from infra.bench.result import percentile
from schemas.records import Entry, Event, decode_change, encode
from schemas.topics import CHANGES, EVENTS

PROBE: Final[dict[str, Any]] = {"kind": "segment", "id": "probe", "where": {"performed": "go", "within": "1d"}}
_POLL_S: Final = 0.001
_AT_ONCE: Final = 2_000


class Live(AbstractContextManager["Live"]):
    """A thread that appends `rate` events a second, each of which makes a contact of its own enter `PROBE`, and reads
    `changes`. `members` are those of every other segment, `flips` how often somebody entered or left one."""

    def __init__(self, log: SqliteLog, rate: int):
        self._log, self._rate = log, rate
        self._partitions = range(log.partitions(CHANGES))
        self._offsets = [log.end(CHANGES, p) for p in self._partitions]
        self._begun: dict[str, float] = {}
        self._taken: list[float] = []
        self._sent, self._start = 0, time.perf_counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live")
        self.members: dict[str, set[str]] = defaultdict(set)
        self.flips: Counter[tuple[str, str]] = Counter()

    def __enter__(self) -> Live:
        self._thread.start()
        return self

    def __exit__(self, *ended: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_POLL_S):
            self._append()
            self._read()

    def _append(self) -> None:
        due = min(int((time.perf_counter() - self._start) * self._rate), self._sent + _AT_ONCE)
        if due > self._sent:
            moment, now = time.perf_counter(), self._log.now()
            self._begun.update((f"live-{i}", moment) for i in range(self._sent, due))
            self._log.append([_go(i, now) for i in range(self._sent, due)])
            self._sent = due

    def _read(self) -> None:
        for p in self._partitions:
            for record in self._log.read(CHANGES, p, self._offsets[p]):
                self._offsets[p] = record.offset + 1
                change = decode_change(record.value)
                if change.segment == PROBE["id"]:
                    self._taken.append((time.perf_counter() - self._begun.pop(change.contact)) * 1_000)
                elif change.segment:
                    self._flip(change.segment, change.kind, change.contact)

    def _flip(self, segment: str, kind: str, contact: str) -> None:
        members = self.members[segment]
        (members.add if kind == "segment_entered" else members.discard)(contact)
        self.flips[segment, kind] += 1

    def until(self, done: Callable[[], bool], what: str, wait_s: float) -> float:
        """Wait until it is so; how long that took, in seconds. TimeoutError."""
        begun = time.perf_counter()
        while not done():
            if time.perf_counter() - begun > wait_s or not self._thread.is_alive():
                raise TimeoutError(f"not within {wait_s:g} s: {what}")
            time.sleep(_POLL_S)
        return time.perf_counter() - begun

    def latencies(self) -> dict[str, float]:
        """From an event to its flip, of those that flipped since this was last asked, and how many those are."""
        taken, self._taken = self._taken, []
        return {
            "flips": len(taken),
            "p50_ms": round(percentile(taken, 0.5), 1) if taken else 0.0,
            "p99_ms": round(percentile(taken, 0.99), 1) if taken else 0.0,
        }


def _go(number: int, now: int) -> Entry:
    return Entry(EVENTS, f"live-{number}", encode(Event("track", f"live-{number}", now, "go", received_at=now)))
