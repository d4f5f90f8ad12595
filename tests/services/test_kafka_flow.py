"""The Bytewax source and sink over Kafka: the tests of the SQLite log, with another log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.engine import run_flow
from connectors.kafka_config import KafkaConfig
from connectors.kafka_log import KafkaLog
from connectors.log import Appended, Progress
from schemas.errors import LogUnavailable
from schemas.records import Entry
from schemas.topics import CRM, EVENTS
from tests.connectors.test_source import (  # noqa: F401 - pytest finds them here, with this module's `log`
    at_rest,
    copy_flow,
    records,
    test_a_flow_copies_a_topic_and_ends_when_it_is_told,
    test_a_flow_started_again_repeats_nothing,
    test_a_flow_with_recovery_resumes_its_pullers_from_their_snapshots,
    test_a_puller_never_emits_an_empty_batch,
    test_order_is_kept_within_a_partition,
    test_records_that_come_while_the_flow_sleeps_are_picked_up,
)


@pytest.fixture
def log(cluster: KafkaConfig) -> Iterator[KafkaLog]:
    log = KafkaLog(cluster)
    yield log
    log.close()


class Refusing(KafkaLog):
    """Refuses its third append that moves a group, as a broker that has gone would."""

    appends = 0

    def append(self, entries: list[Entry], progress: Progress | None = None) -> list[Appended]:
        self.appends += 1
        if self.appends == 3:
            raise LogUnavailable("the broker has gone")
        return super().append(entries, progress)


def test_a_failed_append_stops_the_flow_and_the_next_start_goes_on_from_what_is_durable(
    log: KafkaLog, cluster: KafkaConfig
) -> None:
    log.append([Entry(CRM, f"c{i}", str(i).encode()) for i in range(100)])
    refusing = Refusing(cluster)
    with pytest.raises(LogUnavailable, match="has gone"):
        run_flow(copy_flow(refusing, at_rest(log), limit=5))
    refusing.close()
    assert 0 < len(records(log, EVENTS)) < 100
    run_flow(copy_flow(log, at_rest(log)))
    assert sorted(int(r.value) for r in records(log, EVENTS)) == list(range(100))
