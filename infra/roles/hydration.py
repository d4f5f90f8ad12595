"""The hydration role: brings definitions that warm up, and frequency caps, their past. It runs where ClickHouse is."""

from __future__ import annotations

import threading
from typing import Final

from api.reads import load_queries
from connectors.open import open_log
from flows.warehouse.flow import persist
from infra.cap_past import CapPast
from infra.hydrator import Hydrator
from infra.settings import Settings
from sinks.clickhouse import connect
from sinks.past_query import PastQuery
from sinks.past_store import PastStore

POLL_S: Final = 0.03


def role(settings: Settings, stop: threading.Event) -> None:
    """Run until `stop` is set. What was under way then begins anew with the next start."""
    log, clickhouse, files = open_log(settings), connect(settings), PastStore(settings.files_url)
    try:
        archive = PastQuery(clickhouse)
        hydrator = Hydrator(log, archive, files)
        caps = CapPast(log, clickhouse.query, load_queries()["progress"], archive, files)
        while not stop.wait(POLL_S):
            persist(hydrator.round, stop.is_set, clickhouse.address)
            persist(caps.round, stop.is_set, clickhouse.address)
    finally:
        files.close()
        clickhouse.close()
        log.close()
