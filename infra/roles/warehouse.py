"""The warehouse role: keeps ClickHouse up with the log. On Kafka several workers share the partitions.

A worker has the partitions of every topic that have its numbers, and so those of `events` that it is assigned.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from clickhouse_connect.driver.exceptions import ClickHouseError

from api.reads import load_queries
from api.watermark import Ends, Freshness, ends_of, freshness
from connectors.assignment import assignment
from connectors.open import open_log
from flows.warehouse.flow import GROUP, run
from infra.collectors import WatermarkCollector
from infra.metrics import registered
from infra.settings import Settings
from schemas.topics import EVENTS
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

    def work(partitions: Sequence[int], is_over: Callable[[], bool]) -> None:
        run(log, clickhouse, is_over, partitions)

    try:
        with registered(WatermarkCollector(lambda: ends_of(log), look)):
            assignment(settings, GROUP, EVENTS).run(work, stop.is_set)
    finally:
        clickhouse.close()
        log.close()
