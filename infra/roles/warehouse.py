"""The warehouse role: keeps ClickHouse up with the log."""

from __future__ import annotations

import threading

from clickhouse_connect.driver.exceptions import ClickHouseError

from api.reads import load_queries
from api.watermark import Ends, Freshness, ends_of, freshness
from connectors.open import open_log
from flows.warehouse.flow import run
from infra.collectors import WatermarkCollector
from infra.metrics import registered
from infra.settings import Settings
from sinks.clickhouse import connect


def role(settings: Settings, stop: threading.Event) -> None:
    """Run until `stop` is set. Where the engine is embedded, only the process of this role may open its folder."""
    log, clickhouse = open_log(settings), connect(settings)
    progress = load_queries()["progress"]

    def look(ends: Ends) -> Freshness | None:
        try:
            return freshness(ends, clickhouse.query(progress))
        except (ClickHouseError, OSError):  # the flow says so
            return None

    try:
        with registered(WatermarkCollector(lambda: ends_of(log), look)):
            run(log, clickhouse, stop.is_set)
    finally:
        clickhouse.close()
        log.close()
