"""The campaigns role: recurring campaigns fire, and those over their limits pause. It runs where ClickHouse is."""

from __future__ import annotations

import threading
from typing import Final

from api.launcher import Launcher
from api.reads import load_queries
from connectors.open import open_log
from connectors.publish import CatalogueReader
from flows.warehouse.flow import persist
from infra.scheduler import Scheduler
from infra.settings import Settings
from sinks.clickhouse import connect
from sinks.past_store import PastStore
from sinks.snapshot_store import SnapshotStore

ROUND_S: Final = 1.0


def role(settings: Settings, stop: threading.Event) -> None:
    """A round a second, until `stop` is set. Nothing is kept: the log knows what was launched."""
    log, clickhouse, files = open_log(settings), connect(settings), PastStore(settings.files_url)
    queries, reader = load_queries(), CatalogueReader(log)
    launcher = Launcher(log, reader, SnapshotStore(settings.files_url).get, files, queries["progress"])
    scheduler = Scheduler(log, reader, launcher, clickhouse.query, queries["campaign_outcomes"])
    try:
        while not stop.wait(ROUND_S):
            persist(scheduler.round, stop.is_set, clickhouse.address)
    finally:
        files.close()
        clickhouse.close()
        log.close()
