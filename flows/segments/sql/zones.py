"""Time zones as parameters of a query, from the same database that the stream reads (`zoneinfo`).

A zone is a list of pieces of constant offset: `offsets[i]` holds until the instant `ends[i]`. Local times are divided
at `ends_local[i]`: where the clock jumps forward a skipped time belongs to the piece before, whose end caps it (so it
is the gap's end); where it jumps back a time that occurs twice belongs to the piece before (so it is the first).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from schemas.times import DAY, SECOND, from_ms, to_ms

_FROM: Final = to_ms(datetime(1800, 1, 1, tzinfo=UTC))  # before the first zone left its local mean time
_UNTIL: Final = to_ms(datetime(2100, 1, 1, tzinfo=UTC))  # later instants keep the offset of the last piece
_FOR_EVER: Final = 1 << 62


class Pieces(NamedTuple):
    """A zone's pieces of constant offset, in order; all in milliseconds."""

    offsets: list[int]
    ends: list[int]
    ends_local: list[int]


def _offset(zone: ZoneInfo, ms: int) -> int:
    offset = from_ms(ms).astimezone(zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds()) * SECOND


def _change(zone: ZoneInfo, low: int, high: int) -> int:
    """The first instant in (low, high] that has the offset of `high`, to the second."""
    later = _offset(zone, high)
    while high - low > SECOND:
        middle = (low + high) // (2 * SECOND) * SECOND
        if _offset(zone, middle) == later:
            high = middle
        else:
            low = middle
    return high


@lru_cache(maxsize=1024)
def pieces(name: str) -> Pieces:
    """The pieces of an IANA zone up to 2100."""
    zone = ZoneInfo(name)
    offsets, ends = [_offset(zone, _FROM)], []
    for day in range(_FROM, _UNTIL, DAY):
        after = _offset(zone, day + DAY)
        if after != offsets[-1]:
            ends.append(_change(zone, day, day + DAY))
            offsets.append(after)
    local = [end + max(pair) for end, pair in zip(ends, pairwise(offsets), strict=True)]
    return Pieces(offsets, [*ends, _FOR_EVER], [*local, _FOR_EVER])


def zone_parameters(default: str, names: Iterable[str]) -> dict[str, Any]:
    """The query's parameters; the default zone is the first, for contacts whose zone is none of these."""
    order = [default, *sorted(set(names) - {default})]
    found = [pieces(name) for name in order]
    return {
        "zone_names": order,
        "zone_offsets": [p.offsets for p in found],
        "zone_ends": [p.ends for p in found],
        "zone_ends_local": [p.ends_local for p in found],
    }
