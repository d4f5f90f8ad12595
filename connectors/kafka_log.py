"""The log over Kafka, or Redpanda: bytes through confluent-kafka, a topic of ours a topic of the cluster.

What the protocol promises, and how Kafka keeps it:

    durable         acks=all from an idempotent producer, and every delivery report read
    logged_at       the broker's clock (message.timestamp.type=LogAppendTime). A broker's clock that is set back would
                    make it decrease: a reader then goes on with the greatest that it has seen
    offsets         rise; where an append moved progress, the marker of its transaction takes an offset too, so the next
                    record may come two later. Whoever reads goes on from the last record's offset + 1, and `end` is
                    that offset for whoever has read all of it
    all or nothing  with progress: a transaction. Without: all of a partition's records up to 1 MB; an append to several
                    partitions that raises LogUnavailable may have been appended in part, or whole if only the answer
                    was lost. Appended again, it is repeated, and readers drop what they have seen (rule 5)

A transaction left open by a process that died holds back those who read its partitions, at most for its timeout of
10 s and the broker's look every 10 s (`transaction.abort.timed.out.transaction.cleanup.interval.ms`); the next claim of
its partition ends it at once.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Final

from connectors.grouped import Grouped
from connectors.kafka_append import MAX_BYTES, PlainAppender, Ticket, TransactionalAppender
from connectors.kafka_claim import KafkaClaim
from connectors.kafka_clock import BrokerClock
from connectors.kafka_config import KafkaConfig
from connectors.kafka_murmur2 import partition_for
from connectors.kafka_offsets import Offsets
from connectors.kafka_reader import Reader
from connectors.log import Appended, Progress
from schemas.errors import InvalidInput, LogUnavailable, TerminalError, Violation
from schemas.records import LEAD_MS, Entry, Record
from schemas.topics import TOPICS

GROUP_ROWS: Final = 20_000  # a group takes no further append beyond so many entries: its first one waits for them all
VISIBLE_MS: Final = 250  # an append may become visible so long after the time that it carries
_STEP: Final = 8  # how much farther back each look for the last record goes


class KafkaLog:
    """A `connectors.log.Log` on a cluster whose topics `waxwing topics --create` has made.

    `timeout_s` is how long a broker that is away is waited for; after that LogUnavailable, and the next call tries
    again. InvalidInput where topics are missing or have other partitions.
    """

    def __init__(self, config: KafkaConfig, partitions: int = 4, timeout_s: float = 10.0):
        self._config, self._timeout_s = config, timeout_s
        self._partitions = {t.name: 1 if t.single else partitions for t in TOPICS}
        self._clock = BrokerClock()
        self._offsets = Offsets(config, timeout_s)
        moving = self._appender("")
        plain = PlainAppender(config, self._clock, timeout_s)
        self._plain = Grouped(plain.write, _size, GROUP_ROWS)
        self._moving = Grouped(moving.write, _size, GROUP_ROWS)
        self._lock = threading.Lock()  # guards the readers and what is known of ends
        self._readers: dict[tuple[str, int], Reader] = {}
        self._ends: dict[tuple[str, int], tuple[int, int]] = {}
        self._tail: Reader | None = None
        self._is_closed = False
        try:
            self._check_topics(self._offsets.partitions(plain.list_topics))
        except BaseException:
            self.close()
            raise

    def partitions(self, topic: str) -> int:
        return self._partitions[topic]

    def partition_of(self, topic: str, key: str) -> int:
        return partition_for(key, self._partitions[topic])

    def append(self, entries: Sequence[Entry], progress: Progress | None = None) -> list[Appended]:
        ticket = self.ticket(entries, progress)
        self._check_open()
        if not entries:
            if ticket.progress is not None and ticket.progress.offsets:
                self._offsets.commit(ticket.progress.group, ticket.progress.offsets)
            return []
        cause = (self._plain if progress is None else self._moving).do(ticket)
        if isinstance(cause, TerminalError):
            raise cause
        if cause is not None:
            raise LogUnavailable(str(cause)) from cause
        return ticket.landed

    def read(self, topic: str, partition: int, offset: int, limit: int = 2_000) -> list[Record]:
        return self._reader(topic, partition).read(self._config.name(topic), partition, offset, limit)

    def begin(self, topic: str, partition: int) -> int:
        return self._offsets.begin(*self._located(topic, partition))

    def end(self, topic: str, partition: int) -> int:
        place = self._located(topic, partition)
        decided = self._offsets.end(*place)
        with self._lock:
            if self._ends.get(place, (-1, -1))[0] != decided:
                self._ends[place] = (decided, self._after_last_record(*place, decided))
            return self._ends[place][1]

    def committed(self, group: str, topic: str, partition: int) -> int:
        return self._offsets.committed(self._config.name(group), *self._located(topic, partition))

    def commit(self, progress: Progress) -> None:
        self.append([], progress)

    def claim(self, role: str, partitions: Sequence[int]) -> _Claimed:
        self._check_open()
        return _Claimed(self, KafkaClaim({n: self._appender(f"{role}-{n}") for n in partitions}))

    def ticket(self, entries: Sequence[Entry], progress: Progress | None) -> Ticket:
        """An append in the cluster's names. KeyError, UnicodeEncodeError, InvalidInput."""
        return Ticket([self._named(entry) for entry in entries], self._named_progress(progress), [])

    def now(self) -> int:
        return self._clock.now()

    def settled(self, instant: int) -> bool:
        """An append is visible once it is replicated, on each broker by itself."""
        return self._clock.now() >= instant + VISIBLE_MS

    @property
    def lead_ms(self) -> int:
        """Brokers have clocks of their own, and a topic may be seen later than another: the whole lead."""
        return LEAD_MS

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            readers = [*self._readers.values(), *([self._tail] if self._tail else [])]
            self._readers, self._tail = {}, None
        for reader in readers:
            reader.close()
        self._offsets.close()

    def _appender(self, owner: str) -> TransactionalAppender:
        return TransactionalAppender(self._config, self._clock, self._offsets, self._timeout_s, owner)

    def _check_topics(self, there: Mapping[str, int]) -> None:
        faults = [
            Violation(name, _other_partitions(there.get(name, 0), count))
            for topic, count in self._partitions.items()
            if there.get(name := self._config.name(topic)) != count
        ]
        if faults:
            raise InvalidInput(f"log kafka://{self._config.bootstrap}", faults)

    def _named(self, entry: Entry) -> Entry:
        """The entry as the cluster has to be given it. KeyError, UnicodeEncodeError, InvalidInput."""
        topic, key, value, partition = entry
        name = self._located(topic, 0 if partition is None else partition)[0]
        if partition is None and not key:
            partition = self.partition_of(topic, key)
        if len(key.encode()) + len(value) > MAX_BYTES:
            fault = f"key {key[:100]!r} with a value of {len(value):,} bytes; a record may have {MAX_BYTES:,}"
            raise InvalidInput(f"append to {topic}", [Violation("value", fault)])
        return Entry(name, key, value, partition)

    def _named_progress(self, progress: Progress | None) -> Progress | None:
        if progress is None:
            return None
        offsets = {self._located(*place): offset for place, offset in progress.offsets.items()}
        return Progress(self._config.name(progress.group), offsets)

    def _located(self, topic: str, partition: int) -> tuple[str, int]:
        """The partition's place on the cluster. KeyError where there is none."""
        if not 0 <= partition < self._partitions[topic]:
            raise KeyError(f"{topic} has partitions 0 to {self._partitions[topic] - 1}, not {partition}")
        return self._config.name(topic), partition

    def _reader(self, topic: str, partition: int) -> Reader:
        place = self._located(topic, partition)
        with self._lock:
            self._check_open()
            if place not in self._readers:
                self._readers[place] = Reader(self._config, self._offsets, self._timeout_s)
            return self._readers[place]

    def _after_last_record(self, topic: str, partition: int, decided: int) -> int:
        """The offset after the last record before `decided`: markers of transactions may lie between."""
        self._check_open()
        if self._tail is None:
            self._tail = Reader(self._config, self._offsets, self._timeout_s)
        begin, back = self._offsets.begin(topic, partition), 1
        while (start := max(begin, decided - back)) < decided:
            if records := self._tail.read(topic, partition, start, back):
                self._tail.rest()
                return records[-1].offset + 1
            if start == begin:
                break
            back *= _STEP
        return begin

    def _check_open(self) -> None:
        if self._is_closed:
            raise self._config.unavailable("the log", "it is closed here")


class _Claimed:
    """A `connectors.log.Claim` in a log's own names."""

    def __init__(self, log: KafkaLog, claim: KafkaClaim):
        self._log, self._claim = log, claim
        self.close = claim.close

    def append(
        self, parts: Mapping[int, Sequence[Entry]], progress: Progress | None = None
    ) -> dict[int, list[Appended]]:
        moves = {n: _share(progress, n) for n in parts}
        return self._claim.write({n: self._log.ticket(part, moves[n]) for n, part in parts.items()})


def _share(progress: Progress | None, number: int) -> Progress | None:
    """What of the progress is of partitions with this number."""
    if progress is None:
        return None
    return Progress(progress.group, {place: at for place, at in progress.offsets.items() if place[1] == number})


def _size(ticket: Ticket) -> int:
    return len(ticket.entries)


def _other_partitions(there: int, asked: int) -> str:
    if not there:
        return "the topic is not there; `waxwing topics --create` makes it"
    return f"the topic has {there} partitions, not {asked}; WAXWING_PARTITIONS={there} fits"
