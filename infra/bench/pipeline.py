"""`waxwing bench pipeline`: events/s through the whole contacts flow, with checkpoints every second."""

from __future__ import annotations

import itertools
import tempfile
import time
from pathlib import Path

from connectors.publish import CatalogueReader, publish
from connectors.sqlite_log import SqliteLog
from infra.bench import workload
from infra.bench.folding import in_processes
from infra.bench.result import Result
from schemas.records import LEAD_MS
from schemas.topics import CHANGES, SENDS

PARTITIONS = 4
_APPEND = 5_000


def pipeline(events: int = 600_000, contacts: int = 50_000, segments: int = 50, workers: int = 1) -> Result:
    """Fold a prepared log from its start; the time counts from loaded states to the last record's effects."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.db"
        log = SqliteLog(path, partitions=PARTITIONS)
        prepare(log, events, contacts, segments)
        groups = [list(range(PARTITIONS))[w::workers] for w in range(workers)]
        done = in_processes(path, Path(folder) / "state", groups, PARTITIONS)
        seconds = max(d.seconds for d in done)
        details = {
            "events": sum(d.records for d in done),
            "contacts": contacts,
            "segments": segments,
            "journeys": 5,
            "workers": workers,
            "seconds": round(seconds, 2),
            "fold_s_per_million": round(sum(d.fold_s for d in done) / events * 1e6, 1),
            "cpu_s_per_million": round(sum(d.cpu_s for d in done) / events * 1e6, 1),
            "peak_mb": round(sum(d.peak_mb for d in done)),
            "sends": sum(log.end(SENDS, p) for p in range(PARTITIONS)),
            "changes": sum(log.end(CHANGES, p) for p in range(PARTITIONS)),
        }
        log.close()
        return Result("pipeline", round(events / seconds), "events/s", details=details)


def prepare(log: SqliteLog, events: int, contacts: int, segments: int) -> None:
    """Publish the workload's definitions, let them become active, append its events."""
    publish(CatalogueReader(log), workload.definitions(segments), by="bench")
    time.sleep(LEAD_MS / 1000 + 0.1)
    stream = workload.events(events, contacts, now=log.now())
    while part := list(itertools.islice(stream, _APPEND)):
        log.append(part)
