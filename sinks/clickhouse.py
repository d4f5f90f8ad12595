"""ClickHouse, embedded or over HTTP: one class, a small pool of handles, rows in as JSON lines, answers out as JSON.

Embedded (chDB) one process may have a folder, and a handle runs one query at a time; so each call borrows a handle.
ClickHouse parses the JSON lines itself, outside Python's GIL. Instants go in as seconds with three decimals and come
out as ISO 8601.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, LifoQueue
from threading import BoundedSemaphore
from typing import Any, Final
from urllib.parse import urlsplit

import clickhouse_connect
import msgspec
from clickhouse_connect.driver.client import Client

from infra.settings import Settings
from sinks.on_cluster import on_cluster

HANDLES: Final = 8  # queries that may run at once
MIGRATIONS: Final = Path(__file__).resolve().parents[1] / "infra" / "migrations"
_SETTINGS: Final = {
    "date_time_output_format": "iso",
    "output_format_json_quote_64bit_integers": "0",
    "output_format_json_quote_denormals": "0",
    "async_insert": "0",  # an insert that has returned is there
    # A definition of the size that is taken (1 MB, 12,000 leaves of a segment) must be a query, too.
    "max_query_size": str(64 << 20),
    "max_ast_elements": "2000000",
    "max_expanded_ast_elements": "5000000",
}
# What one replica has taken, the next one that is asked knows: the warehouse's progress must never seem to go back.
_REPLICAS: Final = {"insert_quorum": "auto", "insert_quorum_parallel": "0", "select_sequential_consistency": "1"}
_APPLIED: Final = (
    "CREATE TABLE IF NOT EXISTS schema_migrations (name String, applied_at DateTime64(3, 'UTC'))"
    " ENGINE = ReplacingMergeTree(applied_at) ORDER BY name"
)
_lines = msgspec.json.Encoder().encode_lines
_row: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])


class ClickHouse:
    """A pool of handles to one ClickHouse. May be shared between threads.

    `address` names it in messages: a folder, or a host without its credentials. `cluster`: the name of the cluster of
    whose replicas any may answer.
    """

    def __init__(self, folder: Path | None = None, url: str = "", handles: int = HANDLES, cluster: str = ""):
        self._folder, self._url, self.cluster = folder, url, cluster
        self._settings = _SETTINGS | (_REPLICAS if cluster else {})
        parts = urlsplit(url)
        self.address = str(folder) if folder else f"{parts.scheme}://{parts.hostname}:{parts.port or ''}"
        self._idle: LifoQueue[Client] = LifoQueue()
        self._free = BoundedSemaphore(handles)
        if folder:
            folder.mkdir(parents=True, exist_ok=True)

    def _open(self) -> Client:
        if self._folder:
            return clickhouse_connect.get_client(interface="chdb", path=str(self._folder), settings=self._settings)
        return clickhouse_connect.get_client(dsn=self._url, settings=self._settings, autogenerate_session_id=False)

    @contextmanager
    def handle(self) -> Iterator[Client]:
        """A client that is nobody else's meanwhile."""
        with self._free:
            try:
                client = self._idle.get_nowait()
            except Empty:
                client = self._open()
            try:
                yield client
            finally:
                self._idle.put(client)

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Write rows whose values are in the order of `columns`; when this returns, every query sees them."""
        if rows:
            with self.handle() as client:
                client.raw_insert(table, list(columns), _lines(rows), fmt="JSONCompactEachRow")

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The answer's rows. Values are parameters, `{contact:String}` in the SQL, never pasted into it."""
        with self.handle() as client:
            answer = client.raw_query(sql, parameters=dict(parameters or {}), fmt="JSONEachRow")
        return _row.decode_lines(answer)

    def command(self, sql: str) -> None:
        """Run one statement that answers nothing."""
        with self.handle() as client:
            client.command(sql)

    def close(self) -> None:
        """Close the idle handles. Idempotent."""
        while not self._idle.empty():
            self._idle.get_nowait().close()


def connect(settings: Settings) -> ClickHouse:
    """The installation's ClickHouse: the server of the setting; without one the engine in the process."""
    if settings.clickhouse:
        return ClickHouse(url=settings.clickhouse, cluster=settings.clickhouse_cluster)
    return ClickHouse(folder=settings.data / "clickhouse")


def statements(text: str) -> list[str]:
    """The statements of a migration. Each ends with a `;` at the end of a line."""
    return [s for part in f"{text}\n".split(";\n") if (s := part.strip()) and not _is_comment(s)]


def _is_comment(statement: str) -> bool:
    return all(line.startswith("--") for line in statement.splitlines())


def migrate(clickhouse: ClickHouse, folder: Path = MIGRATIONS) -> list[str]:
    """Apply the migrations that were not applied yet, in order of their numbers; their names.

    With a cluster on all its hosts, whose tables are then replicas of each other.

    ClickHouse has no transactions over DDL. A migration that was cut off half-way is applied again from its first
    statement, so each says IF NOT EXISTS, or IF EXISTS.
    """
    cluster = clickhouse.cluster
    everywhere = (lambda statement: on_cluster(statement, cluster)) if cluster else str
    clickhouse.command(everywhere(_APPLIED))
    done = {row["name"] for row in clickhouse.query("SELECT name FROM schema_migrations FINAL")}
    new = [path for path in sorted(folder.glob("*.sql")) if path.stem not in done]
    for path in new:
        for statement in statements(path.read_text(encoding="utf-8")):
            clickhouse.command(everywhere(statement))
        clickhouse.insert("schema_migrations", ("name", "applied_at"), [(path.stem, round(time.time(), 3))])
    return [path.stem for path in new]
