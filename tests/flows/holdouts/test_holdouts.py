"""Universal holdouts: who is held out, since when, what follows for journeys and messages, and the periods."""

from __future__ import annotations

from typing import Any

import pytest

from flows.definitions.catalogue import Published
from flows.holdouts.compile import compile_holdouts, held_by
from schemas.definitions import parse
from schemas.errors import InvalidInput
from schemas.ids import bucket
from schemas.records import Event, decode_change, decode_send
from schemas.times import format_instant, parse_instant
from schemas.topics import CHANGES, SENDS
from tests.flows.journeys.scenario import Scenario, event, journey, message, pause, started_by, traits

CONTACTS = [f"c{i}" for i in range(40)]
MARKETING = {"class_": "marketing"}


def holdout(share: float = 25, **fields: Any) -> dict[str, Any]:
    return {"kind": "holdout", "id": "h", "share": share, **fields}


def held(salt: str = "h", share: float = 25) -> list[str]:
    return [c for c in CONTACTS if bucket(salt, c) < share]


def flips(scenario: Scenario) -> list[tuple[str, str, str, str]]:
    changes = [decode_change(e.value) for e in scenario.entries if e.topic == CHANGES]
    return [
        (c.kind.removeprefix("holdout_"), c.contact, c.value, format_instant(c.at)[:16])
        for c in changes
        if c.kind.startswith("holdout_")
    ]


def came(scenario: Scenario, when: str = "10:00") -> Scenario:
    said = [traits(c, email=f"{c}@example.com") for c in CONTACTS]
    yes = [consent(c) for c in CONTACTS]
    return scenario.at(when, *said, *yes, *(event("go", c) for c in CONTACTS))


def consent(contact: str) -> Event:
    said = {"channel": "email", "topic": "default", "status": "subscribed"}
    return Event("consent_changed", properties=said, user_id=contact)


def test_who_is_held_out_is_said_once_and_enters_no_marketing_journey():
    scenario = came(Scenario(journey(started_by(), message("mail"), **MARKETING), holdout()))
    assert [f[:3] for f in flips(scenario) if f[1] != "u"] == [("entered", c, "h") for c in held()]
    refused = [decode_change(e.value) for e in scenario.entries if e.topic == CHANGES]
    refused = [c for c in refused if c.kind == "journey_refused"]
    assert [(c.contact, c.reason, c.holdout) for c in refused] == [(c, "holdout", "h") for c in held()]
    assert {send.contact for send in scenario.sends()} == set(CONTACTS) - set(held())


def test_transactional_journeys_and_messages_do_not_care():
    scenario = came(Scenario(journey(started_by(), message("mail")), holdout(share=100)))
    assert {send.contact for send in scenario.sends()} == set(CONTACTS)


def test_a_holdout_of_sends_alone_lets_runs_begin_and_skips_their_messages():
    body = journey(started_by(), message("mail"), **MARKETING)
    scenario = came(Scenario(body, holdout(applies_to=["sends"])))
    skips = [(s.what, s.at) for s in scenario.said if s.kind == "skipped"]
    assert len(skips) == len(held())
    assert {what for what, _ in skips} == {"mail: holdout"}
    assert sum(said.kind == "entered" for said in scenario.said) == len(CONTACTS)


def test_a_run_that_had_begun_before_sends_nothing_to_who_is_held_out_now():
    body = journey(started_by(), pause("2h"), message("mail"), **MARKETING)
    scenario = came(Scenario(body)).publish("11:00", holdout()).until("13:00")
    assert {f[1:] for f in flips(scenario) if f[1] != "u"} == {(c, "h", "2026-01-05T11:00") for c in held()}
    assert {send.contact for send in scenario.sends()} == set(CONTACTS) - set(held())


@pytest.mark.parametrize(("uses", "recalled"), [(["journeys", "sends"], True), (["journeys"], False)])
def test_what_was_planned_before_and_still_waits_is_recalled_from_who_is_held_out_now(uses: list[str], recalled: bool):
    body = journey(started_by(), message("mail"), **MARKETING)
    scenario = came(Scenario(body)).publish("11:00", holdout(applies_to=uses)).at("12:00", event("go", held()[0]))
    scenario.publish("13:00", holdout(share=30, applies_to=uses))
    sends = [decode_send(e.value) for e in scenario.entries if e.topic == SENDS]
    told = [(s.contact, s.channel, s.recall, s.message_class) for s in sends if s.recall and s.contact != "u"]
    expected = [(c, "", "holdout", "marketing") for c in held(share=30)] if recalled else []
    assert sorted(told) == sorted(expected)


def test_who_is_new_has_nothing_that_could_be_recalled():
    scenario = came(Scenario(holdout()))
    assert not [e for e in scenario.entries if e.topic == SENDS]


def test_a_new_salt_or_the_end_of_the_holdout_is_history_too():
    scenario = came(Scenario(holdout())).publish("11:00", holdout(salt="q2")).act("12:00", "delete", "holdout", "h")
    told = [f for f in flips(scenario) if f[1] != "u"]
    assert sorted(told) == sorted(
        [("entered", c, "h", "2026-01-05T10:00") for c in held()]
        + [("left", c, "h", "2026-01-05T11:00") for c in held()]
        + [("entered", c, "q2", "2026-01-05T11:00") for c in held("q2")]
        + [("left", c, "q2", "2026-01-05T12:00") for c in held("q2")]
    )


def test_a_period_draws_anew_at_its_local_beginning():
    zone = {"kind": "workspace", "id": "default", "timezone": "Europe/Zurich"}
    scenario = came(Scenario(zone, holdout(period="quarter"))).until("2026-03-31T21:59:59.999Z")
    assert {f[2] for f in flips(scenario)} <= {"h/2026-01"}
    scenario.until("2026-07-01T00:00:00Z")
    begun = {(c, at) for kind, c, salt, at in flips(scenario) if kind == "entered" and salt == "h/2026-04" and c != "u"}
    assert begun == {(c, "2026-03-31T22:00") for c in held("h/2026-04")}
    left = {c for kind, c, salt, _ in flips(scenario) if kind == "left" and salt == "h/2026-01" and c != "u"}
    assert left == set(held("h/2026-01"))


@pytest.mark.parametrize(
    ("period", "at", "salt", "ends"),
    [
        ("month", "2026-12-31T23:59:59.999Z", "h/2026-12", "2027-01-01T00:00:00.000Z"),
        ("month", "2026-02-01T00:00:00Z", "h/2026-02", "2026-03-01T00:00:00.000Z"),
        ("quarter", "2026-11-15T12:00:00Z", "h/2026-10", "2027-01-01T00:00:00.000Z"),
        ("quarter", "2026-05-15T12:00:00Z", "h/2026-04", "2026-07-01T00:00:00.000Z"),
        ("year", "2026-05-15T12:00:00Z", "h/2026-01", "2027-01-01T00:00:00.000Z"),
    ],
)
def test_the_periods_of_the_calendar(period, at, salt, ends):
    (made,) = compile_holdouts([Published("holdout", "h", 1, holdout(period=period), 0)], "UTC")
    instant = parse_instant(at)
    assert (made.salt_at(instant), format_instant(made.ends(instant))) == (salt, ends)
    assert held_by("c1", [made], instant) == ({"h": salt} if bucket(salt, "c1") < 25 else {})


def test_who_is_held_out_is_watched_for_the_goal_as_a_run_would_be():
    goal = {"performed": "bought"}
    body = journey(started_by(), pause("1h"), goal=goal, goal_window="1d", holdout=100)
    scenario = Scenario(body).at("09:00", event("bought")).at("10:00", event("go")).at("11:00", event("go"))
    scenario.at("12:00", event("bought")).at("13:00", event("bought"))
    told = [decode_change(e.value) for e in scenario.entries if e.topic == CHANGES]
    refused = [c for c in told if c.kind == "journey_refused"]
    assert [(c.reason, bool(c.run)) for c in refused] == [("holdout", True), ("holdout", False)]
    assert [(c.run, c.reason, c.at) for c in told if c.kind == "journey_converted"] == [
        (refused[0].run, "holdout", parse_instant("2026-01-05T12:00:00Z"))
    ]
    late = Scenario(body).at("10:00", event("go")).at("tue 10:00", event("bought"))
    late.expect_no("converted")


def test_what_a_holdout_cannot_be():
    for fields in ({"share": 0}, {"share": 101}, {"applies_to": []}, {"period": "week"}):
        with pytest.raises(InvalidInput):
            parse(holdout() | fields)
