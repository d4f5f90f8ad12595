"""`waxwing bench storage`: what an event and a contact cost to keep: in the log, in the state, in ClickHouse."""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from connectors.publish import CatalogueReader, publish
from connectors.sqlite_log import SqliteLog
from flows.contact.active import Definitions
from flows.contact.partition import PartitionFold
from flows.warehouse.rows import COLUMNS, Tables, add_rows
from infra.bench import workload
from infra.bench.result import Result
from schemas.records import LEAD_MS, Entry, Record
from schemas.topics import DEFINITIONS, EVENTS
from sinks.clickhouse import ClickHouse, migrate

_PART: Final = 20_000  # rows of one insert


def storage(events: int = 300_000, contacts: int = 30_000, segments: int = 50) -> Result:
    """Fold a history of the pipeline's workload, spread over a day, and keep it all; bytes an event and a contact."""
    with tempfile.TemporaryDirectory() as folder:
        definitions, logged_at = _published(Path(folder), segments)
        history = _history(events, contacts, logged_at)
        fold = PartitionFold(0, definitions, {}, 0)
        clickhouse = ClickHouse(Path(folder) / "clickhouse")
        migrate(clickhouse)
        effects = {"log_bytes": sum(len(r.value) for r in history), "effect_bytes": 0, "effects": 0}
        keeping_s = 0.0
        for begin in range(0, events, _PART):
            part = history[begin : begin + _PART]
            said = _folded(fold, part)
            effects["effects"] += len(said)
            effects["effect_bytes"] += sum(len(entry.value) for entry in said)
            begun = time.perf_counter()
            _keep(clickhouse, part, said)
            keeping_s += time.perf_counter() - begun
        details = {name: round(total / events, 2) for name, total in effects.items()}
        states = fold.states
        kept = _on_disk(clickhouse)
        return Result(
            "storage",
            round(sum(kept.values()) / events, 1),
            "bytes of ClickHouse an event",
            details={
                "events": events,
                "contacts": len(states),
                "segments": segments,
                **{f"{name}_per_event": value for name, value in details.items()},
                "state_bytes_per_contact": round(sum(map(len, states.values())) / len(states)),
                "memory_bytes_per_contact": round(_memory(states) / len(states)),
                "clickhouse_rows_per_s": round(events * (1 + details["effects"]) / keeping_s),
                "clickhouse_bytes_per_event": {table: round(size / events, 2) for table, size in kept.items()},
            },
        )


def _published(folder: Path, segments: int) -> tuple[Definitions, int]:
    """The workload's definitions, and an instant at which they are active."""
    log = SqliteLog(folder / "log.db", partitions=1)
    publish(CatalogueReader(log), workload.definitions(segments), by="bench")
    definitions = Definitions()
    for record in log.read(DEFINITIONS, 0, 0, 10_000):
        definitions.apply(record)
    now = log.now() + LEAD_MS
    log.close()
    return definitions, now


def _history(events: int, contacts: int, since: int) -> list[Record]:
    """The workload's events, evenly over the day that begins at the instant."""
    step = 86_400_000 / events
    made = workload.events(events, contacts, now=since)
    return [Record(i, since + int(i * step), e.key, e.value) for i, e in enumerate(itertools.islice(made, events))]


def _folded(fold: PartitionFold, records: list[Record]) -> list[Entry]:
    fold.push(records)
    said: list[Entry] = []
    while fold.busy:
        said += fold.work(1 << 30)
    return said


def _memory(states: dict[str, bytes]) -> int:
    """Bytes that Python holds for the states: the dict, its keys and values."""
    return sys.getsizeof(states) + sum(sys.getsizeof(key) + sys.getsizeof(value) for key, value in states.items())


def _keep(clickhouse: ClickHouse, records: list[Record], said: list[Entry]) -> None:
    tables: Tables = {}
    add_rows(EVENTS, 0, records, tables)
    for number, entry in enumerate(said):
        if entry.topic != EVENTS:
            at = records[-1].logged_at
            add_rows(entry.topic, 0, [Record(number, at, entry.key, entry.value)], tables)
    for table, rows in tables.items():
        clickhouse.insert(table, COLUMNS[table], rows)


def _on_disk(clickhouse: ClickHouse) -> dict[str, int]:
    """Bytes of each table's parts, once they are merged."""
    for table in ("events", "changes", "sends"):
        clickhouse.command(f"OPTIMIZE TABLE {table} FINAL")
    time.sleep(1)  # parts that were replaced are dropped in the background
    rows = clickhouse.query(
        "SELECT table, sum(bytes_on_disk) AS bytes FROM system.parts"
        " WHERE active AND database = currentDatabase() GROUP BY table ORDER BY bytes DESC"
    )
    return {row["table"]: int(row["bytes"]) for row in rows}
