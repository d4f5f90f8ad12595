"""Questions to the brokers: how many partitions, where they begin and end, how far a group has come.

They go over connections of their own: on a reader's, an answer waits behind the fetch that waits for new records.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, TopicPartition

from connectors.kafka_config import KafkaConfig
from connectors.kafka_link import link

T = TypeVar("T")

_CALL_S: Final = 2.0  # one call; a broker that goes away is noticed, and asked again
_AGAIN_S: Final = 0.05
_AWAY_S: Final = 1.0  # what is answered within is no outage: leaders move, connections are made anew
_NOBODY: Final = "waxwing"  # a consumer must name a group; this one never commits to it


class Offsets:
    """Asks until there is an answer, `timeout_s` at most, then raises LogUnavailable. For any thread."""

    def __init__(self, config: KafkaConfig, timeout_s: float):
        self._config, self._timeout_s, self._call_s = config, timeout_s, min(_CALL_S, timeout_s)
        self._link = link(config.bootstrap)
        self._lock = threading.Lock()
        self._consumers: dict[str, Consumer] = {}
        self._is_closed = False

    def partitions(self, list_topics: Callable[[float], Any]) -> dict[str, int]:
        """Partitions of each topic of the cluster, by the names that they have there."""
        topics = self._ask("list topics", lambda: list_topics(self._call_s)).topics
        return {name: len(topic.partitions) for name, topic in topics.items()}

    def begin(self, topic: str, partition: int) -> int:
        """The first offset that is kept."""
        return self._offset("begin", topic, partition, OFFSET_BEGINNING)

    def end(self, topic: str, partition: int) -> int:
        """The offset before which everything is decided: records, and the markers of ended transactions."""
        return self._offset("end", topic, partition, OFFSET_END)

    def committed(self, group: str, topic: str, partition: int) -> int:
        """The group's next offset, 0 where it never committed."""
        asked = [TopicPartition(topic, partition)]
        what = f"progress of {group} in {topic} partition {partition}"
        [found] = self._ask(what, lambda: _checked(self._consumer(group).committed(asked, self._call_s)))
        return max(0, found.offset)

    def commit(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        """Set the group's next offsets, durably."""
        moves = positions(offsets)
        self._ask(
            f"commit of {group}",
            lambda: _checked(self._consumer(group).commit(offsets=moves, asynchronous=False) or []),
        )

    def membership(self, group: str) -> Any:
        """What a transaction needs to know of the group that it moves."""
        return self._consumer(group).consumer_group_metadata()

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            self._consumers.clear()  # each ends once nobody asks it any more: closed under a call it would crash

    def _offset(self, what: str, topic: str, partition: int, which: int) -> int:
        asked = [TopicPartition(topic, partition, which)]
        [found] = self._ask(
            f"{what} of {topic} partition {partition}",
            lambda: _checked(self._consumer(_NOBODY).offsets_for_times(asked, timeout=self._call_s)),
        )
        return int(found.offset)

    def _consumer(self, group: str) -> Consumer:
        with self._lock:
            if self._is_closed:
                raise self._config.unavailable("the log", "it is closed here")
            if group not in self._consumers:
                wanted = {"group_id": group, "enable_auto_commit": False, "isolation_level": "read_committed"}
                self._consumers[group] = Consumer(self._config.librdkafka(**wanted))
            return self._consumers[group]

    def _ask(self, what: str, ask: Callable[[], T]) -> T:
        begun = time.monotonic()
        while True:
            try:
                answer = ask()
                self._link.answered()
                return answer
            except KafkaException as fault:
                lasts = time.monotonic() - begun
                if lasts > min(_AWAY_S, self._timeout_s):
                    self._link.failed(fault.args[0].str())
                if lasts > self._timeout_s:
                    with self._lock:
                        self._consumers.clear()  # others, next time: one may have lost its way for good
                    raise self._config.unavailable(what, fault.args[0].str()) from fault
            except RuntimeError as fault:  # another thread has closed it meanwhile
                raise self._config.unavailable(what, fault) from fault
            time.sleep(_AGAIN_S)


def positions(offsets: Mapping[tuple[str, int], int]) -> list[TopicPartition]:
    """A group's next offsets, as the client wants them."""
    return [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]


def _checked(answers: list[TopicPartition]) -> list[TopicPartition]:
    for answer in answers:
        if answer.error is not None:
            raise KafkaException(answer.error)
    return answers
