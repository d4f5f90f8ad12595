"""The hour at which a contact answers: kept in the fold, with everyone's as the prior; and the wait for it."""

from __future__ import annotations

from typing import Any

import pytest

from flows.scoring import reducer as scoring
from flows.scoring.send_time import LIMIT, Everyone, answered, choose, local_hour, merge
from schemas.definitions import parse
from schemas.errors import InvalidInput
from schemas.records import Event, decode_change
from schemas.times import DAY, HOUR, format_instant, parse_instant
from schemas.topics import CHANGES
from tests.flows.journeys.scenario import Scenario, event, exited, journey, node, started_by, traits

BREAKFAST = tuple(0.5 if hour in (7, 8) else 0.0 for hour in range(24))
PRIOR = Everyone(1, BREAKFAST, 8.0)


def at(clock: str) -> int:
    return parse_instant(f"2026-01-05T{clock}Z")


def chosen(clock: str, own: dict[int, int], prior: Everyone | None = None, within: int = DAY, zone: str = "UTC") -> str:
    return format_instant(choose(at(clock), within, zone, own, prior).due)[5:16]


@pytest.mark.parametrize(
    ("now", "own", "prior", "within", "when", "why"),
    [
        ("10:30", {}, None, DAY, "01-05T10:30", "nothing is known: at once"),
        ("10:30", {18: 3, 9: 2}, None, DAY, "01-05T18:00", "the likelier of its own"),
        ("10:30", {18: 2, 9: 2}, None, DAY, "01-05T18:00", "of equal ones the next"),
        ("10:30", {10: 1}, None, DAY, "01-05T10:30", "it is that hour: at once"),
        ("10:30", {9: 9, 12: 1}, None, 2 * HOUR, "01-05T12:00", "the likeliest within the time"),
        ("10:00", {9: 9, 12: 1}, None, 2 * HOUR, "01-05T12:00", "the end of the time is in it"),
        ("10:30", {9: 9}, None, 25 * 60_000, "01-05T10:30", "no other hour begins within the time"),
        ("10:30", {}, PRIOR, DAY, "01-06T07:00", "everyone's"),
        ("10:30", {18: 3}, PRIOR, DAY, "01-06T07:00", "3 answers weigh less than half of 8"),
        ("10:30", {18: 5}, PRIOR, DAY, "01-05T18:00", "5 weigh more"),
        ("10:30", {8: 1}, PRIOR, DAY, "01-06T08:00", "an answer of its own decides between equals"),
        ("23:30", {23: 1}, None, DAY, "01-05T23:30", "the last hour of the day"),
    ],
)
def test_the_hour_that_is_chosen(now, own, prior, within, when, why):
    assert chosen(now, own, prior, within) == when, why


def test_why_is_told():
    choice = choose(at("10:30"), DAY, "UTC", {18: 5, 9: 1}, PRIOR)
    assert choice.why == {
        "hour": 18,
        "share": round(5 / 14, 4),
        "by": "own answers",
        "own": 5,
        "answers": 6,
        "everyone": 0.0,
        "version": 1,
    }


def test_hours_are_local_on_days_of_a_change_too():
    zurich = "Europe/Zurich"
    night = parse_instant("2026-03-28T23:30:00Z")  # 00:30 there; 02:00 to 03:00 does not occur
    assert format_instant(choose(night, DAY, zurich, {3: 2, 2: 9}, None).due) == "2026-03-29T01:00:00.000Z"
    autumn = parse_instant("2026-10-24T22:30:00Z")  # 00:30 there; 02:00 occurs twice, the first counts
    assert format_instant(choose(autumn, DAY, zurich, {2: 9}, None).due) == "2026-10-25T00:00:00.000Z"
    assert local_hour("Asia/Kathmandu", at("10:20")) == 16  # 05:45 ahead
    assert local_hour("America/New_York", parse_instant("0001-01-01T00:00:00Z")) == 0


@pytest.mark.parametrize("zone", ["UTC", "Europe/Zurich", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia"])
def test_the_chosen_hour_lies_within_the_time_and_is_the_one_that_clocks_show(zone):
    for days in range(0, 365, 7):
        now = at("10:30") + days * DAY + days * 37 * 60_000
        own = {days % 24: 2, (days * 5) % 24: 1}
        due, why = choose(now, DAY, zone, own, None)
        assert now <= due <= now + DAY
        assert local_hour(zone, due) == why["hour"]
        assert why["own"] == max(own.values()) or zone != "UTC"


def test_old_habits_fade():
    own: dict[int, int] = {}
    for _ in range(200):
        answered(own, 9)
    for _ in range(40):
        answered(own, 20)
    assert sum(own.values()) < LIMIT
    assert max(own, key=lambda hour: own[hour]) == 20
    other = {9: 60, 3: 1}
    merge(own, other)
    assert sum(own.values()) < LIMIT


def answer(name: str, contact: str = "u", **properties: Any) -> Event:
    return Event(name, properties={"send": "s", **properties}, user_id=contact)


def waiting(**fields: Any) -> dict[str, Any]:
    return journey(started_by(), node("best", "wait", best_time="24h"), **fields)


def test_a_run_waits_for_the_contacts_own_hour_and_says_why():
    scenario = Scenario(waiting()).at("01:00", traits(timezone="America/New_York"))
    scenario.at("tue 00:10", answer("email_opened")).at("wed 00:20", answer("email_clicked"))
    scenario.at("wed 10:00", answer("email_opened", machine=True)).at("wed 10:30", answer("email_opened"))
    scenario.at("wed 12:00", event("go")).until("sat 00:00").expect(exited("done", "thu 00:00"))
    changes = [decode_change(e.value) for e in scenario.entries if e.topic == CHANGES]
    (why,) = [c.value for c in changes if c.kind == "journey_step" and c.reason == "waiting"]
    assert (why["hour"], why["own"], why["answers"]) == (19, 2, 3)


def test_a_contact_of_whom_nothing_is_known_takes_everyones_hour_or_passes_at_once():
    Scenario(waiting()).at("10:00", event("go")).expect(exited("done", "10:00"))
    everyone = {"kind": "send_time", "id": "default", "hours": [0] * 15 + [100] + [0] * 8}
    Scenario(waiting(), everyone).at("10:00", event("go")).until("18:00").expect(exited("done", "15:00"))


def test_what_a_contact_knew_goes_with_it_into_the_one_that_it_becomes_a_part_of():
    scenario = Scenario(waiting()).at("tue 20:10", answer("email_opened", "anon"))
    scenario.at("wed 08:00", Event("alias", previous_id="anon", user_id="u")).at("wed 09:00", event("go"))
    scenario.until("thu 09:00").expect(exited("done", "wed 20:00"))
    state = scenario.replay.open("u")
    assert state is not None
    assert state.get(scoring.SECTION).hours == {20: 1}


def test_hours_that_say_nothing_are_refused():
    for hours in ([1] * 23, [0] * 24, [-1] + [1] * 23):
        with pytest.raises(InvalidInput):
            parse({"kind": "send_time", "id": "default", "hours": hours})
    with pytest.raises(InvalidInput):
        parse(waiting() | {"nodes": [{"id": "best", "type": "wait", "best_time": "0s"}]})
