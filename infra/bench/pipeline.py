"""`waxwing bench pipeline`: events/s through the whole contacts flow, with checkpoints every second."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from connectors.log import Log
from connectors.publish import CatalogueReader, publish
from connectors.sqlite_log import SqliteLog
from infra.bench import workload
from infra.bench.folding import in_processes
from infra.bench.result import Result
from schemas.errors import InvalidInput, Violation
from schemas.records import LEAD_MS
from schemas.topics import CHANGES, SENDS

PARTITIONS = 4
_APPEND = 5_000


def pipeline(
    events: int = 600_000, contacts: int = 50_000, segments: int = 50, workers: int = 1, kind: str = "sqlite"
) -> Result:
    """Fold a prepared log from its start; the time counts from loaded states to the last record's effects.

    With `kind` "kafka" the log is on a broker that runs on the same machine meanwhile, and shares its cores.
    """
    with tempfile.TemporaryDirectory() as folder, _logs(kind, Path(folder)) as open_log:
        log = open_log()
        prepare(log, events, contacts, segments)
        groups = [list(range(PARTITIONS))[w::workers] for w in range(workers)]
        done = in_processes(open_log, Path(folder) / "state", groups)
        seconds = max(d.seconds for d in done)
        details = {
            "events": sum(d.records for d in done),
            "contacts": contacts,
            "segments": segments,
            "journeys": 5,
            "workers": workers,
            "log": kind,
            "seconds": round(seconds, 2),
            "fold_s_per_million": round(sum(d.fold_s for d in done) / events * 1e6, 1),
            "cpu_s_per_million": round(sum(d.cpu_s for d in done) / events * 1e6, 1),
            "peak_mb": round(sum(d.peak_mb for d in done)),
            "sends": sum(log.end(SENDS, p) for p in range(PARTITIONS)),
            "changes": sum(log.end(CHANGES, p) for p in range(PARTITIONS)),
        }
        log.close()
        return Result("pipeline", round(events / seconds), "events/s", details=details)


@contextmanager
def _logs(kind: str, folder: Path) -> Iterator[Callable[[], Log]]:
    """What opens the log: of SQLite, or on a broker that runs until left. InvalidInput where none can run here."""
    if kind == "sqlite":
        yield partial(SqliteLog, folder / "log.db", PARTITIONS)
        return
    from connectors.kafka_config import KafkaConfig
    from connectors.kafka_log import KafkaLog
    from connectors.kafka_topics import create
    from infra.broker import missing, running

    if lacking := missing():
        raise InvalidInput("bench", [Violation("--log", f"a broker cannot run here: there is {lacking}")])
    with running(folder / "broker") as bootstrap:
        config = KafkaConfig(bootstrap)
        create(config, PARTITIONS)
        yield partial(KafkaLog, config, PARTITIONS)


def prepare(log: Log, events: int, contacts: int, segments: int) -> None:
    """Publish the workload's definitions, let them become active, append its events."""
    publish(CatalogueReader(log), workload.definitions(segments), by="bench")
    time.sleep(LEAD_MS / 1000 + 0.1)
    stream = workload.events(events, contacts, now=log.now())
    while part := list(itertools.islice(stream, _APPEND)):
        log.append(part)
