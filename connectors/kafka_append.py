"""Appending: an idempotent producer for plain appends, a transactional one for those that move a group as well.

Each is used by one thread at a time (`connectors.grouped`), for one group of appends, and waits until every record is
acknowledged by all replicas in sync. The records that a group has for a partition go as one batch, up to 1 MB, so a
reader sees all of them or none.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Final, NamedTuple

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException, Producer

from connectors.kafka_clock import BrokerClock
from connectors.kafka_config import KafkaConfig, refuse_create_time
from connectors.kafka_link import link
from connectors.kafka_offsets import Offsets, positions
from connectors.log import Appended, Progress
from schemas.errors import Fenced
from schemas.records import Entry

MAX_BYTES: Final = 8 << 20  # of one record; topics are made to take it
_ABANDONED_MS: Final = 10_000  # a transaction whose owner died holds readers back no longer, where the broker looks
_LATE_S: Final = 1.0  # after a call's own time-out it is left alone
_VISIBLE_S: Final = 2.0
_VISIBLE_POLL_S: Final = 0.001
_FENCED: Final = (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH)
_PROPERTIES: Final[dict[str, Any]] = {
    "acks": "all",
    "enable_idempotence": True,
    "partitioner": "murmur2_random",  # Java's, and so `partition_for`
    "linger_ms": 100,  # nothing goes before `flush` says so, which does not linger
    "queue_buffering_max_messages": 0,  # no bound: whoever appends waits for the answers
    "message_max_bytes": MAX_BYTES + 4_096,
}


class Ticket(NamedTuple):
    """One call of `append`: its entries with the cluster's names of their topics, and where each has landed."""

    entries: list[Entry]
    progress: Progress | None
    landed: list[Appended]


class PlainAppender:
    """Appends without progress. What fails may have been appended in part: only the answer may have been lost."""

    def __init__(self, config: KafkaConfig, clock: BrokerClock, timeout_s: float):
        self._config, self._clock, self._timeout_s = config, clock, timeout_s
        self._link = link(config.bootstrap)
        self._producer = self._new()

    def write(self, tickets: Sequence[Ticket]) -> None:
        """Append the group. LogUnavailable where any record was not acknowledged."""
        try:
            landed = _produce(self._producer, tickets, self._timeout_s)
        except KafkaException as fault:
            self._link.failed(fault.args[0].str())
            if fault.args[0].fatal():
                self._producer = self._new()
            raise self._config.unavailable("not every record was acknowledged; append again", fault.args[0]) from fault
        self._link.answered()
        _settle(tickets, landed, self._clock)

    def list_topics(self, timeout_s: float) -> Any:
        """The cluster's topics. Asked over the producer, which is then connected: else its first append waits 0.5 s."""
        return self._producer.list_topics(timeout=timeout_s)

    def _new(self) -> Producer:
        patience = int(self._timeout_s * 1_000)
        return Producer(self._config.librdkafka(**_PROPERTIES, message_timeout_ms=patience))


class TransactionalAppender:
    """Appends together with progress, in one transaction a group.

    `owner` is the transactional id: the one who came last with an id fences those before, who get Fenced, for ever.
    Without one it has an id of its own; then only a transaction that was left open too long (a frozen process) ends so.
    """

    def __init__(self, config: KafkaConfig, clock: BrokerClock, offsets: Offsets, timeout_s: float, owner: str):
        self._config, self._clock, self._offsets, self._timeout_s = config, clock, offsets, timeout_s
        self._owner, self._id = owner, config.name(owner or str(uuid.uuid4()))
        self._producer: Producer | None = None
        self._unfinished: Callable[[float], None] | None = None  # what has to end before another begins
        self._is_fenced = False
        self._is_lost = False  # its client never came back, and its id may be another's by now

    def take(self) -> None:
        """Take the transactional id now, which fences whoever had it and ends what that one left open."""
        try:
            self._ready()
        except KafkaException as fault:
            self._recover(fault.args[0])
            raise self._config.unavailable(f"the transactional id {self._id}", fault.args[0]) from fault

    def write(self, tickets: Sequence[Ticket]) -> None:
        """Append the group and move its progress, all or nothing. LogUnavailable, Fenced."""
        if self._is_fenced:
            raise Fenced(f"another has taken the transactional id {self._id}")
        if self._is_lost:
            raise self._config.unavailable(f"the transactional id {self._id}", "its client is lost; claim anew")
        try:
            landed = self._transact(self._ready(), tickets)
        except TimeoutError as fault:
            self._abandon()
            raise self._config.unavailable(
                "the transaction did not end; append again from what is committed", "timed out"
            ) from fault
        except KafkaException as fault:
            self._recover(fault.args[0])
            what = "the transaction failed; append again from what is committed"
            raise self._config.unavailable(what, fault.args[0]) from fault
        _settle(tickets, landed, self._clock)
        self._wait_until_visible(tickets)

    def _ready(self) -> Producer:
        if self._unfinished is not None:
            self._unfinished(self._timeout_s)
            self._producer = self._unfinished = None
        if self._producer is None:
            more = {
                "transactional_id": self._id,
                "transaction_timeout_ms": _ABANDONED_MS,
                "message_timeout_ms": min(int(self._timeout_s * 1_000), _ABANDONED_MS),
            }
            producer = Producer(self._config.librdkafka(**_PROPERTIES, **more))
            producer.init_transactions(self._timeout_s)
            self._producer = producer
        return self._producer

    def _transact(self, producer: Producer, tickets: Sequence[Ticket]) -> list[Appended]:
        producer.begin_transaction()
        self._unfinished = producer.abort_transaction
        landed = _produce(producer, tickets, self._timeout_s)
        for group, offsets in _moves(tickets).items():
            membership = self._offsets.membership(group)
            send = partial(producer.send_offsets_to_transaction, positions(offsets), membership, self._timeout_s)
            _in_time(send, self._timeout_s + _LATE_S)
        self._unfinished = producer.commit_transaction  # one that was not answered can only be asked for again
        producer.commit_transaction(self._timeout_s)
        self._unfinished = None
        return landed

    def _recover(self, fault: KafkaError) -> None:
        """Take back what was begun, now or before the next transaction, then go on with a new producer. Fenced.

        A new one fences whoever has taken over; so the old one has to abort first, and hears there if it is fenced.
        It is not used again: after its epoch was raised, librdkafka 2.16 may wait for ever for a commit.
        """
        if (producer := self._producer) is not None and not fault.fatal():
            try:
                if fault.txn_requires_abort() or self._unfinished != producer.commit_transaction:
                    self._unfinished = producer.abort_transaction
                    producer.abort_transaction(self._timeout_s)
                    self._producer = self._unfinished = None
            except KafkaException as second:
                fault = second.args[0]
        if fault.fatal():
            self._producer = self._unfinished = None
        if self._owner and fault.code() in _FENCED:
            self._is_fenced = True
            raise Fenced(f"another has taken the transactional id {self._id}: {fault}")

    def _abandon(self) -> None:
        """Leave the client in its call, with what it had begun, which whoever takes the id next ends. A claim's id is
        not taken again here: whether it is still ours is known to those only who assign partitions."""
        self._producer = self._unfinished = None
        self._is_lost = bool(self._owner)

    def _wait_until_visible(self, tickets: Sequence[Ticket]) -> None:
        """A commit returns when it is decided; its markers follow. Another's open transaction may hold them back."""
        last: dict[tuple[str, int], int] = {}
        for ticket in tickets:
            for entry, (partition, offset, _) in zip(ticket.entries, ticket.landed, strict=True):
                last[entry.topic, partition] = offset
        until = time.monotonic() + _VISIBLE_S
        for (topic, partition), offset in last.items():
            while self._offsets.end(topic, partition) <= offset and time.monotonic() < until:
                time.sleep(_VISIBLE_POLL_S)


def _in_time(call: Callable[[], None], limit_s: float) -> None:
    """Call in a thread of its own; TimeoutError where it does not return, and is left there.

    librdkafka 2.16 gives the offsets of a transaction no end where the group's coordinator was away, whatever time-out
    it is given (https://github.com/confluentinc/librdkafka/issues/5456).
    """
    ended: Future[None] = Future()

    def run() -> None:
        try:
            call()
            ended.set_result(None)
        except BaseException as fault:
            ended.set_exception(fault)

    threading.Thread(target=run, name="offsets", daemon=True).start()
    ended.result(limit_s)


class _Reports:
    """What the brokers say of each record of a group, in the order in which the records were handed over."""

    def __init__(self) -> None:
        self.landed: list[Appended] = []
        self.fault: KafkaError | None = None
        self.kind = TIMESTAMP_LOG_APPEND_TIME
        self._unknown = Appended(-1, -1, -1)

    def expect(self) -> Any:
        """The callback for the next record."""
        self.landed.append(self._unknown)
        return partial(self._tell, len(self.landed) - 1)

    def _tell(self, index: int, fault: KafkaError | None, message: Any) -> None:
        if fault is not None:
            self.fault = self.fault or fault
            return
        self.kind, logged_at = message.timestamp()
        self.landed[index] = Appended(message.partition(), message.offset(), logged_at)


def _produce(producer: Producer, tickets: Sequence[Ticket], timeout_s: float) -> list[Appended]:
    """Hand over every record, wait for every answer. KafkaException with the first that is not an acknowledgement."""
    reports = _Reports()
    for ticket in tickets:
        for topic, key, value, partition in ticket.entries:
            number = -1 if partition is None else partition  # -1: librdkafka's murmur2, the same as partition_for
            producer.produce(topic, value, key.encode(), number, on_delivery=reports.expect())
    if _flush(producer, timeout_s + 5):  # every record has its own timeout, so this one is for a broken client
        producer.purge()
        _flush(producer, timeout_s)
    if reports.fault is not None:
        raise KafkaException(reports.fault)
    if reports.kind != TIMESTAMP_LOG_APPEND_TIME:
        refuse_create_time(tickets[0].entries[0].topic)
    return reports.landed


def _flush(producer: Producer, timeout_s: float) -> int:
    """Send what waits, without lingering, and hear the answers; how many records are still without one."""
    try:
        return producer.flush(timeout_s)
    except SystemError:  # a fatal error, which confluent-kafka 2.16 raises here and loses: nothing more is sent
        return len(producer)


def _settle(tickets: Sequence[Ticket], landed: list[Appended], clock: BrokerClock) -> None:
    """Give each append its part of where the records have landed."""
    start = 0
    for ticket in tickets:
        ticket.landed.extend(landed[start : start + len(ticket.entries)])
        start += len(ticket.entries)
    if landed:
        clock.acknowledged(landed[-1].logged_at)


def _moves(tickets: Sequence[Ticket]) -> dict[str, dict[tuple[str, int], int]]:
    """The last offset of each partition, by group."""
    moves: dict[str, dict[tuple[str, int], int]] = {}
    for ticket in tickets:
        if ticket.progress is not None:
            moves.setdefault(ticket.progress.group, {}).update(ticket.progress.offsets)
    return moves
