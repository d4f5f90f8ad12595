"""What ends a run, and what its goal counts (LANGUAGE, "Journeys": exit_when, goal, goal_window)."""

from __future__ import annotations

from tests.flows.journeys.scenario import (
    Scenario,
    converted,
    entered,
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

LEFT = node("left", "exit", reason="left")
ORDERED = {"performed": "order"}


def test_exit_when_acts_at_once_during_a_wait():
    Scenario(journey(started_by(), pause("1h"), message("m"), exit_when=ORDERED)).at("10:00", event("go")).at(
        "10:30", event("order")
    ).until("12:00").expect(exited("exit_when", "10:30")).expect_no("send")


def test_a_goal_ends_the_run_with_its_name_also_where_exit_when_holds_too():
    Scenario(journey(started_by(), pause("1h"), goal=ORDERED, exit_when=ORDERED)).at("10:00", event("go")).at(
        "10:30", event("order")
    ).expect(exited("goal", "10:30"))


def test_events_count_from_the_entry_on_and_the_opening_one_does_not():
    twice = journey(started_by("order"), pause("1h"), goal=ORDERED)
    Scenario(twice).at("09:00", event("order")).until("10:00").at("10:00", event("order")).at(
        "10:30", event("order")
    ).expect(entered("09:00"), exited("done", "10:00"), entered("10:00"), exited("goal", "10:30"), entered("10:30"))


def test_an_event_that_happened_before_the_entry_does_not_count():
    Scenario(journey(started_by(), pause("2h"), goal=ORDERED)).at("10:00", event("go")).at(
        "10:30", event("order"), happened="09:59:59.999"
    ).at("11:00", event("order"), happened="10:00").expect(exited("goal", "11:00"))


def test_a_leaf_with_a_window_looks_at_the_contact():
    recent = {"performed": "order", "within": "30d"}
    Scenario(journey(started_by(), pause("1h"), message("m"), exit_when=recent)).at("09:00", event("order")).at(
        "10:00", event("go")
    ).until("12:00").expect(entered("10:00"), exited("exit_when", "10:00")).expect_no("send", "step")


def test_a_trait_or_a_segment_ends_a_run_when_it_flips():
    vip = segment("vip", {"trait": "plan", "op": "eq", "value": "gold"})
    leave = {"or": [{"segment": "vip"}, {"trait": "tired", "op": "eq", "value": True}]}
    Scenario(vip, journey(started_by(), pause("3h"), exit_when=leave)).at("10:00", event("go")).at(
        "10:30", traits(plan="gold")
    ).at("11:00", traits(plan="red")).at("11:30", event("go")).at("12:00", traits(tired=True)).expect(
        exited("exit_when", "10:30"), exited("exit_when", "12:00")
    )


def test_time_alone_can_end_a_run():
    # of the contact: the login of 09:00 is out of its window at 11:00; of the run: not two orders for an hour
    Scenario(journey(started_by(), pause("9h"), exit_when={"not": {"performed": "login", "within": "2h"}})).at(
        "09:00", event("login")
    ).at("10:00", event("go")).until("12:00").expect(exited("exit_when", "11:00"))


def test_the_record_that_ended_a_run_may_begin_the_next_one():
    Scenario(journey(started_by(), pause("1h"), exit_when={"performed": "go"})).at("10:00", event("go")).at(
        "10:30", event("go")
    ).expect(entered("10:00"), exited("exit_when", "10:30"), entered("10:30"))


def test_goals_of_runs_that_ended_are_counted_within_the_window():
    bought = journey(started_by(), message("m"), goal=ORDERED, goal_window="1h", key="properties.n")
    Scenario(bought).at("10:00", event("go", n=1)).at("10:59:59.999", event("order")).expect(converted("10:59:59.999"))
    Scenario(bought).at("10:00", event("go", n=1)).at("11:00", event("order")).expect_no("converted")


def test_a_goal_is_counted_once():
    bought = journey(started_by(), message("m"), goal=ORDERED)
    Scenario(bought).at("10:00", event("go")).at("11:00", event("order")).at("12:00", event("order")).expect(
        converted("11:00")
    )


def test_within_run_means_since_the_entry_anywhere_in_a_journey():
    ask = node("ask", "condition", if_={"performed": "order", "within": "run"})
    nodes = [
        started_by(),
        pause("1h"),
        ask,
        message("thank"),
        node("done", "exit"),
        node("left", "exit", reason="left"),
    ]
    edges = ["start -> pause", "pause -> ask", "ask -> thank: yes", "ask -> left: no", "thank -> done"]
    Scenario(journey(*nodes, edges=edges)).at("09:00", event("order")).at("10:00", event("go")).until("11:00").at(
        "12:00", event("go")
    ).at("12:30", event("order")).until("14:00").expect(exited("left", "11:00"), exited("completed", "13:00"))


def test_messages_of_this_run_by_node():
    opened = node("ask", "condition", if_={"message": "opened", "node": "m"})
    nodes = [started_by(), message("m"), pause("1h"), opened, node("done", "exit"), LEFT]
    edges = ["start -> m", "m -> pause", "pause -> ask", "ask -> done: yes", "ask -> left: no"]
    scenario = Scenario(journey(*nodes, edges=edges, key="properties.n")).at(
        "10:00", event("go", n=1), event("go", n=2)
    )
    first = scenario.sends()[0]
    scenario.at("10:30", scenario.outcome("email_opened", first)).until("12:00").expect(
        exited("completed", "11:00"), exited("left", "11:00")
    )


def test_a_loop_that_passes_without_rest_is_stopped_with_a_reason():
    nodes = [started_by(), pause("0s"), message("m")]
    edges = ["start -> pause", "pause -> m", "m -> pause"]
    Scenario(journey(*nodes, node("done", "exit"), edges=[*edges, "m -> done: skipped"])).at(
        "10:00", event("go")
    ).expect(send("m", "10:00"), exited("step_limit", "10:00"))
