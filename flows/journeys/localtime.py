"""Local times as instants (LANGUAGE, "Journeys": wait): pure, over the IANA zones.

A local time that a gap skips is the gap's end, one that occurs twice is the first. Days are those of the zone's own
calendar; a day that a zone left out altogether (Samoa had no 30 December 2011) does not exist.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from schemas.moments import read_moment
from schemas.times import from_ms, to_ms

_DAYS: Final = 15  # looked ahead: a week of weekdays, and another where a zone has left one out


def parse_clock(text: str) -> int:
    """Minutes after midnight of `HH:MM`; ValueError says what is right.

    >>> parse_clock("09:30")
    570
    """
    hours, colon, minutes = text.partition(":")
    if colon and len(hours) == len(minutes) == 2 and (hours + minutes).isdecimal() and (hours + minutes).isascii():
        h, m = int(hours), int(minutes)
        if h < 24 and m < 60:
            return h * 60 + m
    raise ValueError(f"{text!r} is no time of day; write HH:MM from 00:00 to 23:59")


def resolve(local: datetime, zone: ZoneInfo) -> int:
    """The instant of a naive local time: in a gap its end, of two the first."""
    first = local.replace(tzinfo=zone, fold=0)
    instant = first.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local:
        return to_ms(instant)
    return _transition(to_ms(first.replace(fold=1).astimezone(UTC)), to_ms(instant), zone)


def _transition(before: int, after: int, zone: ZoneInfo) -> int:
    """The instant in (before, after] from which the zone's offset is the one it has at `after`."""
    new = _local(after, zone).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if _local(middle, zone).utcoffset() == new:
            after = middle
        else:
            before = middle
    return after


def _local(at: int, zone: ZoneInfo) -> datetime:
    return from_ms(at).astimezone(zone)


def _at_clock(day: date, minutes: int, zone: ZoneInfo) -> int:
    return resolve(datetime(day.year, day.month, day.day, minutes // 60, minutes % 60), zone)  # noqa: DTZ001 - local


def _days(at: int, first: int, weekdays: Collection[int], zone: ZoneInfo) -> Iterator[date]:
    """The zone's existing days from `first` days after today on, of these weekdays (empty: all; 0 is Monday)."""
    today = _local(at, zone).date()
    for ahead in range(first, _DAYS):
        day = today + timedelta(days=ahead)
        if (not weekdays or day.weekday() in weekdays) and _local(_at_clock(day, 0, zone), zone).date() == day:
            yield day


def next_clock(at: int, minutes: int, weekdays: Collection[int], zone: ZoneInfo) -> int:
    """The next instant after `at` at which the zone's clocks show the time, on one of the weekdays (empty: any)."""
    return next(due for day in _days(at, 0, weekdays, zone) if (due := _at_clock(day, minutes, zone)) > at)


def next_in_window(at: int, start: int, end: int, weekdays: Collection[int], zone: ZoneInfo) -> int:
    """`at` itself inside `[start, end)`, else the next start; over midnight where `end` is not later than `start`.

    The weekday is the one on which the window starts. A window that a gap swallows whole does not occur that day.
    """
    for day in _days(at, -1, weekdays, zone):
        opens = _at_clock(day, start, zone)
        closes = _at_clock(day if end > start else day + timedelta(days=1), end, zone)
        if at < closes and opens < closes:
            return max(at, opens)
    raise AssertionError("every week has each weekday")  # a zone that leaves out two weeks does not exist


def windows(
    at: int, until: int, start: int, end: int, weekdays: Collection[int], zone: ZoneInfo
) -> Iterator[tuple[int, int]]:
    """The windows `[start, end)` that hold an instant of `[at, until]`, in order; else as `next_in_window`.

    An end that occurs twice is the second, so that no clock shows a time of the window outside of one.
    """
    day, last = _local(at, zone).date() - timedelta(days=1), _local(until, zone).date()
    while day <= last:
        opens = _at_clock(day, start, zone)
        closes = _last_at_clock(day if end > start else day + timedelta(days=1), end, zone)
        exists = _local(_at_clock(day, 0, zone), zone).date() == day
        if exists and (not weekdays or day.weekday() in weekdays) and opens <= until and max(at, opens) < closes:
            yield opens, closes
        day += timedelta(days=1)


def _last_at_clock(day: date, minutes: int, zone: ZoneInfo) -> int:
    local = datetime(day.year, day.month, day.day, minutes // 60, minutes % 60)  # noqa: DTZ001 - local
    second = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return to_ms(second) if second.astimezone(zone).replace(tzinfo=None) == local else resolve(local, zone)


def read_date(text: str, days: int, zone: ZoneInfo) -> int | None:
    """The instant of an ISO date or time, moved by calendar days at the same local time; None where it is none.

    A date alone is midnight, a time without offset local, both in the zone.
    """
    moment = read_moment(text)
    if moment is None:
        return None
    try:
        if moment.tzinfo is None:
            return resolve(moment + timedelta(days=days), zone)
        if not days:
            return to_ms(moment)
        return resolve(moment.astimezone(zone).replace(tzinfo=None, fold=0) + timedelta(days=days), zone)
    except OverflowError:
        return None
