"""Which partitions a worker works on, and for how long: fixed ones, or those that Kafka's consumer group gives it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from infra.settings import Settings
from schemas.topics import TOPICS

Work: TypeAlias = Callable[[Sequence[int], Callable[[], bool]], None]
"""`work(partitions, is_over)`: works on them until `is_over()`, and has let go of them when it returns."""


class Assignment(Protocol):
    """A worker's partitions."""

    def run(self, work: Work, stop: Callable[[], bool]) -> None:
        """Call `work` with what is assigned, again each time that changes, until `stop()`."""
        ...


class Fixed:
    """The same partitions always: those of one worker of so many, on one machine."""

    def __init__(self, partitions: Sequence[int]):
        self._partitions = partitions

    def run(self, work: Work, stop: Callable[[], bool]) -> None:
        """Work on them once, until `stop()`."""
        work(self._partitions, stop)


def assignment(settings: Settings, role: str, topic: str, worker: int = 0, workers: int = 1) -> Assignment:
    """By the group on Kafka, whatever the number of workers is said to be; else a fixed share."""
    if settings.log.startswith("kafka://"):
        from connectors.kafka_config import from_settings
        from connectors.kafka_membership import Membership

        return Membership(from_settings(settings), role, topic, instance(settings, worker), settings.kafka_session_s)
    single = next(t.single for t in TOPICS if t.name == topic)
    return Fixed(range(1 if single else settings.partitions)[worker::workers])


def instance(settings: Settings, worker: int = 0) -> str:
    """The worker's name in its groups: the same when it is started again, and nobody else's."""
    return f"{settings.worker or socket.gethostname()}-{worker}"
