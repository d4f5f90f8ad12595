"""The source and the sink in real dataflows: what is read is written once, over ends and restarts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.recovery import init_db_dir

from connectors import source
from connectors.engine import run_flow
from connectors.log import Log, Progress
from connectors.source import LogSource, RecordBatch, RecordPuller, record_pullers
from connectors.sqlite_log import SqliteLog
from schemas.errors import LogUnavailable
from schemas.records import Entry, Record
from schemas.topics import CRM, DEFINITIONS, EVENTS
from sinks.log import Batch, LogSink, merged

GROUP = "copy"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    log = SqliteLog(tmp_path / "log.db")
    yield log
    log.close()


def copied(batch: RecordBatch) -> Batch:
    entries = [Entry(EVENTS, r.key, r.value.upper()) for r in batch.records]
    return Batch(entries, Progress(GROUP, {(batch.topic, batch.partition): batch.records[-1].offset + 1}))


def copy_flow(log: Log, stop: Callable[[], bool], limit: int = 2_000) -> Dataflow:
    """crm -> events in capitals, with a group's progress in the same append."""
    pullers = record_pullers(log, CRM, lambda n: log.committed(GROUP, CRM, n), limit)
    flow = Dataflow("copy")
    batches = op.input("crm", flow, LogSource(pullers, poll_ms=1, stop=stop))
    op.output("events", op.map("copy", batches, copied), LogSink(log))
    return flow


def at_rest(log: Log) -> Callable[[], bool]:
    """Whether the group has come to the end of the topic."""
    partitions = range(log.partitions(CRM))
    return lambda: all(log.committed(GROUP, CRM, n) == log.end(CRM, n) for n in partitions)


def records(log: Log, topic: str) -> list[Record]:
    return [r for n in range(log.partitions(topic)) for r in log.read(topic, n, 0, 100_000)]


def test_a_flow_copies_a_topic_and_ends_when_it_is_told(log: SqliteLog) -> None:
    log.append([Entry(CRM, f"c{i}", f"value {i}".encode()) for i in range(1_000)])
    run_flow(copy_flow(log, at_rest(log), limit=64))
    assert sorted(r.value for r in records(log, EVENTS)) == sorted(f"VALUE {i}".encode() for i in range(1_000))


def test_order_is_kept_within_a_partition(log: SqliteLog) -> None:
    log.append([Entry(CRM, f"c{i % 7}", str(i).encode()) for i in range(500)])
    run_flow(copy_flow(log, at_rest(log), limit=13))
    for n in range(4):
        came = [int(r.value) for r in log.read(EVENTS, n, 0)]
        assert came == sorted(came)


def test_a_flow_started_again_repeats_nothing(log: SqliteLog) -> None:
    for i in range(3):
        log.append([Entry(CRM, f"c{j}", f"{i} {j}".encode()) for j in range(50)])
        run_flow(copy_flow(log, at_rest(log)))
    assert len(records(log, EVENTS)) == 150


class Refusing(SqliteLog):
    """A log that refuses its third append, as a full disk would."""

    appends = 0

    def append(self, entries: list[Entry], progress: Progress | None = None) -> list:
        self.appends += 1
        if self.appends == 3:
            raise OSError("no space left on device")
        return super().append(entries, progress)


def test_a_failed_append_stops_the_flow_and_the_next_start_goes_on_from_what_is_durable(
    log: SqliteLog, tmp_path: Path
) -> None:
    log.append([Entry(CRM, f"c{i}", str(i).encode()) for i in range(100)])
    refusing = Refusing(tmp_path / "log.db")
    with pytest.raises(OSError, match="no space left"):
        run_flow(copy_flow(refusing, at_rest(log), limit=5))
    refusing.close()
    before = len(records(log, EVENTS))
    assert 0 < before < 100
    run_flow(copy_flow(log, at_rest(log)))
    assert sorted(int(r.value) for r in records(log, EVENTS)) == list(range(100))


def test_records_that_come_while_the_flow_sleeps_are_picked_up(log: SqliteLog) -> None:
    polls = 0

    def stop() -> bool:
        nonlocal polls
        polls += 1
        if polls == 40:  # ten rounds over four parts: the flow has been asleep
            log.append([Entry(CRM, "late", b"late")])
        return polls > 40 and at_rest(log)()

    run_flow(copy_flow(log, stop))
    assert [r.value for r in records(log, EVENTS)] == [b"LATE"]


def test_a_flow_with_recovery_resumes_its_pullers_from_their_snapshots(log: SqliteLog, tmp_path: Path) -> None:
    log.append([Entry(DEFINITIONS, "k", str(i).encode()) for i in range(10)])
    folder = tmp_path / "recovery"
    folder.mkdir()
    init_db_dir(folder, 1)
    seen: list[bytes] = []

    def run_until(until: int) -> None:
        run_flow(keeping_flow(log, seen, until), recovery=folder)

    run_until(10)
    log.append([Entry(DEFINITIONS, "k", str(i).encode()) for i in range(10, 14)])
    run_until(14)
    assert seen == [str(i).encode() for i in range(14)]


def keeping_flow(log: Log, seen: list[bytes], until: int) -> Dataflow:
    """Keeps what it reads in `seen`; its source resumes from Bytewax's own recovery store."""
    source = LogSource(record_pullers(log, DEFINITIONS, limit=3), poll_ms=1, stop=lambda: len(seen) >= until)
    flow = Dataflow("resuming")
    batches = op.input("definitions", flow, source)

    def keep(batch: RecordBatch) -> Batch:
        seen.extend(r.value for r in batch.records)
        return Batch([])

    op.output("nowhere", op.map("keep", batches, keep), LogSink(log))
    return flow


def test_a_puller_never_emits_an_empty_batch(log: SqliteLog) -> None:
    puller = RecordPuller(log, DEFINITIONS, 0, start=0, limit=2)
    assert puller.pull() == []
    log.append([Entry(DEFINITIONS, "k", b"v") for _ in range(3)])
    assert [len(batch.records) for _ in range(3) for batch in puller.pull()] == [2, 1]
    assert puller.snapshot() == 3


def test_a_part_name_with_a_dot_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"events\.0"):
        LogSource({"events.0": lambda: RecordPuller(None, EVENTS, 0, 0)})


def test_of_several_moves_the_last_of_each_partition_counts() -> None:
    moves = [Progress("g", {("a", 0): 1, ("a", 1): 5}), Progress("g", {("a", 0): 2})]
    assert merged(moves) == Progress("g", {("a", 0): 2, ("a", 1): 5})
    assert merged([]) is None
    with pytest.raises(ValueError, match="g, h"):
        merged([Progress("g", {}), Progress("h", {})])


class Leaving(SqliteLog):
    """A log of which every other read finds it away."""

    reads = 0

    def read(self, topic: str, partition: int, offset: int, limit: int = 2_000) -> list[Record]:
        self.reads += 1
        if self.reads % 2:
            raise LogUnavailable("it is away")
        return super().read(topic, partition, offset, limit)


def test_a_flow_whose_log_is_away_asks_again_and_loses_and_repeats_nothing(
    log: SqliteLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(source, "_AGAIN", timedelta(0))
    log.append([Entry(CRM, f"c{i}", str(i).encode()) for i in range(100)])
    leaving = Leaving(tmp_path / "log.db")
    run_flow(copy_flow(leaving, at_rest(log), limit=5))
    leaving.close()
    assert sorted(int(r.value) for r in records(log, EVENTS)) == list(range(100))
    away = {line.partition(",")[0] for line in caplog.messages}
    assert away
    assert away <= {
        f"the log of crm-{n} is away" for n in range(4)
    }  # one whose reads were the others saw it never away
