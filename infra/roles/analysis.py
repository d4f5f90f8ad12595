"""The analysis role: experiments, hours of sending and rankings, by what ClickHouse holds. It runs where that is."""

from __future__ import annotations

import threading

from api.reads import load_queries
from connectors.open import open_log
from flows.warehouse.flow import persist
from infra.analyst import Analyst
from infra.ranker import Ranker
from infra.settings import Settings
from schemas.times import parse_duration
from sinks.clickhouse import connect
from sinks.past_store import PastStore


def role(settings: Settings, stop: threading.Event) -> None:
    """A round each `analysis_every`, until `stop` is set. Nothing is kept: the log knows what was decided."""
    every_s = parse_duration(settings.analysis_every) / 1000
    log, clickhouse, files = open_log(settings), connect(settings), PastStore(settings.files_url)
    progress = load_queries()["progress"]
    analyst, ranker = Analyst(log, clickhouse.query, progress), Ranker(log, clickhouse.query, progress, files)
    try:
        while not stop.wait(every_s):
            persist(analyst.round, stop.is_set, clickhouse.address)
            persist(ranker.round, stop.is_set, clickhouse.address)
    finally:
        files.close()
        clickhouse.close()
        log.close()
