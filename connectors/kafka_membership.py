"""A worker's place in a Kafka consumer group, which assigns the partitions and notices who is lost.

The group is for assignment alone, `ROLE-workers`; offsets are moved in group `ROLE` by whoever has claimed a partition.
Static membership (KIP-345): a worker that is started again under its name within the session gets its partitions back
at once. Cooperative (KIP-429): only the partitions that move are given up, so the other workers go on meanwhile; but a
worker that gains or gives up one begins its work anew, with what it has now.

A member that says nothing for the session (killed, cut off, frozen) is expelled, and its partitions go to the others.
That it cannot know while it is frozen: what it appends after that is refused by its claims (`connectors.kafka_claim`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from prometheus_client import Gauge

from connectors.assignment import Work
from connectors.kafka_config import KafkaConfig
from connectors.outage import Outage
from schemas.errors import Fenced, LogUnavailable

_POLL_S: Final = 0.1
_AGAIN_S: Final = 1.0  # after the log was away
_RELEASE_S: Final = 60.0  # what giving up a partition may take: its last states are saved and copied meanwhile
_FATAL: Final = (KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID)
_ASSIGNED: Final = Gauge("waxwing_worker_partitions", "Partitions that this worker is assigned", ["role"])
_LOG: Final = logging.getLogger(__name__)


class Membership:
    """A `connectors.assignment.Assignment` by the group `role`-workers. `instance` is the worker's own name in it."""

    def __init__(self, config: KafkaConfig, role: str, topic: str, instance: str, session_s: float = 6.0):
        self._config, self._role, self._topic, self._instance = config, role, topic, instance
        self._session_ms = round(session_s * 1_000)
        self._changed = threading.Condition()  # guards what follows
        self._held: set[int] = set()
        self._version = 0  # grows with each change of what is held
        self._at_work = -1  # the version that is worked on; -1: none
        self._fault: BaseException | None = None
        self._outage = Outage(_LOG, f"{role}: the log")
        self._is_ending = False

    def run(self, work: Work, stop: Callable[[], bool]) -> None:
        """Work on what is assigned until `stop()`. Fenced where another worker has come with the same name.

        While the log is away the work is begun again and again. The place in the group is kept for the session after
        the end, for a worker that is only started anew.
        """
        consumer = self._join()
        attending = threading.Thread(target=self._attend, args=(consumer,), name=f"{self._role}-workers", daemon=True)
        attending.start()
        try:
            while not stop():
                self._one_stint(work, stop)
        finally:
            self._is_ending = True
            attending.join()
            consumer.close()
            _ASSIGNED.labels(self._role).set(0)

    def _join(self) -> Consumer:
        wanted = {
            "group_id": self._config.name(f"{self._role}-workers"),
            "group_instance_id": self._instance,
            "session_timeout_ms": self._session_ms,
            "heartbeat_interval_ms": max(100, self._session_ms // 6),
            "max_poll_interval_ms": max(round(_RELEASE_S * 1_000), self._session_ms),
            "partition_assignment_strategy": "cooperative-sticky",
            "enable_auto_commit": False,
        }
        consumer = Consumer(self._config.librdkafka(**wanted))
        consumer.subscribe(
            [self._config.name(self._topic)], on_assign=self._gain, on_revoke=self._give_up, on_lost=self._lose
        )
        return consumer

    def _one_stint(self, work: Work, stop: Callable[[], bool]) -> None:
        """Work on what is held now, until that changes."""
        with self._changed:
            self._changed.wait_for(lambda: self._held or self._fault, _POLL_S)
            if self._fault is not None:
                raise self._fault
            if not self._held:
                return
            numbers, version = sorted(self._held), self._version
            self._at_work = version
        try:
            work(numbers, lambda: self._version != version or self._fault is not None or stop())
        except LogUnavailable as fault:
            self._outage.failed(fault)
            time.sleep(_AGAIN_S)
        finally:
            with self._changed:
                self._at_work = -1
                self._changed.notify_all()

    def _attend(self, consumer: Consumer) -> None:
        """Take part in the group; it calls back in this thread."""
        while not self._is_ending:
            try:
                message = consumer.poll(_POLL_S)
                if message is None:
                    continue
                fault = message.error()
            except KafkaException as raised:
                fault = raised.args[0]
            if fault is not None and (fault.fatal() or fault.code() in _FATAL):
                self._fail(fault)
                return

    def _fail(self, fault: KafkaError) -> None:
        text = f"group {self._role}-workers of {self._config.bootstrap}, member {self._instance}: {fault.str()}"
        with self._changed:
            self._fault = Fenced(f"{text}; give each worker a name of its own (WAXWING_WORKER)")
            self._changed.notify_all()

    def _gain(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.incremental_assign(partitions)
        consumer.pause(partitions)  # whoever works reads by itself
        self._change(self._held | {p.partition for p in partitions})

    def _give_up(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._change(self._held - {p.partition for p in partitions})
        with self._changed:
            self._changed.wait_for(lambda: self._at_work in (-1, self._version), _RELEASE_S)
        consumer.incremental_unassign(partitions)

    def _lose(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """They are another's already: nothing is to be waited for."""
        _LOG.warning("%s: lost partitions %s", self._role, [p.partition for p in partitions])
        self._change(self._held - {p.partition for p in partitions})
        consumer.incremental_unassign(partitions)

    def _change(self, held: set[int]) -> None:
        with self._changed:
            if held == self._held:
                return
            self._held, self._version = held, self._version + 1
            _ASSIGNED.labels(self._role).set(len(held))
            self._changed.notify_all()
        _LOG.info("%s: partitions %s", self._role, sorted(held))
