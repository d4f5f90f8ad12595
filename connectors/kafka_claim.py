"""A claim on partitions over Kafka: a transactional producer for each, named after role and partition.

Whoever initialises a transactional id raises its epoch: the broker refuses the one before from then on, and ends what
that one had left open (https://kafka.apache.org/documentation/#producerconfigs_transactional.id). So a process that was
frozen while its partitions were given away appends nothing for them when it wakes up, whatever it believes.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from connectors.kafka_append import Ticket, TransactionalAppender
from connectors.log import Appended


class KafkaClaim:
    """Appends each partition's part by its own producer, all at once. For any thread.

    `appenders` are those of the partitions, whose ids are taken here: Fenced and LogUnavailable as by any append.
    """

    def __init__(self, appenders: Mapping[int, TransactionalAppender]):
        self._appenders = {n: (threading.Lock(), appender) for n, appender in appenders.items()}
        self._threads = ThreadPoolExecutor(max(1, len(appenders)), "claim")
        _settled([self._threads.submit(appender.take) for appender in appenders.values()])

    def write(self, tickets: Mapping[int, Ticket]) -> dict[int, list[Appended]]:
        """Append the tickets of the partitions; where each has landed."""
        if len(tickets) == 1:
            [(number, ticket)] = tickets.items()
            self._write(number, ticket)
        else:
            _settled([self._threads.submit(self._write, *item) for item in tickets.items()])
        return {number: ticket.landed for number, ticket in tickets.items()}

    def close(self) -> None:
        """End the threads, after the appends that are under way."""
        self._threads.shutdown()

    def _write(self, number: int, ticket: Ticket) -> None:
        lock, appender = self._appenders[number]
        with lock:
            appender.write([ticket])


def _settled(futures: Sequence[Future[None]]) -> None:
    """Wait for all; raise what the first that failed raised."""
    wait(futures)
    for future in futures:
        future.result()
