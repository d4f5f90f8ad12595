"""A log with sends on it, and what stands on it afterwards."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from connectors.log import Log
from connectors.sqlite_log import SqliteLog
from flows.delivery.ledger import NEVER, Standing, fold
from schemas.ids import uuid5
from schemas.records import (
    Attempt,
    Definition,
    Entry,
    Event,
    Record,
    Send,
    decode_attempt,
    decode_event,
    encode,
)

HOUR = 3_600_000
TEMPLATE = {
    "kind": "email_template",
    "id": "t",
    "subject": "Hi {{ name }}",
    "html": "<a href='https://a.example'>a</a>",
}


def new_log(path: Path, partitions: int = 2) -> SqliteLog:
    """A log on which one template is published, in its version 1."""
    log = SqliteLog(path, partitions)
    published = Definition("email_template", "t", "publish", 1, TEMPLATE)
    log.append([Entry("definitions", "email_template/t", encode(published))])
    return log


def send(n: int, **said: Any) -> Send:
    """The nth send: marketing, to a contact of its own, planned now by the machine's clock or as said."""
    contact = f"c{n}"
    fields: dict[str, Any] = {
        "id": uuid5("test", n),
        "contact": contact,
        "at": 1_000,
        "expires": 1 << 52,
        "channel": "email",
        "to": f"{contact}@example.com",
        "template": "t",
        "template_version": 1,
        "campaign": "spring",
        "data": {"name": contact},
    }
    return Send(**(fields | said))


def plan(log: Log, *sends: Send) -> None:
    """As the fold emits them."""
    log.append([Entry("sends", s.contact, encode(s)) for s in sends])


def everything(log: Log, topic: str) -> list[Record]:
    """All records of a topic, partition by partition."""
    found: list[Record] = []
    for partition in range(log.partitions(topic)):
        offset = log.begin(topic, partition)
        while records := log.read(topic, partition, offset):
            found += records
            offset = records[-1].offset + 1
    return found


def attempts_of(log: Log) -> list[Attempt]:
    """The ledger's records."""
    return [decode_attempt(r.value) for r in everything(log, "attempts")]


def events_of(log: Log) -> list[Event]:
    """The events, each id once, as every reader takes them."""
    return list({e.id: e for e in (decode_event(r.value) for r in everything(log, "events"))}.values())


def ends(log: Log) -> Counter[str]:
    """How many sends stand how; `queued` are those that have not ended."""
    standings: dict[str, Standing] = {}
    for attempt in attempts_of(log):
        standings[attempt.send] = fold(standings.get(attempt.send, NEVER), attempt)
    return Counter(s.status if s.settled else "queued" for s in standings.values())
