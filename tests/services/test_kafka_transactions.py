"""Appends that move a group's progress: all or nothing, gaps in the offsets, claims."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Producer

from connectors.kafka_config import KafkaConfig
from connectors.kafka_log import KafkaLog
from connectors.log import Log, Progress
from schemas.errors import InvalidInput, LogUnavailable
from schemas.records import Entry
from schemas.topics import CRM, DEFINITIONS, EVENTS
from tests.connectors.log_conformance import everything

Open = Callable[..., KafkaLog]


@pytest.fixture
def opened(cluster: KafkaConfig) -> Iterator[Open]:
    logs: list[KafkaLog] = []

    def open_log(**more: Any) -> KafkaLog:
        logs.append(KafkaLog(cluster, partitions=4, **more))
        return logs[-1]

    yield open_log
    for log in logs:
        log.close()


def moved(log: Log, value: bytes, offset: int) -> None:
    log.append([Entry(DEFINITIONS, "k", value)], Progress("g", {(CRM, 0): offset}))


def test_offsets_have_gaps_and_whoever_reads_on_from_the_last_record_misses_nothing(opened: Open) -> None:
    log, reader = opened(), opened()
    for i in range(4):
        moved(log, b"%d" % i, i + 1)
        log.append([Entry(DEFINITIONS, "k", b"plain")])
    records = everything(reader, DEFINITIONS, limit=1)[0]
    assert [r.value for r in records] == [b"0", b"plain", b"1", b"plain", b"2", b"plain", b"3", b"plain"]
    assert [r.offset for r in records] == sorted({r.offset for r in records})
    assert records[-1].offset > 7, "each marker has taken an offset"
    assert everything(reader, DEFINITIONS)[0] == records
    assert reader.committed("g", CRM, 0) == 4


def test_the_end_is_the_offset_after_the_last_record_though_a_marker_follows(opened: Open) -> None:
    log = opened()
    moved(log, b"v", 1)
    [record] = log.read(DEFINITIONS, 0, 0)
    assert log.end(DEFINITIONS, 0) == record.offset + 1
    assert log.read(DEFINITIONS, 0, log.end(DEFINITIONS, 0)) == []
    log.append([Entry(DEFINITIONS, "k", b"next")])
    assert [r.value for r in log.read(DEFINITIONS, 0, record.offset + 1)] == [b"next"]


def test_one_append_over_several_partitions_moves_several_groups_of_threads_once(opened: Open) -> None:
    log = opened()
    entries = [Entry(EVENTS, "", b"%d" % n, partition=n) for n in range(4)]
    log.append(entries, Progress("g", {(CRM, n): n + 1 for n in range(4)}))
    assert [log.committed("g", CRM, n) for n in range(4)] == [1, 2, 3, 4]
    assert {n: [r.value for r in rs] for n, rs in everything(log, EVENTS).items()} == {n: [b"%d" % n] for n in range(4)}


def test_what_a_dead_owner_left_open_is_taken_back_by_the_next_claim(cluster: KafkaConfig, opened: Open) -> None:
    dead = Producer(cluster.librdkafka(transactional_id=cluster.name("crm-0")))
    dead.init_transactions(10)
    dead.begin_transaction()
    dead.produce(cluster.name(DEFINITIONS), b"half", b"k")
    dead.flush(10)
    log = opened()
    log.append([Entry(DEFINITIONS, "k", b"plain")])
    assert everything(log, DEFINITIONS)[0] == [], "held back by the open transaction"
    assert log.end(DEFINITIONS, 0) == 0
    heir = log.claim("crm", [0])
    assert [r.value for r in everything(log, DEFINITIONS)[0]] == [b"plain"]
    heir.append({0: [Entry(DEFINITIONS, "k", b"heir")]})
    assert [r.value for r in everything(log, DEFINITIONS)[0]] == [b"plain", b"heir"]
    heir.close()


class Stuck(Producer):
    """A producer whose offsets of a transaction never end where `is_on`, as where a coordinator went away."""

    is_on = False

    def send_offsets_to_transaction(self, *arguments: Any) -> None:
        if self.is_on:
            threading.Event().wait()
        super().send_offsets_to_transaction(*arguments)


def test_a_client_that_never_comes_back_is_left_and_the_claim_with_it(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.kafka_append.Producer", Stuck)
    log = opened(timeout_s=5.0)
    claim = log.claim("crm", [0])
    claim.append({0: [Entry(DEFINITIONS, "k", b"first")]}, Progress("g", {(CRM, 0): 1}))
    with monkeypatch.context() as stuck:
        stuck.setattr(Stuck, "is_on", True)
        with pytest.raises(LogUnavailable, match="did not end; append again from what is committed"):
            claim.append({0: [Entry(DEFINITIONS, "k", b"lost")]}, Progress("g", {(CRM, 0): 2}))
    with pytest.raises(LogUnavailable, match="claim anew"):
        claim.append({0: [Entry(DEFINITIONS, "k", b"late")]})
    heir = log.claim("crm", [0])
    heir.append({0: [Entry(DEFINITIONS, "k", b"heir")]}, Progress("g", {(CRM, 0): 3}))
    assert [r.value for r in everything(log, DEFINITIONS)[0]] == [b"first", b"heir"]
    assert log.committed("g", CRM, 0) == 3
    claim.close()
    heir.close()


def test_an_append_of_nobody_goes_on_with_another_client(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.kafka_append.Producer", Stuck)
    log = opened(timeout_s=5.0)
    with monkeypatch.context() as stuck:
        stuck.setattr(Stuck, "is_on", True)
        with pytest.raises(LogUnavailable):
            moved(log, b"lost", 1)
    moved(log, b"next", 1)
    assert [r.value for r in everything(log, DEFINITIONS)[0]] == [b"next"]


def test_a_record_that_is_too_large_is_refused_with_its_size_and_nothing_is_appended(opened: Open) -> None:
    log = opened()
    with pytest.raises(InvalidInput, match=r"a value of 9,000,000 bytes; a record may have 8,388,608"):
        log.append([Entry(EVENTS, "fine", b"v"), Entry(EVENTS, "large", b"x" * 9_000_000)])
    assert everything(log, EVENTS) == {0: [], 1: [], 2: [], 3: []}
    [landed] = log.append([Entry(EVENTS, "large", b"x" * 8_000_000)])
    assert len(log.read(EVENTS, landed.partition, 0)[0].value) == 8_000_000
