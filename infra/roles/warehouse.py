"""The warehouse role: keeps ClickHouse up with the log."""

from __future__ import annotations

import threading

from connectors.open import open_log
from flows.warehouse.flow import run
from infra.settings import Settings
from sinks.clickhouse import connect


def role(settings: Settings, stop: threading.Event) -> None:
    """Run until `stop` is set. Where the engine is embedded, only the process of this role may open its folder."""
    log, clickhouse = open_log(settings), connect(settings)
    try:
        run(log, clickhouse, stop.is_set)
    finally:
        clickhouse.close()
        log.close()
