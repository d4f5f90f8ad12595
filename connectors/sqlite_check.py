"""Everything of a SQLite log, looked at: which records it does not hold any more as they were written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from connectors.sqlite_log import SqliteLog
from schemas.errors import LogDamaged
from schemas.records import Record
from schemas.topics import NAMES

BATCH: Final = 2_000


class Stretch(NamedTuple):
    """Offsets of a partition from `first` to `last`: their records, or none and what is wrong with them."""

    topic: str
    partition: int
    first: int
    last: int
    records: list[Record]
    fault: str = ""

    def __str__(self) -> str:
        offsets = f"offset {self.first}" if self.first == self.last else f"offsets {self.first} to {self.last}"
        return f"{self.topic} partition {self.partition} {offsets}"


def damage(log: SqliteLog) -> list[Stretch]:
    """What is damaged, neighbours as one."""
    found: list[Stretch] = []
    for stretch in stretches(log):
        if not stretch.fault:
            continue
        if found and found[-1][:2] == stretch[:2] and found[-1].last + 1 == stretch.first:
            found[-1] = found[-1]._replace(last=stretch.last)
        else:
            found.append(stretch)
    return found


def stretches(log: SqliteLog) -> Iterator[Stretch]:
    """All that the log should hold, in order."""
    for topic in NAMES:
        for partition in range(log.partitions(topic)):
            offset, end = _begin(log, topic, partition), log.end(topic, partition)
            while offset < end:
                limit = min(BATCH, end - offset)
                yield from _read(log, topic, partition, offset, limit)
                offset += limit


def _begin(log: SqliteLog, topic: str, partition: int) -> int:
    try:
        return log.begin(topic, partition)
    except LogDamaged:  # nothing is ever taken away from the beginning of what `waxwing` has written
        return 0


def _read(log: SqliteLog, topic: str, partition: int, offset: int, limit: int) -> Iterator[Stretch]:
    """The next records at once; where that does not do, one by one."""
    try:
        records = log.read(topic, partition, offset, limit)
        if len(records) == limit:
            yield Stretch(topic, partition, offset, offset + limit - 1, records)
            return
        fault = "the record is gone"
    except LogDamaged as first:
        fault = str(first)
    if limit == 1:
        yield Stretch(topic, partition, offset, offset, [], fault)
        return
    for each in range(offset, offset + limit):
        yield from _read(log, topic, partition, each, 1)
