"""The log: topics of partitions of records. What differs between SQLite and Kafka sits behind this protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from schemas.records import Entry, Record


class Appended(NamedTuple):
    """Where an entry landed."""

    partition: int
    offset: int
    logged_at: int


class Progress(NamedTuple):
    """A consumer group's next offsets, to be made durable together with an append."""

    group: str
    offsets: Mapping[tuple[str, int], int]


class Claim(Protocol):
    """The right to append on behalf of partitions, which the next claim for one of them ends: Fenced, for ever."""

    def append(
        self, parts: Mapping[int, Sequence[Entry]], progress: Progress | None = None
    ) -> dict[int, list[Appended]]:
        """Append what each partition has to say, wherever it goes, durably; with it, move the progress of the same
        numbers. All or nothing for each partition; where one part fails, others may have been appended.
        """
        ...

    def close(self) -> None:
        """Release connections; the claim may be gone on with by a new one alone. Idempotent."""
        ...


class Log(Protocol):
    """A durable, partitioned, ordered log.

    Guarantees, held by `tests/connectors/log_conformance.py` for every implementation:
    an append is durable when it returns, and with `progress` it is all of it or nothing (without, a log may have taken
    a part when it raises; to append it again is safe, because readers drop what they have seen). Offsets of a partition
    rise, and a reader goes on from the last record's offset + 1; they are dense in SQLite and have gaps in Kafka, whose
    transactions leave markers. `logged_at` never decreases within a partition for its reader. A reader sees a record
    only once everything before it in its partition can be seen. A log may drop old records: then `begin` is above 0.
    Raises LogUnavailable; Fenced where another owner has taken over; InvalidInput for what can never be appended.
    """

    def partitions(self, topic: str) -> int:
        """How many partitions the topic has; KeyError for an unknown topic."""
        ...

    def partition_of(self, topic: str, key: str) -> int:
        """The partition to which a key's records go."""
        ...

    def append(self, entries: Sequence[Entry], progress: Progress | None = None) -> list[Appended]:
        """Append all entries, durably, in order; with `progress`, move the group's offsets in the same act."""
        ...

    def read(self, topic: str, partition: int, offset: int, limit: int = 2_000) -> list[Record]:
        """Up to `limit` records from `offset` on, in order; empty at the end. Never blocks for new ones."""
        ...

    def begin(self, topic: str, partition: int) -> int:
        """The first offset that is still there (the end's, in an empty partition)."""
        ...

    def end(self, topic: str, partition: int) -> int:
        """The offset after the last record that can be read; the next record gets this one or a later one."""
        ...

    def committed(self, group: str, topic: str, partition: int) -> int:
        """The group's next offset; 0 where it never committed."""
        ...

    def commit(self, progress: Progress) -> None:
        """Make a group's next offsets durable."""
        ...

    def claim(self, role: str, partitions: Sequence[int]) -> Claim:
        """Take the partitions for a role. Who held one of them before can append nothing for it any more, and what it
        had not finished is taken back.
        """
        ...

    def now(self) -> int:
        """The log's own clock: no later append gets a `logged_at` below this."""
        ...

    def settled(self, instant: int) -> bool:
        """Whether everything that was or will ever be logged before the instant can be read now."""
        ...

    @property
    def lead_ms(self) -> int:
        """How long before it becomes active a definition must be logged, so that who is no more than FRESH_MS behind
        heeds it."""
        ...

    def close(self) -> None:
        """Release files and connections. Idempotent."""
        ...
