"""The warehouse flow: every topic -> rows -> ClickHouse, then how far it has come.

    log ──Chunk──▶ rows ──Written──▶ clickhouse

ClickHouse is a projection (rule 6): when it is away this flow waits, keeps its place, and catches up. Its place is kept
in ClickHouse itself, written after the rows: a crash repeats rows, which stand once by their identity, and loses none.
So does a worker that goes on where another was, and one that is frozen and writes late: of places the farthest counts.
Step ids are a contract.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from clickhouse_connect.driver.exceptions import ClickHouseError
from prometheus_client import Counter, Gauge

from connectors.engine import run_flow
from connectors.log import Log
from connectors.source import LogSource, RecordBatch
from flows.warehouse.rows import COLUMNS, TOPICS, Row, Tables, add_rows, moment, refused_row
from schemas.errors import StateAhead
from sinks.clickhouse import ClickHouse, migrate

GROUP: Final = "warehouse"  # of the workers that share partitions
BATCH: Final = 10_000  # records of a partition that are read at once
EVERY_S: Final = 0.25  # between two writes while the flow keeps up: each write makes a part in every table
REST: Final = 3  # from the begin of a write to the next it is so many times as long as the write took
LONGEST_S: Final = 1.5  # but no longer: reads follow within two seconds
FIRST_WAIT_S: Final = 0.1  # the waits while ClickHouse is away double from this
LONGEST_WAIT_S: Final = 5.0
IN_FLIGHT_MS: Final = 250  # an append may become visible so long after the time that it carries
# ClickHouse cannot read a value: parse errors, and values that a column cannot hold.
_UNREADABLE: Final = frozenset({6, 26, 27, 38, 41, 43, 53, 69, 70, 72, 117, 130, 131, 321, 349, 636})

_LOG = logging.getLogger(__name__)
_UP = Gauge("waxwing_warehouse_up", "1 while ClickHouse takes what is written, 0 while the flow waits for it")
_ROWS = Counter("waxwing_warehouse_rows", "Rows written to ClickHouse", ["table"])
_REFUSED = Counter(
    "waxwing_warehouse_refused", "Rows that ClickHouse could not read; they are in dead_letters", ["table"]
)


Places = Mapping[tuple[str, int], int]  # (topic, partition) -> next offset


class Place(NamedTuple):
    """How far a partition is read: its next offset; everything logged before `complete_until` lies below it."""

    topic: str
    partition: int
    next_offset: int
    complete_until: int


class Chunk(NamedTuple):
    """What the source hands out: the next records of several partitions, and where that leaves each."""

    batches: list[RecordBatch]
    places: list[Place]


class Written(NamedTuple):
    """What the sink writes: first the rows, then the places."""

    tables: Tables
    places: list[Place]


class ChunkPuller:
    """Reads all partitions of all topics, or those with `numbers`, in one go; at most every EVERY_S, unless there is
    more than one go takes.

    What was handed out is written before the next is asked for: how long that took decides how soon that may be, so
    that a laptop's ClickHouse, which shares its cores, is busy with writes for a part of the time only.
    """

    def __init__(self, log: Log, placed: Places, limit: int = BATCH, numbers: Collection[int] | None = None):
        self._log, self._limit = log, limit
        mine = [(t, n) for t in TOPICS for n in range(log.partitions(t)) if numbers is None or n in numbers]
        self._offsets = {(t, n): placed.get((t, n), log.begin(t, n)) for t, n in mine}
        for (topic, partition), offset in self._offsets.items():
            if offset > (end := log.end(topic, partition)):
                raise StateAhead(
                    f"ClickHouse has read {topic} partition {partition} up to offset {offset}, the log ends at {end}:"
                    " it was restored from an older copy; the warehouse must be rebuilt from an empty database"
                )
        self._next, self._handed = 0.0, 0.0

    def pull(self) -> list[Chunk]:
        """The next chunk; nothing where nothing is new or it is too early."""
        if self._handed:
            took, self._handed = time.monotonic() - self._handed, 0.0
            self._next += max(0.0, min(REST * took, LONGEST_S) - EVERY_S)
        if time.monotonic() < self._next:
            return []
        now = self._log.now()  # before the reads: what is appended meanwhile is not counted as read
        batches = [batch for where, offset in self._offsets.items() if (batch := self._read(*where, offset))]
        if not batches:
            return []
        places = []
        for topic, partition, records in batches:
            last, is_full = records[-1], len(records) == self._limit
            until = last.logged_at if is_full else max(last.logged_at, now - IN_FLIGHT_MS)
            self._offsets[topic, partition] = last.offset + 1
            places.append(Place(topic, partition, last.offset + 1, until))
        if all(len(batch.records) < self._limit for batch in batches):
            self._handed = time.monotonic()
            self._next = self._handed + EVERY_S
        return [Chunk(batches, places)]

    def _read(self, topic: str, partition: int, offset: int) -> RecordBatch | None:
        records = self._log.read(topic, partition, offset, self._limit)
        return RecordBatch(topic, partition, records) if records else None


def rows_of(chunk: Chunk) -> Written:
    """The chunk's records as rows."""
    tables: Tables = {}
    for topic, partition, records in chunk.batches:
        add_rows(topic, partition, records, tables)
    return Written(tables, chunk.places)


class ClickHouseSink(DynamicSink[Written]):
    """Writes rows, then places; waits while ClickHouse is away. See the module for the guarantee."""

    def __init__(self, clickhouse: ClickHouse, stop: Callable[[], bool]):
        self._clickhouse, self._stop = clickhouse, stop

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Part:
        return _Part(self._clickhouse, self._stop)


class _Part(StatelessSinkPartition[Written]):
    def __init__(self, clickhouse: ClickHouse, stop: Callable[[], bool]):
        self._clickhouse, self._stop = clickhouse, stop
        self._has_ended = False  # told to stop while it waited: nothing after what is missing may be written

    def write_batch(self, items: list[Written]) -> None:
        for written in items:
            if not self._has_ended:
                self._has_ended = not self._write(written)

    def _write(self, written: Written) -> bool:
        """Rows first, then places. False where the flow was told to stop before ClickHouse had taken them."""
        places = [(p.topic, p.partition, p.next_offset, moment(p.complete_until)) for p in written.places]

        def write() -> None:
            for table in list(written.tables):
                self._insert(table, written.tables[table])
                del written.tables[table]  # not again, where a later table has to wait
            self._clickhouse.insert("warehouse_progress", Place._fields, places)

        return persist(write, self._stop, self._clickhouse.address)

    def _insert(self, table: str, rows: Sequence[Row]) -> None:
        """Write the rows; those that ClickHouse cannot read, alone, become dead letters."""
        try:
            self._clickhouse.insert(table, COLUMNS[table], rows)
        except ClickHouseError as fault:
            if getattr(fault, "code", None) not in _UNREADABLE or table == "dead_letters":
                raise
            if len(rows) > 1:
                self._insert(table, rows[: len(rows) // 2])
                self._insert(table, rows[len(rows) // 2 :])
                return
            _LOG.error("ClickHouse cannot read a row of %s; it is in dead_letters: %s", table, _first_line(fault))
            _REFUSED.labels(table).inc()
            self._insert("dead_letters", [refused_row(table, rows[0], _first_line(fault))])
        else:
            _ROWS.labels(table).inc(len(rows))


def _first_line(fault: Exception) -> str:
    return str(fault).partition("\n")[0][:300]


def persist(act: Callable[[], Any], stop: Callable[[], bool], address: str) -> bool:
    """Do it, again and again with longer waits while ClickHouse is away; False where `stop` ended that."""
    wait, failures = FIRST_WAIT_S, 0
    while True:
        try:
            act()
        except (ClickHouseError, OSError) as fault:
            failures += 1
            _UP.set(0)
            if failures == 1:
                why = _first_line(fault)
                _LOG.warning("ClickHouse at %s is away, and is tried again until it is back: %s", address, why)
        else:
            if failures:
                _LOG.warning("ClickHouse at %s is back after %d tries", address, failures)
            _UP.set(1)
            return True
        until = time.monotonic() + wait
        while time.monotonic() < until:
            if stop():
                return False
            time.sleep(0.02)
        wait = min(wait * 2, LONGEST_WAIT_S)


def prepare(clickhouse: ClickHouse, stop: Callable[[], bool]) -> Places | None:
    """Wait for ClickHouse, bring its tables to this version, and read the places; None where `stop` ended the wait."""
    places: dict[tuple[str, int], int] = {}

    def act() -> None:
        migrate(clickhouse)
        sql = "SELECT topic, partition, max(next_offset) AS next FROM warehouse_progress GROUP BY ALL"
        places.update({(row["topic"], row["partition"]): row["next"] for row in clickhouse.query(sql)})

    return places if persist(act, stop, clickhouse.address) else None


def build(
    log: Log,
    clickhouse: ClickHouse,
    places: Places,
    poll_ms: float = 20.0,
    limit: int = BATCH,
    stop: Callable[[], bool] = lambda: False,
    numbers: Collection[int] | None = None,
) -> Dataflow:
    """The dataflow, from the places on that `prepare` has read. It ends when `stop` says so."""
    flow = Dataflow("warehouse")
    chunks = op.input("log", flow, LogSource({"log": lambda: ChunkPuller(log, places, limit, numbers)}, poll_ms, stop))
    rows = op.map("rows", chunks, rows_of)
    op.output("clickhouse", rows, ClickHouseSink(clickhouse, stop))
    return flow


def run(log: Log, clickhouse: ClickHouse, stop: Callable[[], bool], numbers: Collection[int] | None = None) -> None:
    """Keep ClickHouse up with the log, or with the partitions of these numbers, until `stop` says so."""
    places = prepare(clickhouse, stop)
    if places is not None:
        run_flow(build(log, clickhouse, places, stop=stop, numbers=numbers))
