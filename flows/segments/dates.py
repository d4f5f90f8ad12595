"""Moments and local days in the contact's zone: what `before`, `after`, `within_…` and `anniversary` stand on."""

from __future__ import annotations

from calendar import isleap
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from flows.journeys.localtime import resolve
from schemas.moments import read_moment
from schemas.times import from_ms, to_ms

_ONE_DAY: Final = timedelta(days=1)
_MIDNIGHT: Final = datetime.min.time()


@lru_cache(8192)
def instant_of(text: str, zone: str) -> int | None:
    """The instant of an ISO string, local to the zone where it has no offset; None for what is no moment.

    >>> instant_of("1970-01-01T00:00:01.500Z", "Asia/Tokyo"), instant_of("1970-01-02", "Etc/GMT-1")
    (1500, 82800000)
    """
    moment = read_moment(text)
    if moment is None:
        return None
    if moment.tzinfo:
        return to_ms(moment)
    try:
        return resolve(moment, ZoneInfo(zone))
    except OverflowError:  # within a day of the calendar's ends, where UTC's own date cannot be written
        return to_ms(moment.replace(tzinfo=ZoneInfo(zone)))


@lru_cache(8192)
def day_of(text: str, zone: str) -> date | None:
    """The local day of an ISO string: a moment with an offset is the day on which it falls in the zone."""
    moment = read_moment(text)
    if moment is None:
        return None
    try:
        return (moment.astimezone(ZoneInfo(zone)) if moment.tzinfo else moment).date()
    except OverflowError:
        return moment.date()


def local_day(at: int, zone: str) -> date:
    """The day that the zone's calendars show at the instant."""
    return from_ms(at).astimezone(ZoneInfo(zone)).date()


def is_anniversary(day: date, of: date) -> bool:
    """Whether month and day match; 29 February counts on the 28th of years that have none.

    >>> is_anniversary(date(2027, 2, 28), date(2024, 2, 29)), is_anniversary(date(2028, 2, 28), date(2024, 2, 29))
    (True, False)
    """
    if (day.month, day.day) == (of.month, of.day):
        return True
    return (of.month, of.day) == (2, 29) and (day.month, day.day) == (2, 28) and not isleap(day.year)


def next_anniversary(after: date, of: date) -> date:
    """The first day later than `after` on which month and day match."""
    for year in (after.year, after.year + 1):
        leapless = (of.month, of.day) == (2, 29) and not isleap(year)
        day = date(year, 2, 28) if leapless else date(year, of.month, of.day)
        if day > after:
            return day
    raise AssertionError("one of two years in a row has a later anniversary")


def start_of(day: date, zone: str, after: int) -> int:
    """The instant later than `after` at which the local day begins; of a midnight that comes twice either one."""
    midnight = datetime.combine(day, _MIDNIGHT)
    first = resolve(midnight, ZoneInfo(zone))
    if first > after:
        return first
    return to_ms(midnight.replace(tzinfo=ZoneInfo(zone), fold=1))


def next_day(at: int, zone: str) -> int:
    """The earliest instant after `at` at which the zone's calendars show another day; also back, where clocks do.

    Clocks that are put back over midnight (St. John's, 1:01 after to 23:01 before) show the day before once more.
    """
    today = local_day(at, zone)
    midnight = start_of(today + _ONE_DAY, zone, at)
    if local_day(midnight, zone) == today or _offset(at, zone) == _offset(midnight - 1, zone):
        return midnight
    back = _transition(at, midnight - 1, zone)
    return back if local_day(back, zone) != today else midnight


def _offset(at: int, zone: str) -> timedelta | None:
    return from_ms(at).astimezone(ZoneInfo(zone)).utcoffset()


def _transition(before: int, after: int, zone: str) -> int:
    """The instant in (before, after] from which the offset is the one at `after`."""
    new = _offset(after, zone)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(middle, zone) == new:
            after = middle
        else:
            before = middle
    return after
