"""What passes without the section being opened, and what must not: earlier versions listen too."""

from __future__ import annotations

import pytest

from flows.journeys.run import SECTION
from tests.flows.journeys.scenario import (
    Scenario,
    event,
    exited,
    journey,
    message,
    node,
    pause,
    segment,
    send,
    started_by,
    traits,
)

PAID = node("w", "wait", for_event={"event": "paid"})
LINE = ["start -> w", "w -> m: happened", "m -> done"]


def waiting() -> dict:
    return journey(started_by(), PAID, message("m"), node("done", "exit"), edges=LINE)


@pytest.mark.parametrize("record", [event("page_viewed"), event("paid"), traits(plan="gold")])
def test_who_never_entered_has_no_section_whatever_happens(record):
    scenario = Scenario(segment("vip", {"trait": "plan", "op": "eq", "value": "gold"}), waiting()).at("10:00", record)
    state = scenario.replay.open("u")
    assert state is not None
    assert not state.has(SECTION)


def test_a_run_on_an_earlier_version_still_hears_what_it_waits_for():
    Scenario(waiting()).at("10:00", event("go")).publish("11:00", journey(started_by("other"), pause("1h"))).at(
        "12:00", event("paid")
    ).expect(send("m", "12:00"))


def test_a_run_on_an_earlier_version_still_ends_by_its_own_rule():
    first = journey(started_by(), pause("9h"), exit_when={"performed": "stop"})
    Scenario(first).at("10:00", event("go")).publish("11:00", journey(started_by(), pause("1h"))).at(
        "12:00", event("stop")
    ).expect(exited("exit_when", "12:00"))


def test_a_version_that_was_rolled_back_from_keeps_its_runs():
    second = journey(
        started_by(),
        PAID,
        message("late"),
        node("done", "exit"),
        edges=[
            "start -> w",
            *(
                edge.replace("m", "late") if edge.startswith("m") else edge.replace("-> m", "-> late")
                for edge in LINE[1:]
            ),
        ],
    )
    Scenario(journey(started_by("never"), pause("1h"))).publish("09:00", second).at("10:00", event("go")).act(
        "11:00", "rollback", "journey", "j", 1
    ).at("12:00", event("paid")).expect(send("late", "12:00"))


def test_no_keys_are_remembered_where_no_rule_can_ask_for_them():
    keyed = journey(started_by(), message("m"), key="properties.order")
    scenario = Scenario(keyed).at("10:00", *(event("go", order=n) for n in range(20)))
    state = scenario.replay.open("u")
    assert state is not None
    assert state.get(SECTION).past == {}
