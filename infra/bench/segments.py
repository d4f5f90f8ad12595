"""`waxwing bench segments`: from an event to its flip, live; the fold with many segments; publishing over everyone."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from connectors.publish import CatalogueReader, publish
from connectors.sqlite_log import SqliteLog
from flows.contact.active import Definitions
from flows.contact.partition import PartitionFold
from flows.contact.replay import definition_records
from infra.bench import workload
from infra.bench.latency import PARTITIONS, serving
from infra.bench.publishing import publishing
from infra.bench.result import Result, percentile
from schemas.records import LEAD_MS, Entry, Event, Record, decode_change, encode
from schemas.topics import CHANGES, EVENTS

SEGMENTS: Final = (50, 200, 1_000)
_BATCH: Final = 2_000
_UNRELATED: Final = 20_000  # events that no segment asks about
_POLL_S: Final = 0.0005
_WAIT_S: Final = 30.0
_LIVE: Final = {"kind": "segment", "id": "gone", "where": {"performed": "go", "within": "1d"}}


class Folded(NamedTuple):
    """Of so many segments: events a second of a core; of events that none asks about; bytes of a contact's state."""

    events_s: int
    unrelated_s: int
    bytes_a_contact: int


def segments(
    events: int = 100_000,
    contacts: int = 20_000,
    rate: int = 1_000,
    seconds: int = 5,
    everyone: Sequence[int] = (100_000,),
) -> Result:
    """Each part by itself, one after the other."""
    folded = {count: fold_alone(count, events, contacts) for count in SEGMENTS}
    taken = _live(rate, seconds)
    published = {str(count): publishing(count, rate).details for count in everyone}
    p50, p99 = percentile(taken, 0.5), percentile(taken, 0.99)
    details = {
        "flips": len(taken),
        "rate": rate,
        "fold": {str(count): found._asdict() for count, found in folded.items()},
        "publishing": published,
    }
    return Result("segments", round(p99, 2), "ms", round(p50, 2), round(p99, 2), details)


def fold_alone(count: int, events: int, contacts: int) -> Folded:
    """The fold over prepared records, without log and checkpoints, on one core."""
    now = 1_790_000_000_000
    definitions = Definitions()
    for record in definition_records(workload.definitions(count, journeys=0), now - 1):
        definitions.apply(record)
    fold = PartitionFold(0, definitions, {}, 0)
    shop = [(e.key, e.value) for e in workload.events(events, contacts, now=now)]
    seconds = _fold(fold, _records(shop, 0, now))
    size = sum(map(len, fold.states.values())) / max(1, len(fold.states))
    other = [(key, encode(Event("track", f"u-{i}", now, "unrelated"))) for i, (key, _) in enumerate(shop[:_UNRELATED])]
    unrelated_s = _fold(fold, _records(other, events, now))
    return Folded(round(events / seconds), round(len(other) / unrelated_s), round(size))


def _records(values: Sequence[tuple[str, bytes]], first: int, now: int) -> list[Record]:
    return [Record(first + i, now + first + i, key, value) for i, (key, value) in enumerate(values)]


def _fold(fold: PartitionFold, records: list[Record]) -> float:
    """The processor's seconds that it takes; the cyclic collector rests, as it does in the flow."""
    gc.collect()
    gc.disable()
    begun = time.process_time()
    for start in range(0, len(records), _BATCH):
        fold.push(records[start : start + _BATCH])
        while fold.busy:
            fold.work(_BATCH)
    gc.enable()
    return time.process_time() - begun


def _live(rate: int, seconds: int) -> list[float]:
    """Milliseconds from just before an event's append to the moment at which a reader of `changes` has its flip."""
    with tempfile.TemporaryDirectory() as folder:
        open_log = partial(SqliteLog, Path(folder) / "log.db", PARTITIONS)
        log = open_log()
        publish(CatalogueReader(log), [*workload.definitions(50, journeys=0), _LIVE], by="bench")
        time.sleep(LEAD_MS / 1000 + 0.1)
        with serving(open_log, Path(folder) / "state"):
            flips = _Flips(log)
            flips.append(range(-1_000, 0))  # so that every partition has read the definitions
            flips.wait(1_000)
            flips.taken.clear()
            _at_rate(flips, rate, rate * seconds)
        log.close()
    return flips.taken


def _at_rate(flips: _Flips, rate: int, total: int) -> None:
    begun, sent = time.perf_counter(), 0
    while sent < total:
        due = min(total, int((time.perf_counter() - begun) * rate))
        if due > sent:
            flips.append(range(sent, due))
            sent = due
        flips.read()
        time.sleep(_POLL_S)
    flips.wait(total)


class _Flips:
    """Contacts of whom each has one event and one flip, and how long that took."""

    def __init__(self, log: SqliteLog):
        self._log, self.taken = log, list[float]()
        self._begun: dict[str, float] = {}
        self._offsets = [log.end(CHANGES, p) for p in range(PARTITIONS)]

    def append(self, numbers: range) -> None:
        """An event for each of the numbers."""
        moment, now = time.perf_counter(), self._log.now()
        self._begun.update((f"contact-{i}", moment) for i in numbers)
        self._log.append([_go(i, now) for i in numbers])

    def read(self) -> None:
        """Take in the flips that are there."""
        for contact in self._new():
            self.taken.append((time.perf_counter() - self._begun[contact]) * 1000)

    def _new(self) -> Iterator[str]:
        for p in range(PARTITIONS):
            for record in self._log.read(CHANGES, p, self._offsets[p]):
                self._offsets[p] = record.offset + 1
                change = decode_change(record.value)
                if change.segment == _LIVE["id"]:
                    yield change.contact

    def wait(self, total: int) -> None:
        """Until so many flips were seen."""
        deadline = time.perf_counter() + _WAIT_S
        while len(self.taken) < total and time.perf_counter() < deadline:
            self.read()
            time.sleep(_POLL_S)


def _go(i: int, now: int) -> Entry:
    properties: dict[str, Any] = {"total": 1}
    return Entry(EVENTS, f"contact-{i}", encode(Event("track", f"go-{i}", now, "go", properties, received_at=now)))
