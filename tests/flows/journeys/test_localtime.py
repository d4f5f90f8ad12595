"""Local times: tables of what a wall clock would show, and a property over zones, days and windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.journeys.localtime import next_clock, next_in_window, parse_clock, read_date
from schemas.times import format_instant, from_ms, parse_instant, to_ms

ZONES = (
    "UTC",
    "Europe/Zurich",
    "America/New_York",
    "America/St_Johns",
    "Australia/Lord_Howe",  # its gap is half an hour
    "Africa/Cairo",  # its gap is at midnight
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Pacific/Chatham",
)


def clock(at: str, time: str, zone: str, weekdays: tuple[int, ...] = ()) -> str:
    return format_instant(next_clock(parse_instant(at), parse_clock(time), weekdays, ZoneInfo(zone)))


def window(at: str, start: str, end: str, zone: str, weekdays: tuple[int, ...] = ()) -> str:
    found = next_in_window(parse_instant(at), parse_clock(start), parse_clock(end), weekdays, ZoneInfo(zone))
    return format_instant(found)


@pytest.mark.parametrize(
    ("at", "time", "zone", "weekdays", "due"),
    [
        ("2026-06-01T06:59:59.999Z", "09:00", "Europe/Zurich", (), "2026-06-01T07:00:00.000Z"),
        ("2026-06-01T07:00:00.000Z", "09:00", "Europe/Zurich", (), "2026-06-02T07:00:00.000Z"),  # not ahead any more
        ("2026-06-01T07:00:00.001Z", "09:00", "Europe/Zurich", (), "2026-06-02T07:00:00.000Z"),
        # the day is the contact's: 23:00 UTC on Tuesday is Wednesday in Tokyo
        ("2026-06-02T23:00:00.000Z", "09:00", "Asia/Tokyo", (2,), "2026-06-03T00:00:00.000Z"),
        ("2026-06-02T23:00:00.000Z", "09:00", "Asia/Tokyo", (1,), "2026-06-09T00:00:00.000Z"),
        # 29 March 2026, Zurich: 02:00 to 03:00 does not occur, so 02:30 is 03:00
        ("2026-03-29T00:00:00.000Z", "02:30", "Europe/Zurich", (), "2026-03-29T01:00:00.000Z"),
        ("2026-03-29T01:00:00.000Z", "02:30", "Europe/Zurich", (), "2026-03-30T00:30:00.000Z"),
        # 25 October 2026, Zurich: 02:30 occurs at 00:30Z and at 01:30Z; it is the first
        ("2026-10-25T00:00:00.000Z", "02:30", "Europe/Zurich", (), "2026-10-25T00:30:00.000Z"),
        ("2026-10-25T00:30:00.000Z", "02:30", "Europe/Zurich", (), "2026-10-26T01:30:00.000Z"),
        # half an hour's gap: 4 October 2026, 02:00 becomes 02:30
        ("2026-10-03T15:00:00.000Z", "02:15", "Australia/Lord_Howe", (), "2026-10-03T15:30:00.000Z"),
        # 30 December 2011 does not exist in Samoa: after the 29th comes the 31st
        ("2011-12-29T20:00:00.000Z", "09:00", "Pacific/Apia", (), "2011-12-30T19:00:00.000Z"),
    ],
)
def test_the_next_local_time(at: str, time: str, zone: str, weekdays: tuple[int, ...], due: str) -> None:
    assert clock(at, time, zone, weekdays) == due


@pytest.mark.parametrize(
    ("at", "start", "end", "weekdays", "due"),
    [
        #  21:59    22:00 ----------- 06:59 | 07:00     in Zurich, one hour ahead of UTC in winter
        ("2026-01-05T20:59:59.999Z", "22:00", "07:00", (), "2026-01-05T21:00:00.000Z"),
        ("2026-01-05T21:00:00.000Z", "22:00", "07:00", (), "2026-01-05T21:00:00.000Z"),
        ("2026-01-06T05:59:59.999Z", "22:00", "07:00", (), "2026-01-06T05:59:59.999Z"),
        ("2026-01-06T06:00:00.000Z", "22:00", "07:00", (), "2026-01-06T21:00:00.000Z"),
        # Monday's window reaches into Tuesday: the weekday is the one on which it starts
        ("2026-01-06T02:00:00.000Z", "22:00", "07:00", (0,), "2026-01-06T02:00:00.000Z"),
        ("2026-01-06T22:00:00.000Z", "22:00", "07:00", (0,), "2026-01-12T21:00:00.000Z"),
        ("2026-01-05T02:00:00.000Z", "22:00", "07:00", (0,), "2026-01-05T21:00:00.000Z"),
        ("2026-01-05T12:00:00.000Z", "09:00", "17:00", (0,), "2026-01-05T12:00:00.000Z"),
        ("2026-01-05T16:00:00.000Z", "09:00", "17:00", (0, 4), "2026-01-09T08:00:00.000Z"),
        # the gap of 29 March swallows 02:10 to 02:50: the next one is a day later
        ("2026-03-29T00:00:00.000Z", "02:10", "02:50", (), "2026-03-30T00:10:00.000Z"),
    ],
)
def test_windows(at: str, start: str, end: str, weekdays: tuple[int, ...], due: str) -> None:
    assert window(at, start, end, "Europe/Zurich", weekdays) == due


@pytest.mark.parametrize(
    ("text", "days", "due"),
    [
        ("2026-07-10", 0, "2026-07-09T22:00:00.000Z"),
        ("2026-07-10T08:00:00", 0, "2026-07-10T06:00:00.000Z"),
        ("2026-07-10T08:00:00Z", 0, "2026-07-10T08:00:00.000Z"),
        # over the change of 29 March: three calendar days before are 71 hours
        ("2026-03-30T09:00:00+02:00", -3, "2026-03-27T08:00:00.000Z"),
        ("2026-03-29T00:30:00Z", 1, "2026-03-29T23:30:00.000Z"),
        ("soon", 0, None),
        ("0001-01-01", -3, None),
        ("9999-12-31T23:59:59Z", 400, None),
    ],
)
def test_dates_and_calendar_days(text: str, days: int, due: str | None) -> None:
    found = read_date(text, days, ZoneInfo("Europe/Zurich"))
    assert due == (None if found is None else format_instant(found))


@pytest.mark.parametrize("text", ["9:00", "09:60", "24:00", "0900", "", "09:0x", "٠٩:٠٠"])
def test_a_bad_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HH:MM"):
        parse_clock(text)


instants = st.integers(to_ms(datetime(2011, 12, 1, tzinfo=UTC)), to_ms(datetime(2035, 1, 1, tzinfo=UTC)))
clocks = st.integers(0, 24 * 60 - 1)
weekday_sets = st.frozensets(st.integers(0, 6))


@given(instants, clocks, weekday_sets, st.sampled_from(ZONES))
def test_a_wait_until_a_time_ends_later_on_an_allowed_day_at_that_time_or_at_a_gaps_end(
    at: int, minutes: int, weekdays: frozenset[int], name: str
) -> None:
    zone = ZoneInfo(name)
    due = next_clock(at, minutes, weekdays, zone)
    local = from_ms(due).astimezone(zone)
    assert at < due <= at + timedelta(days=15) // timedelta(milliseconds=1)
    assert not weekdays or local.weekday() in weekdays
    if (local.hour, local.minute) != divmod(minutes, 60):
        before = from_ms(due - 1).astimezone(zone)
        assert before.utcoffset() != local.utcoffset(), "only a gap moves the time"


@given(instants, clocks, clocks, weekday_sets, st.sampled_from(ZONES))
def test_a_windows_wait_ends_inside_the_window_in_any_zone_on_any_date(
    at: int, start: int, end: int, weekdays: frozenset[int], name: str
) -> None:
    zone = ZoneInfo(name)
    due = next_in_window(at, start, end, weekdays, zone)
    assert due >= at
    assert next_in_window(due, start, end, weekdays, zone) == due, "asked again inside, it passes"
    local = from_ms(due).astimezone(zone)
    minutes = local.hour * 60 + local.minute
    inside = start <= minutes < end if start < end else minutes >= start or minutes < end
    ambiguous = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    after_gap = from_ms(due - 1).astimezone(zone).utcoffset() != local.utcoffset()
    assert inside or ambiguous or after_gap
