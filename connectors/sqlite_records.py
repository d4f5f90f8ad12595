"""The rows of a SQLite log's topics, each with a checksum: SQLite's pages have none, and a disk may lie.

    partition, offset -> logged_at, key, value, crc

`crc` is the CRC-32 (https://www.rfc-editor.org/rfc/rfc1952#section-8) of key and value, begun with offset and time. It
is NULL in rows of logs of version 0.1.0: those are read as they stand. Offsets are dense, so a row that is gone shows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, NoReturn
from zlib import crc32

from schemas.records import Record

COLUMNS: Final = (
    "partition INTEGER, offset INTEGER, logged_at INTEGER NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
    " crc INTEGER, PRIMARY KEY (partition, offset)"
)
ADD_CHECKSUM: Final = "ALTER TABLE {topic} ADD COLUMN crc INTEGER"
WIDTH: Final = 6  # values of a row
_CHUNKS: Final = tuple(1 << n for n in range(10, -1, -1))  # rows a statement: as few statements as can be, because the
# GIL is given back and taken around each

Damaged = Callable[[int, str], NoReturn]  # tells of the damage at an offset, as an exception


def row_of(partition: int, offset: int, logged_at: int, key: str, value: bytes) -> tuple[Any, ...]:
    """A record's row."""
    return partition, offset, logged_at, key, value, crc32(value, crc32(key.encode(), offset ^ logged_at))


def insert(db: sqlite3.Connection, topic: str, values: Sequence[object]) -> None:
    """Insert rows of WIDTH values each, laid end to end."""
    start = 0
    for rows in _CHUNKS:
        while len(values) - start >= WIDTH * rows:
            db.execute(_insertion(topic, rows), values[start : start + WIDTH * rows])
            start += WIDTH * rows


@cache
def selection(topic: str) -> str:
    """The query for up to so many rows of a partition from an offset on: (partition, offset, limit)."""
    return (
        f"SELECT offset, logged_at, CAST(key AS BLOB), value, crc FROM {topic}"  # noqa: S608 - a name from TOPICS
        " WHERE partition = ? AND offset >= ? ORDER BY offset LIMIT ?"
    )


def records_of(rows: Sequence[tuple[Any, ...]], damaged: Damaged) -> list[Record]:
    """The records of rows that `selection` has found. `damaged` where one is not what was written, or one is gone."""
    records: list[Record] = []
    expected = rows[0][0] if rows else 0
    try:
        for offset, logged_at, key, value, crc in rows:
            if offset != expected:
                damaged(expected, "the record is gone")
            if crc != crc32(value, crc32(key, offset ^ logged_at)) and crc is not None:  # as in `row_of`
                damaged(offset, "the record is not what was written: its checksum differs")
            records.append(Record(offset, logged_at, key.decode(), value))
            expected += 1
    except (TypeError, AttributeError, UnicodeDecodeError):  # a column of another type, a key that is no text
        damaged(expected, "the record is not what was written: it cannot be read")
    return records


@cache
def _insertion(topic: str, rows: int) -> str:
    places = ", ".join(["(?, ?, ?, ?, ?, ?)"] * rows)
    return f"INSERT INTO {topic} (partition, offset, logged_at, key, value, crc) VALUES {places}"  # noqa: S608
