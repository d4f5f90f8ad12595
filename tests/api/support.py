"""An API over a real log, called in the process or through a real server on a free port."""

from __future__ import annotations

import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from api.app import Deps, create_app
from connectors.log import Log
from connectors.sqlite_log import SqliteLog
from infra.settings import Settings
from schemas.records import DeadLetter, Event, Record, decode_dead_letter, decode_event
from schemas.topics import DEAD_LETTERS, EVENTS

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather have a client that is not a dependency here; httpx does
    from starlette.testclient import TestClient

WRITE_KEY, ADMIN_KEY = "write-key", "admin-key"
ADMIN = {"Authorization": f"Bearer {ADMIN_KEY}"}


def settings(folder: Path, **fields: Any) -> Settings:
    """Settings of a test: nothing is read from the environment's files."""
    given = {"data": folder, "write_key": WRITE_KEY, "admin_key": ADMIN_KEY, **fields}
    return Settings(_env_file=None, **given)


@contextmanager
def api(folder: Path, **fields: Any) -> Iterator[tuple[TestClient, SqliteLog]]:
    """A client in this process, and the log behind it."""
    chosen = settings(folder, **fields)
    log = SqliteLog(chosen.log_path, partitions=2)
    with TestClient(create_app(Deps(chosen, log)), base_url="http://127.0.0.1", client=("127.0.0.1", 50_000)) as client:
        yield client, log
    log.close()


@contextmanager
def served(folder: Path, **fields: Any) -> Iterator[tuple[str, SqliteLog]]:
    """A real server on a free port, and the log behind it."""
    chosen = settings(folder, **fields)
    log = SqliteLog(chosen.log_path, partitions=2)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(Deps(chosen, log)), log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()  # the listener is open: a request that comes before the server waits in its queue
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", log
    finally:
        server.should_exit = True
        thread.join()
        log.close()


def records(log: Log, topic: str) -> list[Record]:
    """All of a topic, partition by partition."""
    return [r for p in range(log.partitions(topic)) for r in log.read(topic, p, 0, 1_000_000)]


def events(log: Log) -> list[Event]:
    """All events, by id."""
    return sorted((decode_event(r.value) for r in records(log, EVENTS)), key=lambda e: e.id)


def letters(log: Log) -> list[DeadLetter]:
    """All dead letters, in order."""
    return [decode_dead_letter(r.value) for r in records(log, DEAD_LETTERS)]
