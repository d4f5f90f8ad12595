"""Reading a partition from any offset, over a consumer that is assigned by hand.

librdkafka fetches ahead in threads of its own, so a reader that goes on where it was is given what lies ready. What
does not lie ready is waited for only where the broker says that it is there: `read` answers what the log held when it
was asked. Markers of transactions take offsets too: offsets rise, but not always by one.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Final

from confluent_kafka import (
    TIMESTAMP_LOG_APPEND_TIME,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)

from connectors.kafka_config import KafkaConfig, refuse_create_time
from connectors.kafka_offsets import Offsets
from connectors.kafka_restore import FILLER, RESTORED, mark_of
from schemas.records import Record

_POLL_S: Final = 0.5
_AT_ONCE: Final = 10_000  # the client takes room for as many as it is asked for
_GONE: Final = (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE)
_PROPERTIES: Final[dict[str, Any]] = {
    "group_id": "waxwing",  # a consumer must name one; positions are kept by whoever reads
    "enable_auto_commit": False,
    "enable_partition_eof": True,
    "auto_offset_reset": "error",
    "isolation_level": "read_committed",
    "fetch_wait_max_ms": 20,  # a jump to another offset waits for the fetch under way
    "queued_max_messages_kbytes": 16_384,
}


class Reader:
    """One consumer, one position: quick where reads follow each other, a round trip or two where they jump.

    `read` raises LogUnavailable where records that the log holds do not come within `timeout_s`. For any thread.
    """

    def __init__(self, config: KafkaConfig, offsets: Offsets, timeout_s: float):
        self._config, self._offsets, self._timeout_s = config, offsets, timeout_s
        self._lock = threading.Lock()
        self._consumer = Consumer(config.librdkafka(**_PROPERTIES))
        self._place = ("", -1)
        self._next = -1  # where a read goes on from, if it follows the last one
        self._reached = -1  # everything before this offset was handed over by the consumer
        self._is_assigned = False
        self._logged_at = 0

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Record]:
        """Up to `limit` records from `offset` on: all that there were when this was called, or as many as asked for."""
        with self._lock:
            if (topic, partition) != self._place or offset != self._next:
                self._jump(topic, partition, offset)
            try:
                records = self._ready(limit) if self._is_assigned else []
                if len(records) < limit:
                    self._wait(records, limit)
            except BaseException:
                self._place = ("", -1)  # what came with the fault must be read again
                raise
            self._next = records[-1].offset + 1 if records else offset
            return records

    def rest(self) -> None:
        """Stop fetching ahead."""
        with self._lock:
            self._consumer.unassign()
            self._place, self._is_assigned = ("", -1), False

    def close(self) -> None:
        with self._lock:
            self._consumer.close()

    def _jump(self, topic: str, partition: int, offset: int) -> None:
        self._place, self._reached, self._is_assigned, self._logged_at = (topic, partition), offset, False, 0

    def _wait(self, records: list[Record], limit: int) -> None:
        """Add to `records` until there are `limit`, or what the log holds now is read."""
        end = self._offsets.end(*self._place)
        until = time.monotonic() + self._timeout_s
        while len(records) < limit and self._reached < end:
            if time.monotonic() > until:
                self._begin_anew()
                raise self._config.unavailable(self._where(), f"nothing came, though the log ends at {end}")
            if not self._is_assigned:
                self._assign()
            if (message := self._consumer.poll(_POLL_S)) is not None:
                self._take([message], records)
            records += self._ready(limit - len(records))

    def _begin_anew(self) -> None:
        """With another consumer: after a broker's death one may wait for ever for a leader that is there."""
        self._consumer.close()
        self._consumer = Consumer(self._config.librdkafka(**_PROPERTIES))

    def _assign(self) -> None:
        topic, partition = self._place
        self._reached = max(self._reached, self._offsets.begin(topic, partition))
        self._consumer.assign([TopicPartition(topic, partition, self._reached)])
        self._is_assigned = True

    def _ready(self, limit: int) -> list[Record]:
        """Up to `limit` records that lie ready here."""
        records: list[Record] = []
        if limit > 0:
            self._take(self._consumer.consume(min(limit, _AT_ONCE), 0), records)
        return records

    def _take(self, messages: list[Any], records: list[Record]) -> None:
        for message in messages:
            if (event := message.error()) is not None:
                self._heed(message, event)
                continue
            kind, logged_at = message.timestamp()
            if kind != TIMESTAMP_LOG_APPEND_TIME and not self._is_restored(message):
                continue
            self._logged_at = logged_at = max(self._logged_at, logged_at)  # a broker's clock may have been set back
            key = (message.key() or b"").decode(errors="replace")  # Waxwing's are text; the CRM's may be anything
            records.append(Record(message.offset(), logged_at, key, message.value() or b""))
        if records:
            self._reached = max(self._reached, records[-1].offset + 1)

    def _is_restored(self, message: Any) -> bool:
        """Whether a record with a time of its producer's was put back from a copy; a filler is none."""
        mark = mark_of(message)
        if mark not in (RESTORED, FILLER):
            refuse_create_time(self._place[0])
        if mark == FILLER:
            self._reached = max(self._reached, message.offset() + 1)
        return mark == RESTORED

    def _heed(self, message: Any, event: KafkaError) -> None:
        if event.code() == KafkaError._PARTITION_EOF:
            self._reached = max(self._reached, message.offset())
        elif event.code() in _GONE:  # retention has passed by: go on from where the log begins now
            self._is_assigned = False
        elif event.fatal():
            raise KafkaException(event)
        # everything else librdkafka mends by itself, or `_wait` runs out of time

    def _where(self) -> str:
        return f"{self._place[0]} partition {self._place[1]} offset {self._reached}"
