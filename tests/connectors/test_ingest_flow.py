"""The ingest flow over a real log: crm -> events, dead letters, progress."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.engine import run_flow
from connectors.ingest_flow import GROUP, build
from connectors.log_clock import Clock, wall_ms
from connectors.publish import CatalogueReader, publish
from connectors.sqlite_log import SqliteLog
from schemas.definitions.crm_mapping import BUILT_IN
from schemas.records import CrmRecord, DeadLetter, Entry, Event, decode_dead_letter, decode_event, encode
from schemas.topics import CRM, DEAD_LETTERS, EVENTS

AT = "2026-01-31T09:00:00Z"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    made = SqliteLog(tmp_path / "log.db", partitions=2)
    yield made
    made.close()


def crm(log: SqliteLog, *values: bytes | CrmRecord) -> None:
    entries = [v if isinstance(v, bytes) else encode(v) for v in values]
    log.append([Entry(CRM, f"k{i}", value) for i, value in enumerate(entries)])


def run(log: SqliteLog) -> None:
    """Until all of `crm` is progressed over."""
    run_flow(build(log, poll_ms=1, stop=lambda: lag(log) == 0))


def lag(log: SqliteLog) -> int:
    return sum(log.end(CRM, n) - log.committed(GROUP, CRM, n) for n in range(2))


def events(log: SqliteLog) -> list[Event]:
    return [decode_event(r.value) for n in range(2) for r in log.read(EVENTS, n, 0, 10_000)]


def letters(log: SqliteLog) -> list[DeadLetter]:
    return [decode_dead_letter(r.value) for r in log.read(DEAD_LETTERS, 0, 0, 10_000)]


def contact(id: str, **data: Any) -> CrmRecord:
    return CrmRecord("contact", "created", id, AT, data)


def test_records_become_events_and_a_restart_repeats_nothing(log):
    crm(log, *(contact(f"c{i}", city="Bern") for i in range(50)))
    run(log)
    assert sorted(e.user_id for e in events(log)) == sorted(f"c{i}" for i in range(50))
    run(log)
    crm(log, contact("late", city="Basel"))
    run(log)
    assert len(events(log)) == 51


def test_what_cannot_be_read_is_set_aside_with_its_place_and_the_rest_goes_on(log):
    crm(log, contact("a", city="Bern"), b"nonsense", contact("b", city="Bern"))
    run(log)
    assert sorted(e.user_id for e in events(log)) == ["a", "b"]
    (letter,) = letters(log)
    place = next((n, r) for n in range(2) for r in log.read(CRM, n, 0) if r.value == b"nonsense")
    assert (letter.partition, letter.offset, letter.key, letter.raw) == (place[0], place[1].offset, "k1", b"nonsense")
    assert (letter.source, letter.reason[:6]) == ("crm", "record")


def test_a_record_is_mapped_by_the_mapping_that_was_active_when_the_log_took_it(log):
    crm(log, contact("before", city="Bern"))
    renamed = {**BUILT_IN, "rules": [{"entity": "contact", "to": {"type": "identify", "user": "data.city"}}]}
    publish(CatalogueReader(log), [renamed])
    crm(log, contact("within", city="Bern"))  # the lead of a second has not passed
    run(log)
    assert sorted(e.user_id for e in events(log)) == ["before", "within"]


def test_a_published_mapping_takes_the_place_of_the_built_in(log, tmp_path):
    """The clock is turned on rather than waited for."""
    theirs = {"entity": "contact", "to": {"type": "identify", "user": "data.ref"}}
    publish(CatalogueReader(log), [{**BUILT_IN, "rules": [theirs]}])
    later = SqliteLog(tmp_path / "log.db", partitions=2, clock=Clock(wall=lambda: wall_ms() + 2_000))
    crm(later, contact("x", ref="theirs"))
    run(later)
    assert [e.user_id for e in events(later)] == ["theirs"]
    later.close()
