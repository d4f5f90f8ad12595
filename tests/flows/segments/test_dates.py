"""Local days where clocks go back over midnight, and days that a zone left out."""

from __future__ import annotations

from datetime import date, timedelta

from flows.segments.dates import day_of, instant_of, local_day, next_anniversary, next_day, start_of
from schemas.times import HOUR, MINUTE, parse_instant


def test_clocks_that_go_back_over_midnight_show_the_day_before_once_more() -> None:
    # St. John's, 7 November 2010: at 00:01 clocks went back to 23:01 of the 6th.
    zone, midnight = "America/St_Johns", parse_instant("2010-11-07T02:30:00Z")
    assert next_day(midnight - HOUR, zone) == midnight
    assert next_day(midnight, zone) == midnight + MINUTE
    assert local_day(midnight + MINUTE, zone) == date(2010, 11, 6)
    assert next_day(midnight + MINUTE, zone) == midnight + HOUR
    assert start_of(date(2010, 11, 7), zone, midnight + MINUTE) == midnight + HOUR


def test_every_change_of_the_local_day_is_found() -> None:
    zone, end = "America/St_Johns", parse_instant("2010-11-09T00:00:00Z")
    at, found = parse_instant("2010-11-05T00:00:00Z"), []
    while (at := next_day(at, zone)) < end:
        found.append(at)
    minutes = range(parse_instant("2010-11-05T00:00:00Z"), end, MINUTE)
    assert found == [m for m in minutes[1:] if local_day(m, zone) != local_day(m - MINUTE, zone)]


def test_a_day_that_a_zone_left_out_begins_with_the_next() -> None:
    day, zone = date(2011, 12, 30), "Pacific/Apia"
    start = start_of(day, zone, parse_instant("2011-12-29T12:00:00Z"))
    assert local_day(start, zone) == day + timedelta(days=1)


def test_the_29th_of_february_comes_every_year() -> None:
    assert next_anniversary(date(2026, 3, 1), date(2000, 2, 29)) == date(2027, 2, 28)
    assert next_anniversary(date(2027, 2, 28), date(2000, 2, 29)) == date(2028, 2, 29)


def test_the_ends_of_the_calendar_are_moments_too() -> None:
    assert instant_of("9999-12-31T23:59:59", "Etc/GMT+5") == parse_instant("9999-12-31T23:59:59Z") + 5 * HOUR
    assert instant_of("0001-01-01", "Etc/GMT-9") == parse_instant("0001-01-01T00:00:00Z") - 9 * HOUR
    assert day_of("9999-12-31T23:00:00-05:00", "Asia/Tokyo") == date(9999, 12, 31)
