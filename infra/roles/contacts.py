"""The contacts role: folds partitions of `events`: all, a worker's share, or what Kafka assigns. Workers share nothing.

On Kafka the states are copied at intervals and when a partition is given up, so whoever gets it goes on from there; or
from the log's beginning, or from ClickHouse where the log does not reach back so far.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from connectors.assignment import assignment
from connectors.engine import run_flow
from connectors.log import Log
from connectors.open import open_log
from flows.contact.flow import GROUP, Partition, build
from infra.collectors import FoldCollector, MismatchCollector
from infra.metrics import registered
from infra.settings import Settings
from infra.state_copier import StateCopier
from schemas.errors import InvalidInput, Violation
from schemas.records import Record
from schemas.times import parse_duration
from schemas.topics import EVENTS
from sinks.archive import Archive
from sinks.clickhouse import connect
from sinks.past_store import PastStore
from sinks.snapshot_store import SnapshotStore
from sinks.state_copies import StateCopies


def role(settings: Settings, stop: threading.Event, worker: int = 0, workers: int = 1) -> None:
    """Run until `stop` is set. The states are in `data`/state, a folder a partition, whichever worker folds it; on
    Kafka further workers of one machine have `data`/state-1, …, for a frozen one may hold its own.
    """
    log, past = open_log(settings), PastStore(settings.files_url)
    try:
        worker_of = _Worker(settings, log, past, worker)
        assignment(settings, GROUP, EVENTS, worker, workers).run(worker_of.work, stop.is_set)
    finally:
        past.close()
        log.close()


class _Worker:
    """One worker, over the stints that it is assigned."""

    def __init__(self, settings: Settings, log: Log, past: PastStore, worker: int):
        self._settings, self._log, self._past = settings, log, past
        self._snapshots = SnapshotStore(settings.files_url)
        self._copies = StateCopies(settings.files_url) if settings.log else None
        self._folder = settings.data / (f"state-{worker}" if settings.log and worker else "state")

    def work(self, numbers: Sequence[int], is_over: Callable[[], bool]) -> None:
        """Fold the partitions until `is_over()`; then their states are saved, copied and let go."""
        if self._copies is not None:
            for number in numbers:
                self._copies.bring(number, self._folder / str(number))
        opened: dict[int, Partition] = {}
        flow = build(
            self._log,
            self._folder,
            numbers,
            checkpoint_s=self._settings.checkpoint_s,
            stop=is_over,
            opened=opened,
            members_of=self._snapshots.get,
            past=self._past,
            archive=self._archive if self._settings.log else None,
        )
        figures = registered(FoldCollector(self._log, opened)), registered(MismatchCollector())
        with figures[0], figures[1], self._copying(opened, self._folder):
            try:
                run_flow(flow)
            finally:
                for partition in opened.values():
                    partition.store.close()
        opened.clear()
        gc.unfreeze()
        gc.collect()

    @contextmanager
    def _copying(self, opened: dict[int, Partition], folder: Path) -> Iterator[None]:
        if self._copies is None:
            yield
            return
        every_s = parse_duration(self._settings.copy_every) / 1000
        copier = StateCopier(self._copies, opened, every_s)
        try:
            yield
        except BaseException:
            copier.end()
            raise
        copier.end()
        copier.last(folder)

    def _archive(self, partition: int, start: int, end: int) -> Iterator[list[Record]]:
        if not self._settings.clickhouse:
            gone = f"{EVENTS} partition {partition} begins at offset {end}, its state at {start}"
            raise InvalidInput("settings", [Violation("clickhouse", f"{gone}: name the server that archives it")])
        clickhouse = connect(self._settings)
        try:
            yield from Archive(clickhouse).read(partition, start, end)
        finally:
            clickhouse.close()
