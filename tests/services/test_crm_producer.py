"""A CRM with a Kafka client of its own: what it sends is read by Waxwing's log, from the partitions that it expects."""

from __future__ import annotations

from itertools import islice

import msgspec
import pytest

from connectors.kafka_config import KafkaConfig
from connectors.kafka_log import KafkaLog
from infra.demo import producer
from infra.demo.bank import Bank
from schemas.records import CrmRecord
from schemas.topics import CRM


def test_what_kafka_python_sends_is_read_from_the_partition_of_its_key(cluster: KafkaConfig) -> None:
    wanted = list(islice(producer.records(Bank(people=20)), 200))
    assert producer.send(cluster, wanted) == 200
    log = KafkaLog(cluster)
    found = {}
    for partition in range(log.partitions(CRM)):
        offset = 0
        while read := log.read(CRM, partition, offset):
            for record in read:
                assert log.partition_of(CRM, record.key) == partition
                found.setdefault(record.key, []).append(msgspec.json.decode(record.value, type=CrmRecord))
            offset = read[-1].offset + 1
    log.close()
    assert found == {
        id: [change for change in wanted if change.id == id] for id in dict.fromkeys(change.id for change in wanted)
    }


def test_the_command_says_how_many_are_on_the_log(
    bootstrap: str, cluster: KafkaConfig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WAXWING_LOG", f"kafka://{bootstrap}")
    monkeypatch.setenv("WAXWING_KAFKA_PREFIX", cluster.prefix)
    monkeypatch.setattr("sys.argv", ["producer", "30"])
    producer.main()
    assert capsys.readouterr().out == "30\n"
