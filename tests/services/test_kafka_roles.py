"""Ingest, warehouse and learning by several workers on Kafka: where one is lost the others go on, exactly."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connectors.kafka_config import KafkaConfig
from connectors.kafka_log import KafkaLog
from flows.warehouse.rows import TOPICS
from schemas.records import CrmRecord, Entry, decode_definition, decode_event, encode
from schemas.topics import CRM, DEFINITIONS, EVENTS, EXAMPLES
from sinks.clickhouse import ClickHouse
from tests.flows.scoring.people import examples
from tests.services.clickhouse_http import running as clickhouse_running
from tests.services.fleet import Fleet, eventually, fleet

pytestmark = pytest.mark.slow


@pytest.fixture
def log(cluster: KafkaConfig) -> Iterator[KafkaLog]:
    log = KafkaLog(cluster)
    yield log
    log.close()


def share(workers: Fleet, *names: str, of: int = 4) -> None:
    """Start them, and wait until they share the partitions."""
    for name in names:
        workers.start(name)
    each = of // len(names)
    eventually(f"{names} have {each} each", lambda: all(len(workers.assigned(n)) == each for n in names))


def changed(log: KafkaLog, first: int, count: int) -> None:
    """Change records of contacts, each of which becomes one event."""
    records = [
        CrmRecord("contact", "updated", f"c{n}", "2026-01-01T00:00:00Z", {"email": f"c{n}@example.com"})
        for n in range(first, first + count)
    ]
    log.append([Entry(CRM, record.id, encode(record)) for record in records])


def mapped(log: KafkaLog) -> Counter[str]:
    """How often each contact's event is on the log."""
    records = (r for n in range(4) for r in log.read(EVENTS, n, 0, 10_000))
    return Counter(decode_event(record.value).user_id for record in records)


def test_where_a_worker_of_ingest_is_lost_the_other_maps_on_and_each_record_becomes_one_event(
    log: KafkaLog, cluster: KafkaConfig, tmp_path: Path
) -> None:
    with fleet(tmp_path, cluster, "ingest") as workers:
        share(workers, "a", "b")
        changed(log, 0, 100)
        eventually("both have mapped", lambda: mapped(log).total() >= 100)
        workers.freeze("a")
        changed(log, 100, 100)
        eventually("the other one has its share", lambda: mapped(log).total() >= 200)
        workers.wake("a")
        workers.kill("b")
        changed(log, 200, 100)
        eventually("who was frozen maps on", lambda: mapped(log).total() >= 300, workers.restart_dead)
    assert mapped(log) == Counter(f"c{n}" for n in range(300))


def test_where_a_worker_of_the_warehouse_is_lost_the_archive_goes_on_and_is_whole(
    log: KafkaLog, cluster: KafkaConfig, tmp_path: Path
) -> None:
    with (
        clickhouse_running(tmp_path / "clickhouse") as address,
        closing(ClickHouse(url=address)) as clickhouse,
        fleet(tmp_path, cluster, "warehouse", WAXWING_CLICKHOUSE=address) as workers,
    ):

        def archived() -> int:
            return int(clickhouse.query("SELECT count() AS rows FROM events FINAL")[0]["rows"])

        share(workers, "a", "b")
        appended(log, 0, 200)
        eventually("both have written", lambda: archived() == 200)
        workers.kill("a")
        appended(log, 200, 200)
        eventually("the other one has written all", lambda: archived() == 400)
        workers.end("b")
        held = clickhouse.query("SELECT partition, offset FROM events FINAL ORDER BY partition, offset")
    there = [(n, record.offset) for n in range(4) for record in log.read(EVENTS, n, 0, 10_000)]
    assert [(row["partition"], row["offset"]) for row in held] == there
    assert {t for t in TOPICS if log.partitions(t) == 1} >= {DEFINITIONS}  # of which number 0's worker takes care


def appended(log: KafkaLog, first: int, count: int) -> None:
    events = (
        {"type": "track", "event": "cart", "id": f"e{n}", "user_id": f"c{n}"} for n in range(first, first + count)
    )
    log.append([Entry(EVENTS, event["user_id"], json.dumps(event).encode()) for event in events])


def test_where_the_worker_that_learns_is_lost_one_that_stood_by_publishes_on(
    log: KafkaLog, cluster: KafkaConfig, tmp_path: Path
) -> None:
    said = [Entry(EXAMPLES, example.model, encode(example)) for example in examples(600)]

    def versions() -> list[int]:
        return [decode_definition(record.value).version for record in log.read(DEFINITIONS, 0, 0)]

    with fleet(tmp_path, cluster, "learning", WAXWING_MODEL_EVERY="100") as workers:
        workers.start("a")
        eventually("the first one learns", lambda: workers.assigned("a") == [0])
        workers.start("b")
        log.append(said[:350])
        eventually("it has published", lambda: versions()[-1:] == [300])
        workers.kill("a")
        log.append(said[350:])
        eventually("the other one has published", lambda: versions()[-1:] == [600])
        assert workers.assigned("b") == [0]
        workers.end("b")
    found = versions()
    assert found == sorted(set(found))
