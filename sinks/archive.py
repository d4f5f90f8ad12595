"""Topic events as ClickHouse has archived it: for a fold whose log has dropped what it would begin with (retention)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from schemas.errors import TerminalError
from schemas.records import Record
from schemas.topics import EVENTS
from sinks.clickhouse import ClickHouse

PAGE: Final = 100_000  # offsets; each page looks through all offsets, for the table is in another order

_HELD: Final = """\
SELECT max(next_offset) AS next FROM warehouse_progress
WHERE topic = {topic:String} AND partition = {partition:UInt32}"""
_ROWS: Final = """\
SELECT offset, toUnixTimestamp64Milli(logged_at) AS logged_at, contact AS key, raw AS value
FROM events FINAL
WHERE partition = {partition:UInt32} AND offset >= {start:UInt64} AND offset < {end:UInt64}
ORDER BY offset"""


class _Row(msgspec.Struct):
    offset: int
    logged_at: int
    key: str
    value: str


_decode: Final = msgspec.json.Decoder(_Row).decode_lines


class Archive:
    """Reads the partitions of `events` from ClickHouse."""

    def __init__(self, clickhouse: ClickHouse):
        self._clickhouse = clickhouse

    def read(self, partition: int, start: int, end: int) -> Iterator[list[Record]]:
        """The records from offset `start` to before `end`, in order. TerminalError where it does not hold them all."""
        where = {"topic": EVENTS, "partition": partition}
        held = int(self._clickhouse.query(_HELD, where)[0]["next"])
        if held < end:
            raise TerminalError(
                f"{EVENTS} partition {partition}: the log begins at offset {end} and ClickHouse"
                f" ({self._clickhouse.address}) holds what is before {held}: what lies between is lost"
            )
        for first in range(start, end, PAGE):
            asked = {"partition": partition, "start": first, "end": min(end, first + PAGE)}
            with self._clickhouse.handle() as client:
                rows = _decode(client.raw_query(_ROWS, asked, fmt="JSONEachRow"))
            if rows:
                yield [Record(row.offset, row.logged_at, row.key, row.value.encode()) for row in rows]
