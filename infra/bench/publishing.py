"""How long a new segment takes until everyone is in it who belongs, its past brought by hydration, events flowing."""

from __future__ import annotations

import itertools
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from connectors.publish import CatalogueReader, publish
from connectors.sqlite_log import SqliteLog
from infra.bench import workload
from infra.roles.api import address, listen
from infra.settings import Settings
from infra.supervise import Supervisor, owned
from schemas.records import LEAD_MS, Entry, Event, decode_change, decode_event, encode
from schemas.topics import CHANGES, EVENTS

PARTITIONS: Final = 4
RATE: Final = 1_000  # events a second meanwhile
_A_CONTACT: Final = 3  # events
_AT_ONCE: Final = 5_000
_WAIT_S: Final = 120.0
_ALL: Final = {"kind": "segment", "id": "all", "where": {"everyone": True}}
_NEW: Final = {
    "kind": "segment",
    "id": "viewers",
    "where": {"performed": "product_viewed", "count": {"op": "gte", "value": 2}, "within": "30d"},
}


def publishing(contacts: int) -> dict[str, Any]:
    """Seconds from the call that publishes until the last of those who belong has entered; a second is the lead."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        log = SqliteLog(data / "log.db", partitions=PARTITIONS)
        publish(CatalogueReader(log), [_ALL], by="bench")
        time.sleep(LEAD_MS / 1000 + 0.1)
        expected = _fill(log, contacts)
        settings = Settings(_env_file=None, data=data, port=0)
        with _running(settings) as client:
            _until_read(log, client, contacts)
            seconds = _publish(log, expected)
        log.close()
    return {"contacts": contacts, "events": contacts * _A_CONTACT, "members": expected, "complete_s": round(seconds, 2)}


def _fill(log: SqliteLog, contacts: int) -> int:
    """The past: an event of everyone, and others at random. How many will belong."""
    now = log.now()
    everyone = (Entry(EVENTS, f"contact-{i}", _event("app_opened", i, now)) for i in range(contacts))
    stream = itertools.chain(everyone, workload.events(contacts * (_A_CONTACT - 1), contacts, now=now))
    views: Counter[str] = Counter()
    while part := list(itertools.islice(stream, _AT_ONCE)):
        log.append(part)
        views.update(e.key for e in part if decode_event(e.value).event == "product_viewed")
    return sum(count >= 2 for count in views.values())


def _event(name: str, number: int, now: int) -> bytes:
    return encode(Event("track", f"{name}-{number}", now, name, received_at=now))


@contextmanager
def _running(settings: Settings) -> Iterator[httpx.Client]:
    """An installation without delivery: what hydration needs."""
    groups = (("api", "warehouse", "hydration"), ("contacts",))
    environment = {"WAXWING_DATA": str(settings.data), "WAXWING_VERIFY_EVERY": "0s"}
    with owned(settings.data) as lock, listen(settings) as listener, (settings.data / "run.log").open("wb") as output:
        supervisor = Supervisor(lock, listener, groups, output, environment)
        supervisor.start()
        try:
            with httpx.Client(base_url=address(listener), timeout=30, trust_env=False) as client:
                yield client
        finally:
            supervisor.stop()


def _until_read(log: SqliteLog, client: httpx.Client, contacts: int) -> None:
    """Until the fold and the warehouse have taken in the past."""
    deadline = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline:
        if sum(log.end(CHANGES, p) for p in range(PARTITIONS)) >= contacts and _events(client) >= contacts * _A_CONTACT:
            return
        time.sleep(0.2)
    raise TimeoutError(f"the past was not read within {_WAIT_S:g} s")


def _events(client: httpx.Client) -> int:
    try:
        answer = client.get("/v1/summary")
    except httpx.TransportError:
        return 0
    return int(answer.json()["events"]) if answer.is_success else 0


def _publish(log: SqliteLog, expected: int) -> float:
    """Publish, keep events flowing, and wait for the flips."""
    offsets = [log.end(CHANGES, p) for p in range(PARTITIONS)]
    begun, sent = time.perf_counter(), 0
    publish(CatalogueReader(log), [_NEW], by="bench")
    entered: set[str] = set()
    while len(entered) < expected and (passed := time.perf_counter() - begun) < _WAIT_S:
        numbers = range(sent, int(passed * RATE))
        log.append([Entry(EVENTS, f"contact-{i % 1_000}", _event("logout", i, log.now())) for i in numbers])
        sent = max(sent, numbers.stop)
        for p in range(PARTITIONS):
            for record in log.read(CHANGES, p, offsets[p]):
                offsets[p] = record.offset + 1
                if (change := decode_change(record.value)).segment == _NEW["id"]:
                    entered.add(change.contact)
        time.sleep(0.005)
    if len(entered) < expected:
        raise TimeoutError(f"{len(entered)} of {expected} had entered after {_WAIT_S:g} s")
    return time.perf_counter() - begun
