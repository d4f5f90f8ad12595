"""A fold whose log has dropped its beginning is what it would be with all of it."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connectors.definition_reader import DefinitionReader, PastFiles
from connectors.log_clock import Clock
from connectors.sqlite_log import SqliteLog
from flows.contact.flow import Partition
from flows.contact.partition import PartitionFold
from flows.warehouse.flow import ChunkPuller, Place, rows_of
from flows.warehouse.rows import COLUMNS, moment
from schemas.errors import TerminalError
from schemas.records import Record
from schemas.topics import EVENTS
from sinks import archive
from sinks.archive import Archive
from sinks.clickhouse import ClickHouse
from tests.clickhouse import emptied
from tests.recovery import history

RECORDS, CUT = 400, 250
NOBODY: frozenset[str] = frozenset()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    """One partition of random history, 50 ms from record to record."""
    time = [1_790_000_000_000]
    log = SqliteLog(tmp_path / "log.db", partitions=1, clock=Clock(lambda: time[0], lambda: time[0] - 1_000))
    rng = random.Random(3)
    log.append(history.Definitions(rng).first())
    time[0] += 5_000
    for i in range(RECORDS):
        time[0] += 50
        log.append([history.event(rng, f"c{rng.randrange(20)}", f"e{i}", log.now())])
    yield log
    log.close()


@pytest.fixture
def clickhouse(log: SqliteLog) -> ClickHouse:
    """With all that the log holds now."""
    clickhouse = emptied()
    [chunk] = ChunkPuller(log, {}).pull()
    for table, rows in rows_of(chunk).tables.items():
        clickhouse.insert(table, COLUMNS[table], rows)
    places = [(p.topic, p.partition, p.next_offset, moment(p.complete_until)) for p in chunk.places]
    clickhouse.insert("warehouse_progress", Place._fields, places)
    return clickhouse


def reader(log: SqliteLog) -> DefinitionReader:
    return DefinitionReader(log, lambda file: NOBODY, PastFiles(None, [0]))


def through(fold: PartitionFold, records: list[Record]) -> dict[str, bytes]:
    fold.push(records)
    while fold.busy:
        fold.work(1_000)
    return fold.states


def test_the_states_are_those_of_the_whole_log(
    log: SqliteLog, clickhouse: ClickHouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "PAGE", 70)
    records = log.read(EVENTS, 0, 0, RECORDS)
    undisturbed = reader(log)
    undisturbed.freshen(records[-1].logged_at)
    whole = through(PartitionFold(0, undisturbed.definitions, {}, 0), records)

    with closing(sqlite3.connect(tmp_path / "log.db")) as db, db:
        db.execute("DELETE FROM events WHERE offset < ?", (CUT,))
    assert log.begin(EVENTS, 0) == CUT
    partition = Partition(log, 0, tmp_path / "state", reader(log), 1.0, Archive(clickhouse).read)
    assert partition.fold.next_offset == CUT
    rest = log.read(EVENTS, 0, CUT, RECORDS)
    partition_states = through(partition.fold, rest)
    assert partition_states == whole
    assert len(whole) == 20
    partition.store.close()


def test_what_neither_holds_is_not_passed_over(log: SqliteLog, clickhouse: ClickHouse) -> None:
    with pytest.raises(TerminalError, match=r"begins at offset 500 and ClickHouse .* holds what is before 400"):
        list(Archive(clickhouse).read(0, 0, 500))
