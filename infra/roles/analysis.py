"""The analysis role: experiments and hours of sending, by what ClickHouse holds. It runs where ClickHouse is."""

from __future__ import annotations

import threading

from api.reads import load_queries
from connectors.open import open_log
from flows.warehouse.flow import persist
from infra.analyst import Analyst
from infra.settings import Settings
from schemas.times import parse_duration
from sinks.clickhouse import connect


def role(settings: Settings, stop: threading.Event) -> None:
    """A round each `analysis_every`, until `stop` is set. Nothing is kept: the log knows what was decided."""
    every_s = parse_duration(settings.analysis_every) / 1000
    log, clickhouse = open_log(settings), connect(settings)
    analyst = Analyst(log, clickhouse.query, load_queries()["progress"])
    try:
        while not stop.wait(every_s):
            persist(analyst.round, stop.is_set, clickhouse.address)
    finally:
        clickhouse.close()
        log.close()
