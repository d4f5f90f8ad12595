"""A cluster's topics copied and made again: the same records at the same offsets and times; it goes on from there."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient
from typer.testing import CliRunner

from connectors.kafka_config import KafkaConfig
from connectors.kafka_log import KafkaLog
from connectors.kafka_topics import check
from connectors.log import Progress
from infra import cluster_copy
from infra.cli import app
from schemas.errors import InvalidInput
from schemas.records import Entry, Record
from schemas.topics import ATTEMPTS, DEFINITIONS, EVENTS, NAMES, SENDS


def everything(log: KafkaLog) -> dict[tuple[str, int], list[Record]]:
    return {(t, n): log.read(t, n, log.begin(t, n), 100_000) for t in NAMES for n in range(log.partitions(t))}


@pytest.fixture
def lived(cluster: KafkaConfig) -> KafkaLog:
    """Topics with gaps where transactions ended, and a beginning that is no longer kept."""
    log = KafkaLog(cluster)
    for number in range(30):
        keys = [f"c{number}", f"c{number % 7}", "ümlaut €"]
        log.append([Entry(EVENTS, key, f"{key}-{number}".encode()) for key in keys])
        moved = Progress("delivery", {(SENDS, 0): number, (SENDS, 3): 2 * number})
        log.append([Entry(ATTEMPTS, f"c{number}", b"a"), Entry(EVENTS, f"c{number}", b"o")], moved)
    log.append([Entry(DEFINITIONS, "segment/s", b"{}")])
    admin = AdminClient(cluster.librdkafka())
    for answer in admin.delete_records([TopicPartition(cluster.name(EVENTS), 1, 5)]).values():
        answer.result(10)
    return log


def test_what_was_copied_is_there_again_and_the_next_record_comes_after_it(
    lived: KafkaLog, cluster: KafkaConfig, tmp_path: Path
) -> None:
    before, ends = everything(lived), {n: lived.end(EVENTS, n) for n in range(4)}
    manifest = cluster_copy.backup(cluster, lived, tmp_path / "data", tmp_path / "copy")
    assert manifest.logged_at == max(r.logged_at for records in before.values() for r in records)
    other = dataclasses.replace(cluster, prefix=f"again-{cluster.prefix}")
    cluster_copy.restore(other, tmp_path / "copy", tmp_path / "new")
    log = KafkaLog(other)
    assert everything(log) == before
    assert {n: log.begin(EVENTS, n) for n in range(4)} == {n: lived.begin(EVENTS, n) for n in range(4)}
    assert {n: log.end(EVENTS, n) for n in range(4)} == ends
    assert (log.committed("delivery", SENDS, 0), log.committed("delivery", SENDS, 3)) == (29, 58)
    assert check(other, partitions=4) == []  # the broker stamps again
    [landed] = log.append([Entry(EVENTS, "c1", b"new")])
    assert landed.offset >= ends[landed.partition]
    assert log.read(EVENTS, landed.partition, landed.offset)[-1].value == b"new"
    for each in (lived, log):
        each.close()


def test_topics_that_hold_something_are_left_as_they_are(lived: KafkaLog, cluster: KafkaConfig, tmp_path: Path) -> None:
    cluster_copy.backup(cluster, lived, tmp_path / "data", tmp_path / "copy")
    before = everything(lived)
    with pytest.raises(InvalidInput, match="is not empty: a copy goes into new topics"):
        cluster_copy.restore(cluster, tmp_path / "copy", tmp_path / "new")
    assert everything(lived) == before
    lived.close()


def test_the_commands_copy_and_restore_and_refuse_a_damaged_copy(
    bootstrap: str, lived: KafkaLog, cluster: KafkaConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived.close()
    run, copy = CliRunner().invoke, tmp_path / "copy"
    monkeypatch.setenv("WAXWING_LOG", f"kafka://{bootstrap}")
    monkeypatch.setenv("WAXWING_KAFKA_PREFIX", cluster.prefix)
    monkeypatch.setenv("WAXWING_DATA", str(tmp_path / "data"))
    done = run(app, ["backup", str(copy)])
    assert (done.exit_code, json.loads(done.stdout)["files"]) == (0, 1)
    monkeypatch.setenv("WAXWING_KAFKA_PREFIX", f"third-{cluster.prefix}")
    with (copy / "topics.db").open("r+b") as file:
        file.seek(5_000)
        was = file.read(1)
        file.seek(5_000)
        file.write(bytes([was[0] ^ 1]))
    done = run(app, ["restore", str(copy)])
    assert (done.exit_code, "topics.db: is damaged" in done.stderr) == (2, True)
    with (copy / "topics.db").open("r+b") as file:
        file.seek(5_000)
        file.write(was)
    assert run(app, ["restore", str(copy)]).exit_code == 0
    log = KafkaLog(dataclasses.replace(cluster, prefix=f"third-{cluster.prefix}"))
    assert log.end(DEFINITIONS, 0) == 1
    log.close()
