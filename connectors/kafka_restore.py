"""Puts copied records back into new topics of a cluster, each at the offset and the log time that it had.

Ids of effects and positions of readers name offsets, and the fold's time is `logged_at`: both have to be as they were.
So the topics take the producer's time while they are filled, and an offset that held no record (a transaction's marker,
what retention has dropped) gets a filler. Both kinds carry a header, by which `connectors.kafka_reader` knows them: it
passes fillers over, and takes a time that is not the broker's from what was restored alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from connectors.kafka_config import KafkaConfig
from schemas.records import Record

HEADER: Final = "waxwing"
RESTORED: Final = b"restored"
FILLER: Final = b"filler"
_PRODUCER: Final[dict[str, Any]] = {
    "acks": "all",
    "enable_idempotence": True,
    "linger_ms": 20,
    "queue_buffering_max_messages": 200_000,
    "delivery_timeout_ms": 60_000,
}
_WAIT_S: Final = 60.0


class Restorer:
    """Fills partitions that are empty. LogUnavailable where the cluster does not take a record."""

    def __init__(self, config: KafkaConfig):
        self._config = config
        self._producer = Producer(config.librdkafka(**_PRODUCER))
        self._fault: KafkaError | None = None
        self._misplaced = ""

    def fill(self, topic: str, partition: int, records: Iterable[Record], begin: int, end: int) -> None:
        """Put the records of a partition back, so that its next record lands at `end`.

        `topic` is the name on the cluster. Offsets below `begin` are deleted again.
        """
        for offset, record in _filled(records, end):
            self._send(topic, partition, offset, record)
        if self._producer.flush(_WAIT_S):
            raise self._config.unavailable(f"restore of {topic} partition {partition}", "no answer to some records")
        self._check()
        if begin:
            self._forget(topic, partition, begin)

    def _send(self, topic: str, partition: int, offset: int, record: Record | None) -> None:
        headers: list[tuple[str, str | bytes | None]] = [(HEADER, FILLER if record is None else RESTORED)]
        heard = partial(self._heard, offset)
        while True:
            try:
                if record is None:
                    self._producer.produce(topic, None, None, partition, heard, headers=headers)
                else:
                    key, at = record.key.encode(), record.logged_at
                    self._producer.produce(topic, record.value, key, partition, heard, timestamp=at, headers=headers)
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.1)
                self._check()

    def _heard(self, offset: int, fault: KafkaError | None, message: Any) -> None:
        if fault is not None:
            self._fault = self._fault or fault
        elif message.offset() != offset:
            self._misplaced = self._misplaced or f"a record of offset {offset} landed at {message.offset()}"

    def _check(self) -> None:
        if self._fault is not None or self._misplaced:
            raise self._config.unavailable("restore", self._fault.str() if self._fault else self._misplaced)

    def _forget(self, topic: str, partition: int, begin: int) -> None:
        """What lies before `begin` was no longer kept."""
        admin = AdminClient(self._config.librdkafka())  # held until it has answered
        asked = admin.delete_records([TopicPartition(topic, partition, begin)])
        try:
            for answer in asked.values():
                answer.result(_WAIT_S)
        except KafkaException as fault:
            raise self._config.unavailable(f"restore of {topic} partition {partition}", fault.args[0].str()) from fault


def _filled(records: Iterable[Record], end: int) -> Iterator[tuple[int, Record | None]]:
    """Every offset from 0 to `end`, with its record where it has one."""
    offset = 0
    for record in records:
        yield from ((gap, None) for gap in range(offset, record.offset))
        yield record.offset, record
        offset = record.offset + 1
    yield from ((gap, None) for gap in range(offset, end))


def mark_of(message: Any) -> bytes:
    """What the header of a message says; empty where it has none."""
    return next((value for name, value in message.headers() or () if name == HEADER), b"")
