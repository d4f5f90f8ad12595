"""Runs in flight move to another version by a map of nodes, wait on as they did, get nothing twice, and move back."""

from __future__ import annotations

from typing import Any

from tests.flows.journeys.scenario import (
    Scenario,
    entered,
    event,
    exited,
    journey,
    message,
    node,
    pause,
    send,
    skipped,
    started_by,
    traits,
)

#   1:  start ─▶ mail ─▶ pause 4h ─▶ end ─▶ done
FIRST = journey(started_by(), message("mail"), pause("4h"), message("end"))


def second(length: str, **fields: Any) -> dict[str, Any]:
    """start ─▶ before ─▶ rest ─▶ mail ─▶ end ─▶ done: what came first comes later."""
    return journey(
        started_by(), message("before", template="other"), pause(length, id="rest"), message("mail"), message("end"),
        **fields,
    )  # fmt: skip


def moving(source: int = 1, target: int = 2, id: str = "m", **fields: Any) -> dict[str, Any]:
    return {"kind": "journey_migration", "id": id, "journey": "j", "from": source, "to": target, **fields}


def begun(to: dict[str, Any]) -> Scenario:
    """Version 2 is active from 10:30, after the run of 10:00 has been sent `mail` and rests."""
    return Scenario(FIRST).at("10:00", event("go")).publish("10:30", to)


def test_without_a_migration_a_run_stays_on_its_version():
    begun(second("1h")).until("20:00").expect(send("mail", "10:00"), send("end", "14:00"))


def test_a_wait_goes_on_counting_from_when_the_run_came_to_the_old_node_and_nothing_is_sent_twice():
    #  10:00 mail, pause        11:00 moved to rest, 6h since 10:00        16:00 mail was passed before; end
    story = begun(second("6h")).publish("11:00", moving(nodes={"pause": "rest"})).until("20:00")
    story.expect(send("mail", "10:00"), send("end", "16:00"))
    story.expect(skipped("mail", "passed_before", "16:00"))
    assert [m.version for m in story.sends()] == [1, 2]


def test_a_wait_that_is_over_by_the_new_version_passes_at_the_migration():
    story = begun(second("1h")).publish("13:00", moving(nodes={"pause": "rest"})).until("20:00")
    story.expect(send("mail", "10:00"), send("end", "13:00"), exited("done", "13:00"))


def test_who_is_elsewhere_stays_or_ends_as_it_is_stated():
    begun(second("1h")).publish("11:00", moving()).until("20:00").expect(exited("done", "14:00"))
    story = begun(second("1h")).publish("11:00", moving(unmapped="exit")).until("20:00")
    story.expect(exited("migrated", "11:00"))


def test_a_node_that_takes_the_place_of_another_counts_as_passed_by_the_map_or_by_its_template():
    renamed = journey(started_by(), pause("6h", id="rest"), message("letter"), message("end"))
    for nodes in ({"pause": "rest", "mail": "letter"}, {"pause": "rest"}):
        story = Scenario(journey(started_by(), message("mail"), pause("4h"), message("end", template="last")))
        story.at("10:00", event("go")).publish("10:30", renamed).publish("11:00", moving(nodes=nodes)).until("20:00")
        story.expect(skipped("letter", "passed_before", "16:00"))


def test_a_node_on_a_cycle_sends_again_for_that_is_what_a_cycle_does():
    def daily(every: str) -> dict[str, Any]:
        rest = node("pause", "wait", for_event={"event": "stop"}, timeout=every)
        edges = ["start -> mail", "mail -> pause", "pause -> mail: timeout", "pause -> done: happened"]
        return journey(started_by(), message("mail"), rest, edges=edges)

    story = Scenario(daily("2h")).at("10:00", event("go")).publish("10:30", daily("3h"))
    story.publish("11:00", moving(nodes={"pause": "pause"})).until("16:30")
    story.expect(send("mail", "10:00"), send("mail", "13:00"), send("mail", "16:00")).expect_no("skipped")


def test_taken_back_every_run_is_where_it_was_and_its_wait_ends_as_it_would_have():
    story = begun(second("6h")).publish("11:00", moving(nodes={"pause": "rest"}))
    story.at("11:30", traits("v", email="v@example.com"), event("go", "v"))
    back = moving(2, 1, "back", nodes={"rest": "pause"}, reverses="m")
    story.publish("12:00", back).until("23:00")
    at = ("10:00", "11:30", "14:00", "17:30", "17:30")
    story.expect(*map(send, ("mail", "before", "end", "mail", "end"), at))
    assert [(m.contact, m.version) for m in story.sends()] == [("u", 1), ("v", 2), ("u", 1), ("v", 2), ("v", 2)]


def test_taken_back_who_has_gone_on_is_where_the_map_says_or_stays():
    onward = journey(started_by(), pause("6h", id="rest"), message("call"), pause("6h", id="late"), message("end"))
    for nodes, ends in (({"late": "pause"}, "20:00"), ({}, "22:00")):
        story = begun(onward).publish("11:00", moving(nodes={"pause": "rest"})).until("16:30")
        story.publish("17:00", moving(2, 1, "back", nodes=nodes, reverses="m")).until("23:00")
        story.expect(send("mail", "10:00"), send("end", ends))


def test_a_goal_of_the_new_version_that_holds_already_ends_the_run_as_it_moves():
    goal = {"performed": "order", "within": "30d"}
    story = Scenario(FIRST, {"kind": "segment", "id": "s", "where": goal}).at("09:00", event("order"))
    story.at("10:00", event("go")).publish("10:30", second("1h", goal={"segment": "s"}))
    story.publish("11:00", moving(nodes={"pause": "rest"})).until("20:00")
    story.expect(exited("goal", "11:00"))


def test_a_wait_for_an_event_hears_what_the_new_version_asks_for():
    hears = journey(
        started_by(),
        node("look", "wait", for_event={"event": "seen"}, timeout="10h"),
        message("mail"),
        message("end"),
        edges=["start -> look", "look -> mail: happened", "look -> end: timeout", "mail -> end", "end -> done"],
    )
    story = begun(hears).publish("11:00", moving(nodes={"pause": "look"})).at("12:00", event("seen")).until("23:00")
    story.expect(send("mail", "10:00"), send("end", "12:00"))


def test_it_happens_once_and_only_to_those_who_are_there():
    story = begun(second("6h")).publish("11:00", moving(nodes={"pause": "rest"}))
    story.act("12:00", "rollback", "journey", "j", 1).at("12:30", traits("v", email="v@example.com"), event("go", "v"))
    story.until("23:00").expect(entered("10:00"), entered("12:30"))
    assert [(m.contact, m.version, m.node) for m in story.sends()] == [
        ("u", 1, "mail"),
        ("v", 1, "mail"),
        ("u", 2, "end"),
        ("v", 1, "end"),
    ]
