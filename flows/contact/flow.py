"""The contacts flow: events -> one fold a partition -> effects, ticks; then its state. Effects first (rule 5).

    log ──RecordBatch──▶ fold ──Effects | Checkpoint──▶ commit

A worker folds the partitions that it reads; source, fold and sink of a partition share a `Partition`. There is no
exchange, no Bytewax key and no Bytewax recovery: the partition's state store says where to go on. A worker claims its
partitions on the log before it opens their states: who had them before can append and commit no more (Fenced). Step ids
are a contract.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from prometheus_client import Summary

from connectors.definition_reader import DefinitionReader, MembersOf, PastFiles
from connectors.fail_points import fail_point
from connectors.log import Claim, Log, Progress
from connectors.source import LogSource
from flows.contact.partition import PartitionFold
from schemas.records import FRESH_MS, TICK, Entry, Record
from schemas.topics import EVENTS
from sinks.past_store import PastStore
from sinks.state_store import Checkpoint, StateStore

BATCH = 2_000  # records read at once
EFFECTS = 2_000  # effects after which the fold pauses, so that a storm of timers is written in parts
MAX_CHANGED = 200_000  # changed contacts after which reading waits for the outstanding commit
TICK_MS = 20  # a partition's ticks are at least this far apart: each costs a sync
GROUP: Final = "contacts"  # its progress is what every effect is durable of; the state may lag behind it
Archive: TypeAlias = Callable[[int, int, int], Iterator[list[Record]]]  # partition, from offset, to before offset
_SECONDS: Final = Summary("waxwing_contacts_fold_seconds", "Time that folding took, and in how many goes")
_LOG: Final = logging.getLogger(__name__)


class Step(NamedTuple):
    """What the source hands to the fold: a partition's next records; none: go on, tick, or checkpoint."""

    partition: int
    records: list[Record]
    tick: bool = False


class Effects(NamedTuple):
    """What the fold hands to the sink: to be durable before the state that produced it."""

    partition: int
    entries: list[Entry]


class Partition:
    """What source, fold and sink of one partition share, all on one worker: the fold, the store, the open commit."""

    def __init__(
        self,
        log: Log,
        partition: int,
        folder: Path,
        reader: DefinitionReader,
        checkpoint_s: float,
        archive: Archive | None = None,
    ):
        self.store = StateStore(folder / str(partition))
        self.store.check(log.end(EVENTS, partition))
        store = self.store
        self.fold = PartitionFold(partition, reader.definitions, store.load(), store.next_offset, store.logged_at)
        self.unsaid = 0  # effects, and work begun that may have some, which are not on the log
        self.pending: Future[None] | None = None  # the last commit
        self.emitted = False  # a checkpoint is on its way to the sink
        self._saved, self._every = time.monotonic(), checkpoint_s
        self._saved_offset = store.next_offset
        if archive is not None and self.fold.next_offset < (begin := log.begin(EVENTS, partition)):
            self._catch_up(archive(partition, self.fold.next_offset, begin), reader)

    def _catch_up(self, past: Iterator[list[Record]], reader: DefinitionReader) -> None:
        """Fold what the log holds no more. What it leads to was said when the log still held it: what the log has
        dropped, its readers may have forgotten too, and would take for new.
        """
        for records in past:
            reader.freshen(records[-1].logged_at)
            self.fold.push(records)
            while self.fold.busy:
                self.fold.work(EFFECTS)

    def idle(self) -> bool:
        """Whether no commit is outstanding. One that failed stops the worker here."""
        if self.emitted:
            return False
        if self.pending is not None and self.pending.done():
            self.pending.result()
            self.pending = None
        return self.pending is None

    def has_failed(self) -> bool:
        """Whether the last commit has failed: its states are not saved, and not known to be changed any more."""
        return self.pending is not None and self.pending.done() and self.pending.exception() is not None

    def is_due(self) -> bool:
        """Whether a checkpoint should be taken now."""
        if not self.is_unsaved:
            return False
        late = time.monotonic() - self._saved >= self._every
        return (late or len(self.fold.changed) >= MAX_CHANGED) and self.idle()

    @property
    def is_unsaved(self) -> bool:
        """Whether there is something to save: states, or how far it is where records changed none (repeated ones)."""
        return bool(self.fold.changed) or self.fold.next_offset != self._saved_offset

    def unsaved_s(self) -> float:
        """For how long there have been states to save; 0 where there are none."""
        return time.monotonic() - self._saved if self.is_unsaved else 0.0

    def checkpoint(self) -> Checkpoint:
        """The changed states and the offset they go with; both as of now."""
        fold = self.fold
        taken = Checkpoint(fold.partition, fold.next_offset, fold.logged_at, {c: fold.states[c] for c in fold.changed})
        fold.changed = set()
        self._saved, self._saved_offset, self.emitted = time.monotonic(), fold.next_offset, True
        return taken


class EventPuller:
    """The source's side of a partition: reads on, ticks when time has to pass, wakes the fold for a checkpoint."""

    def __init__(self, log: Log, partition: Partition, reader: DefinitionReader):
        self.log, self.partition, self.reader = log, partition, reader
        self.number, self.offset = partition.fold.partition, partition.fold.next_offset
        self._tick_offset, self._ticked = -1, 0.0  # the outstanding tick lies at or after this offset
        self._looked = 0.0  # when `definitions` was last asked for news

    def pull(self) -> list[Step]:
        """The next step; an empty list where there is nothing to do now. A pass over everyone waits for no record, and
        no record for the pass."""
        fold = self.partition.fold
        if fold.waiting or self.partition.has_failed():  # where a commit has failed the step stops the worker
            return [Step(self.number, [])]
        if len(fold.changed) >= MAX_CHANGED and not self.partition.idle():
            return []  # back-pressure
        records = self.log.read(EVENTS, self.number, self.offset, BATCH)
        if records:
            reader = self.reader
            if not reader.may_go_on(reader.freshen, records[-1].logged_at):  # after the read: the order matters
                return []
            self.offset = records[-1].offset + 1
            fail_point("read")
            return [Step(self.number, records)]
        return self._when_quiet(fold) or ([Step(self.number, [])] if fold.busy else [])

    def _when_quiet(self, fold: PartitionFold) -> list[Step]:
        """All that was read is folded, or nearly: tick if the next timer is due, checkpoint if that is.

        What is published meanwhile is read too: its activation is an instant that has to pass.
        """
        if time.monotonic() - self._looked >= FRESH_MS / 1000:
            self._looked = time.monotonic()
            if not self.reader.may_go_on(self.reader.read, fold.logged_at):
                return []
        if fold.next_offset == self.offset and self._may_tick() and self._is_due(fold):
            self._tick_offset, self._ticked = self.offset, time.monotonic()
            return [Step(self.number, [], tick=True)]
        return [Step(self.number, [])] if self.partition.is_due() else []

    def _may_tick(self) -> bool:
        return self._tick_offset < self.offset and time.monotonic() - self._ticked >= TICK_MS / 1000

    def _is_due(self, fold: PartitionFold) -> bool:
        due = fold.next_due()
        return due is not None and due <= self.log.now()


class CommittingSink(DynamicSink[Any]):
    """Appends effects, then hands checkpoints to the stores: the order is the guarantee."""

    def __init__(self, claim: Callable[[], Claim], partitions: Mapping[int, Partition]):
        self._claim, self._partitions = claim, partitions

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _CommittingPart:
        return _CommittingPart(self._claim(), self._partitions)


class _CommittingPart(StatelessSinkPartition[Any]):
    def __init__(self, claim: Claim, partitions: Mapping[int, Partition]):
        self.claim, self.partitions = claim, partitions
        self._thread = ThreadPoolExecutor(1, "checkpoint")

    def write_batch(self, items: list[Effects | Checkpoint]) -> None:
        """1. effects become durable; 2. only then may a state that knows them be saved."""
        effects = [item for item in items if isinstance(item, Effects)]
        if effects:
            fail_point("before_append")
            parts: dict[int, list[Entry]] = {}
            for number, entries in effects:
                parts.setdefault(number, []).extend(entries)
            self.claim.append(parts)
            fail_point("after_append")
            if any(entry.topic == EVENTS for part in parts.values() for entry in part):
                fail_point("after_tick")
        for number, _ in effects:
            self.partitions[number].unsaid -= 1
        for item in items:
            if isinstance(item, Checkpoint):
                partition = self.partitions[item.partition]
                partition.pending = self._thread.submit(_commit, self.claim, partition.store, item)
                partition.emitted = False

    def close(self) -> None:
        """Save what is folded, so that the next start has nothing to repeat; not where the fold or an append has
        failed, and a state would know effects that the log does not hold."""
        self._thread.shutdown()
        try:
            for partition in self.partitions.values():
                if partition.pending is not None:
                    partition.pending.result()
                if partition.unsaid == 0 and partition.is_unsaved:
                    _commit(self.claim, partition.store, partition.checkpoint())
        except Exception as fault:  # also RocksDB's, of a full disk: what is raised here aborts the process
            _LOG.warning("the last states are not saved, and are folded again: %s", fault)
        finally:
            for partition in self.partitions.values():
                partition.store.close()
            self.claim.close()


def _commit(claim: Claim, store: StateStore, checkpoint: Checkpoint) -> None:
    """Save the states; Fenced where another worker has claimed the partition: its log refuses the progress."""
    fail_point("before_commit")
    progress = Progress(GROUP, {(EVENTS, checkpoint.partition): checkpoint.next_offset})
    claim.append({checkpoint.partition: []}, progress)
    store.commit(checkpoint)
    fail_point("after_commit")


def fold_steps(partitions: Mapping[int, Partition], steps: Sequence[Step]) -> list[Effects | Checkpoint]:
    """Push each step's records, go on with the fold, and take a checkpoint where one is due."""
    with _SECONDS.time():
        return _fold_steps(partitions, steps)


def _fold_steps(partitions: Mapping[int, Partition], steps: Sequence[Step]) -> list[Effects | Checkpoint]:
    out: list[Effects | Checkpoint] = []
    for number, records, tick in steps:
        partition = partitions[number]
        partition.idle()  # or the worker stops
        partition.unsaid += 1
        if records:
            partition.fold.push(records)
        entries = partition.fold.work(EFFECTS)
        if tick:
            entries.append(Entry(EVENTS, "", TICK, number))
        if entries:
            out.append(Effects(number, entries))
        else:
            partition.unsaid -= 1
        if partition.is_due():
            out.append(partition.checkpoint())
    return out


def build(
    log: Log,
    folder: Path,
    numbers: Sequence[int] | None = None,
    checkpoint_s: float = 1.0,
    poll_ms: float = 2.0,
    stop: Callable[[], bool] = lambda: False,
    opened: dict[int, Partition] | None = None,
    members_of: MembersOf = lambda file: frozenset(),
    past: PastStore | None = None,
    archive: Archive | None = None,
) -> Dataflow:
    """The dataflow over the given partitions of `events` (all of them by default), with its state below `folder`.

    It ends when `stop` says so. `opened` receives each partition as it is opened, for whoever wants to watch.
    `members_of` reads the members in a snapshot's file, `past` the files that hydration writes, `archive` what the log
    has dropped; without one the fold begins where the log does.
    """
    numbers = range(log.partitions(EVENTS)) if numbers is None else numbers
    reader = DefinitionReader(log, members_of, PastFiles(past, numbers))
    partitions: dict[int, Partition] = {} if opened is None else opened

    @cache
    def claim() -> Claim:
        return log.claim(GROUP, numbers)

    def pull(number: int) -> EventPuller:
        claim()  # before its state is opened
        gc.disable()  # live state is bytes: the cyclic collector would find nothing
        partitions[number] = Partition(log, number, folder, reader, checkpoint_s, archive)
        gc.freeze()
        return EventPuller(log, partitions[number], reader)

    pullers = {f"{EVENTS}-{n}": (lambda n=n: pull(n)) for n in numbers}
    flow = Dataflow("contacts")
    steps = op.input("log", flow, LogSource(pullers, poll_ms=poll_ms, stop=stop))
    results = op.flat_map_batch("fold", steps, lambda batch: fold_steps(partitions, batch))
    op.output("commit", results, CommittingSink(claim, partitions))
    return flow
