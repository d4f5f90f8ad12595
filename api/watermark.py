"""How fresh reads are: `X-Waxwing-Watermark`, the instant up to which every event is in ClickHouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from connectors.log import Log
from schemas.topics import EVENTS

HEADER: Final = "X-Waxwing-Watermark"
IN_FLIGHT_MS: Final = 250  # an append may become visible so long after the time that it carries


class Freshness(NamedTuple):
    """`watermark`: everything logged to `events` before it is there. `version` grows with whatever is written."""

    watermark: int
    version: int


class Ends(NamedTuple):
    """The log's time, and the ends of the partitions of `events` at it or later."""

    now: int
    by_partition: Mapping[int, int]


def ends_of(log: Log) -> Ends:
    """To be read before ClickHouse's progress: whoever has come to these ends has all that was logged before `now`."""
    now = log.now() - IN_FLIGHT_MS
    return Ends(now, {n: log.end(EVENTS, n) for n in range(log.partitions(EVENTS))})


def freshness(ends: Ends, progress: Sequence[Mapping[str, Any]]) -> Freshness:
    """From the rows of the query `progress`."""
    events = {row["partition"]: row for row in progress if row["topic"] == EVENTS}
    marks = [_mark(ends.now, end, events.get(n)) for n, end in ends.by_partition.items()]
    return Freshness(min(marks), sum(row["next_offset"] for row in progress))


def _mark(now: int, end: int, row: Mapping[str, Any] | None) -> int:
    if (0 if row is None else row["next_offset"]) >= end:
        return now
    return 0 if row is None else int(row["complete_until"])
