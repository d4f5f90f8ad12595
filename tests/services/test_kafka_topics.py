"""`waxwing topics` on a cluster: what it makes, what it finds wrong, what it shows."""

from __future__ import annotations

import json
import os

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from typer.testing import CliRunner

from connectors.kafka_config import KafkaConfig
from connectors.kafka_log import KafkaLog
from connectors.kafka_topics import check, create
from connectors.log import Progress
from infra.cli import app
from schemas.errors import InvalidInput
from schemas.records import Entry
from schemas.topics import CRM, DEFINITIONS, EVENTS


def set_topic(config: KafkaConfig, topic: str, **settings: str) -> None:
    admin = KafkaAdminClient(**config.kafka_python())
    named = {name.replace("_", "."): value for name, value in settings.items()}
    resource = ConfigResource(ConfigResourceType.TOPIC, config.name(topic), named)
    admin.alter_configs([resource])
    while not named.items() <= current(admin, resource).items():
        os.sched_yield()  # the controller answers before the broker has heard of it
    admin.close()


def current(admin: KafkaAdminClient, resource: ConfigResource) -> dict[str, str]:
    [found] = admin.describe_configs([resource], config_filter="all")["topic"].values()
    return {name: entry["value"] for name, entry in found.items()}


def test_what_was_made_is_right_and_making_it_again_changes_nothing(cluster: KafkaConfig) -> None:
    assert check(cluster, partitions=4) == []
    assert create(cluster, partitions=4) == []


def test_every_fault_is_found_and_what_can_be_mended_is(cluster: KafkaConfig) -> None:
    set_topic(cluster, EVENTS, message_timestamp_type="CreateTime", retention_ms=str(90 * 86_400_000))
    set_topic(cluster, DEFINITIONS, retention_ms="86400000", cleanup_policy="compact")
    faults = [f"{fault}".removeprefix(cluster.prefix) for fault in check(cluster, partitions=2)]
    found = {fault.split(":")[0] for fault in faults if not fault.startswith(("crm", "changes", "sends", "attempts"))}
    assert found == {
        "events.partitions",
        "events.message.timestamp.type",
        "events.retention.ms",
        "definitions.cleanup.policy",
        "definitions.retention.ms",
    }
    assert sorted(create(cluster, partitions=4)) == [cluster.name(DEFINITIONS), cluster.name(EVENTS)]
    assert check(cluster, partitions=4) == []


def test_a_topic_whose_records_carry_the_producers_time_is_refused_by_whoever_reads_it(cluster: KafkaConfig) -> None:
    set_topic(cluster, EVENTS, message_timestamp_type="CreateTime")
    log = KafkaLog(cluster)
    with pytest.raises(InvalidInput, match="must be LogAppendTime"):
        log.append([Entry(EVENTS, "", b"v", partition=1)])
    with pytest.raises(InvalidInput, match="must be LogAppendTime"):
        log.read(EVENTS, 1, 0)
    log.close()


def test_a_log_whose_topics_are_not_there_or_differ_says_which(bootstrap: str, cluster: KafkaConfig) -> None:
    with pytest.raises(InvalidInput, match="nobody-events: the topic is not there; `waxwing topics --create`"):
        KafkaLog(KafkaConfig(bootstrap, prefix="nobody-"))
    with pytest.raises(InvalidInput, match="the topic has 4 partitions, not 8; WAXWING_PARTITIONS=4 fits"):
        KafkaLog(cluster, partitions=8)


def test_the_command_makes_shows_and_tells_what_is_wrong(bootstrap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAXWING_LOG", f"kafka://{bootstrap}")
    monkeypatch.setenv("WAXWING_KAFKA_PREFIX", "cli-")
    monkeypatch.setenv("WAXWING_PARTITIONS", "2")
    run = CliRunner().invoke
    before = run(app, ["topics"])
    assert before.exit_code == 1
    assert "cli-events: is not there" in before.output
    assert run(app, ["topics", "--create"]).exit_code == 0
    log = KafkaLog(KafkaConfig(bootstrap, prefix="cli-"), partitions=2)
    log.append([Entry(CRM, "", b"v", partition=1)] * 5)
    log.commit(Progress("ingest", {(CRM, 1): 3}))
    log.close()
    shown = json.loads(run(app, ["topics", "--json"]).output)
    assert {"topic": CRM, "partition": 1, "begin": 0, "end": 5} in shown["topics"]
    assert shown["groups"] == [{"group": "ingest", "topic": CRM, "partition": 1, "next": 3, "lag": 2}]
