"""When a recurring campaign fires, in one zone and in each contact's, and what is made of firings that were missed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flows.campaigns.firings import Firing, due, firings, next_firing
from schemas.definitions.campaign import Recurring
from schemas.times import DAY, HOUR, MINUTE, to_ms

MONDAY = to_ms(datetime(2026, 10, 19, tzinfo=UTC))
DAILY = Recurring(cron="0 9 * * *", timezone="Europe/Zurich")


def names(schedule: Recurring, after: int, until: int) -> list[str]:
    return [firing.name for firing in firings(schedule, after, until, "UTC")]


def test_a_daily_digest_fires_at_nine_on_both_sides_of_the_end_of_summer_time():
    saturday = MONDAY + 5 * DAY
    found = names(DAILY, saturday, saturday + 3 * DAY)
    assert found == ["2026-10-24T07:00Z", "2026-10-25T08:00Z", "2026-10-26T08:00Z"]


def test_a_weekly_newsletter_fires_on_its_day():
    weekly = Recurring(cron="30 8 * * 2")
    assert names(weekly, MONDAY, MONDAY + 15 * DAY) == ["2026-10-20T08:30Z", "2026-10-27T08:30Z"]


def test_a_time_that_occurs_twice_fires_once_and_one_in_a_gap_at_its_end():
    night = Recurring(cron="30 2 * * *", timezone="Europe/Zurich")
    autumn, spring = MONDAY + 5 * DAY, to_ms(datetime(2027, 3, 27, 12, tzinfo=UTC))
    assert names(night, autumn + 12 * HOUR, autumn + 3 * DAY) == ["2026-10-25T00:30Z", "2026-10-26T01:30Z"]
    assert names(night, spring, spring + DAY) == ["2027-03-28T01:00Z"]


def test_in_each_contacts_zone_it_is_frozen_before_the_first_place_has_the_time():
    own = Recurring(cron="0 9 * * *", timezone="contact")
    firing = next_firing(own, MONDAY, "UTC")
    assert firing == Firing("2026-10-20T09:00", MONDAY + 19 * HOUR, datetime(2026, 10, 20, 9))


def test_the_end_of_the_span_belongs_to_it_and_its_beginning_does_not():
    at = MONDAY + 7 * HOUR
    assert names(DAILY, at - 1, at) == ["2026-10-19T07:00Z"]
    assert names(DAILY, at, at + DAY - 1) == []


TWO_LATE = [Firing("a", 0), Firing("b", 10 * MINUTE)]
PROMPT = Firing("c", 60 * MINUTE)


@pytest.mark.parametrize(
    ("policy", "found", "launched", "missed"),
    [
        ("skip", [*TWO_LATE, PROMPT], ["c"], ("b", 2)),
        ("skip", TWO_LATE, [], ("b", 2)),
        ("once", [*TWO_LATE, PROMPT], ["c"], ("b", 2)),
        ("once", TWO_LATE, ["b"], ("a", 1)),
        ("once", TWO_LATE[:1], ["a"], None),
        ("all", [*TWO_LATE, PROMPT], ["a", "b", "c"], None),
        ("skip", [PROMPT], ["c"], None),
        ("all", [], [], None),
    ],
)
def test_the_policy_says_what_becomes_of_firings_that_were_missed(policy, found, launched, missed):
    schedule = Recurring(cron="* * * * *", missed=policy, grace="15m")
    made = due(found, schedule, 61 * MINUTE)
    assert [firing.name for firing in made.launch] == launched
    assert (made.missed and (made.missed.last.name, made.missed.number)) == missed


def test_a_firing_is_late_once_its_grace_has_passed():
    schedule = Recurring(cron="* * * * *", grace="15m")
    assert due([Firing("a", 0)], schedule, 15 * MINUTE).missed is None
    assert due([Firing("a", 0)], schedule, 15 * MINUTE + 1).missed is not None
