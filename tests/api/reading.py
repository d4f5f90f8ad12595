"""An API over what the warehouse flow made of a log: all the reads, on the real engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from api import (
    campaign_preview,
    campaign_simulation,
    campaigns,
    consent,
    contacts,
    definitions,
    drafts,
    experiments,
    explain,
    explain_run,
    holdouts,
    journey_report,
    journeys,
    memberships,
    messages,
    migrations,
    mismatches,
    preview,
    problems,
    reports,
    simulations,
    snapshots,
    summary,
)
from api.contact_path import SlashesInIds
from api.deps import Deps
from api.reads import Reads
from connectors.log_clock import Clock
from connectors.publish import CatalogueReader
from connectors.sqlite_log import SqliteLog
from flows.warehouse.flow import run
from schemas.records import Change, Definition, Entry, Event, encode
from schemas.topics import EVENTS
from sinks.clickhouse import ClickHouse
from sinks.past_store import PastStore
from tests.api.support import TestClient, settings
from tests.clickhouse import emptied

T = 1_790_000_000_000  # 2026-09-21T14:13:20Z


class World:
    """A log, ClickHouse, and an API that reads it."""

    def __init__(self, log: SqliteLog, clickhouse: ClickHouse, reads: Reads, client: TestClient):
        self.log, self.clickhouse, self.reads, self.client = log, clickhouse, reads, client

    def tell(self, *entries: Entry) -> None:
        """Append, and let the warehouse flow write everything that is on the log."""
        self.log.append(list(entries))
        done = threading.Event()
        flow = threading.Thread(target=run, args=(self.log, self.clickhouse, done.is_set))
        flow.start()
        pause = threading.Event()
        while not self._is_written():
            assert flow.is_alive()
            pause.wait(0.01)
        done.set()
        flow.join()
        self.reads.forget()

    def _is_written(self) -> bool:
        sql = "SELECT topic, partition, max(next_offset) AS next FROM warehouse_progress GROUP BY ALL"
        places = {(row["topic"], row["partition"]): row["next"] for row in self.clickhouse.query(sql)}
        topics = ("events", "changes", "sends", "attempts", "definitions", "dead_letters")
        parts = [(topic, n) for topic in topics for n in range(self.log.partitions(topic))]
        return all(places.get(part, 0) == self.log.end(*part) for part in parts)

    def get(self, path: str, **parameters: Any) -> Any:
        """The answer's JSON; it must be a good one."""
        answer = self.client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()


@contextmanager
def world(folder: Path, clock: Clock | None = None) -> Iterator[World]:
    """An empty one; its log's time is the machine's, or turned by hand."""
    log, clickhouse = SqliteLog(folder / "log.db", partitions=2, clock=clock), emptied()
    app = FastAPI()
    app.add_middleware(SlashesInIds)
    reads = app.state.reads = Reads(clickhouse, log)
    app.state.deps, app.state.catalogue = Deps(settings(folder), log, reads), CatalogueReader(log)
    app.state.past = PastStore(settings(folder).files_url)
    problems.install(app)
    routed = (
        consent,
        contacts,
        experiments,
        explain,
        explain_run,
        holdouts,
        journey_report,
        journeys,
        memberships,
        messages,
        migrations,
        mismatches,
        preview,
        simulations,
        reports,
    )
    for module in (*routed, snapshots, summary, campaign_preview, campaign_simulation, campaigns, definitions, drafts):
        app.include_router(module.router)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=True) as client:
        yield World(log, clickhouse, reads, client)
    app.state.deps.appenders.shutdown()
    app.state.past.close()
    reads.close()
    log.close()


def event(contact: str, type: str, id: str, at: int = T, **fields: Any) -> Entry:
    """An event of a contact."""
    return Entry(EVENTS, contact, encode(Event(type, id=id, at=at, user_id=contact, **fields)))


def change(contact: str, kind: str, id: str, at: int = T, **fields: Any) -> Entry:
    """A conclusion about a contact."""
    return Entry("changes", contact, encode(Change(id, kind, contact, at, **fields)))


def definition(kind: str, id: str, version: int = 1, **body: Any) -> Entry:
    """A published version."""
    whole = {"kind": kind, "id": id, **body}
    return Entry("definitions", f"{kind}/{id}", encode(Definition(kind, id, "publish", version, whole)))
