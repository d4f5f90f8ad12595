"""Instants and durations. An instant is an `int`: milliseconds since 1970-01-01T00:00:00Z; a duration, milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY

_UNITS: Final = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK}
_DURATION: Final = re.compile(r"(-?)(\d{1,9})(ms|s|m|h|d|w)", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


def parse_duration(text: str) -> int:
    """Milliseconds of `45s 15m 12h 30d 2w` (also `250ms`; a leading `-` negates). ValueError says what is right.

    >>> parse_duration("15m"), parse_duration("-3d")
    (900000, -259200000)
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no duration; write a whole number and a unit, as in 45s 15m 12h 30d 2w")
    sign, number, unit = found.groups()
    return int(number) * _UNITS[unit] * (-1 if sign else 1)


def format_duration(ms: int) -> str:
    """The shortest exact form: the inverse of `parse_duration`.

    >>> format_duration(900_000), format_duration(36 * HOUR)
    ('15m', '36h')
    """
    for unit in ("w", "d", "h", "m", "s"):
        if ms and ms % _UNITS[unit] == 0:
            return f"{ms // _UNITS[unit]}{unit}"
    return f"{ms}ms"


def to_ms(moment: datetime) -> int:
    """The instant of an aware datetime, its microseconds cut off (towards the past)."""
    return (moment - _EPOCH) // _MS


def from_ms(ms: int) -> datetime:
    """The aware UTC datetime of an instant; OverflowError outside of the years 1 to 9999."""
    return _EPOCH + timedelta(milliseconds=ms)


def parse_instant(text: str) -> int:
    """The instant of ISO 8601 with an offset (`Z` or `+02:00`); ValueError says what is right.

    >>> parse_instant("1970-01-01T00:00:01.500Z")
    1500
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no instant; write ISO 8601, as in 2026-01-31T09:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; add Z or one like +02:00")
    return to_ms(moment)


def format_instant(ms: int) -> str:
    """ISO 8601 in UTC to the millisecond.

    >>> format_instant(1500)
    '1970-01-01T00:00:01.500Z'
    """
    return from_ms(ms).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"
