"""Priority between journeys: at one instant the higher one goes first, waits and entries alike."""

from __future__ import annotations

import pytest

from schemas.definitions import parse
from schemas.errors import InvalidInput
from schemas.records import Event
from tests.flows.journeys.scenario import Scenario, event, journey, message, pause, skipped, started_by


def of(id: str, priority: int = 0, wait: str = "", start: str = "go") -> dict:
    """A journey whose message's node is named like it; it waits before it where that is asked."""
    nodes = [started_by(start), *([pause(wait)] if wait else []), message(f"mail-{id}")]
    return journey(*nodes, id=id, priority=priority)


def sent(scenario: Scenario) -> list[str]:
    return [send.journey for send in scenario.sends()]


def test_entries_of_one_instant_go_by_priority_then_by_id():
    scenario = Scenario(of("a"), of("b", 5), of("c", 5), of("d", -1)).at("10:00", event("go"))
    assert sent(scenario) == ["b", "c", "a", "d"]


def test_waits_that_end_at_one_instant_go_by_priority_then_in_the_order_of_entry():
    bodies = of("first", 0, "3h", "one"), of("second", 5, "2h", "two"), of("third", 5, "1h", "three")
    scenario = Scenario(*bodies).at("09:00", event("one")).at("10:00", event("two")).at("11:00", event("three"))
    assert sent(scenario.until("12:00")) == ["second", "third", "first"]


def test_an_entry_of_a_higher_priority_goes_before_a_wait_of_a_lower_one():
    waits = journey(
        started_by("begin"),
        {"id": "w", "type": "wait", "for_event": {"event": "go"}},
        message("m"),
        id="waits",
    )
    scenario = Scenario(waits, of("high", 1)).at("09:00", event("begin")).at("10:00", event("go"))
    assert sent(scenario) == ["high", "waits"]
    scenario = Scenario(waits, of("equal")).at("09:00", event("begin")).at("10:00", event("go"))
    assert sent(scenario) == ["waits", "equal"]


def test_where_a_cap_leaves_room_for_one_it_is_the_higher_ones():
    cap = {"kind": "frequency_cap", "id": "one", "channel": "email", "max": 1, "within": "7d"}
    bodies = [of("a") | {"class": "marketing"}, of("b", 5) | {"class": "marketing"}]
    said = {"channel": "email", "topic": "default", "status": "subscribed"}
    scenario = Scenario(*bodies, cap).at("09:00", Event("consent_changed", properties=said, user_id="u"))
    scenario.at("10:00", event("go"))
    assert sent(scenario) == ["b"]
    scenario.expect(skipped("mail-a", "frequency_cap", "10:00"))


def test_it_is_the_active_versions_priority_that_counts():
    bodies = of("a", 0, "2h"), of("b", 0, "2h")
    scenario = Scenario(*bodies).at("10:00", event("go")).publish("11:00", of("b", 9, "2h")).until("12:00")
    assert sent(scenario) == ["b", "a"]


def test_a_priority_is_a_whole_number():
    for priority in (1.5, 1001, "high"):
        with pytest.raises(InvalidInput):
            parse(of("a") | {"priority": priority})
