"""Conditions: the first branch that holds, asked when the node is entered."""

from __future__ import annotations

import pytest

from tests.flows.journeys.scenario import Scenario, event, exited, journey, node, pause, segment, started_by, traits

YES, NO = node("y", "exit", reason="yes"), node("n", "exit", reason="no")


def asking(if_: dict, *more) -> Scenario:
    nodes = [started_by(), node("ask", "condition", if_=if_), YES, NO]
    return Scenario(*more, journey(*nodes, edges=["start -> ask", "ask -> y: yes", "ask -> n: no"]))


@pytest.mark.parametrize(("total", "answer"), [(101, "yes"), (100, "no"), ("101", "no"), (None, "no")])
def test_the_entry_is_asked_as_a_trait_is(total, answer):
    asking({"entry": "properties.total", "op": "gt", "value": 100}).at("10:00", event("go", total=total)).expect(
        exited(answer, "10:00")
    )


def test_a_record_is_part_of_the_history_that_its_own_conditions_see():
    asking({"performed": "go", "count": {"op": "eq", "value": 2}}).at("10:00", event("go")).at(
        "11:00", event("go")
    ).expect(exited("no", "10:00"), exited("yes", "11:00"))


def test_a_segment_is_asked_as_it_is_at_this_record():
    vip = segment("vip", {"performed": "go"})
    asking({"segment": "vip"}, vip).at("10:00", event("go")).expect(exited("yes", "10:00"))


def test_the_first_branch_that_holds_is_taken_and_else_names_the_rest():
    gold = {"name": "gold", "if": {"trait": "plan", "op": "eq", "value": "gold"}}
    any_ = {"name": "any", "if": {"trait": "plan", "op": "exists"}}
    ends = [node(id, "exit", reason=id) for id in ("g", "a", "r")]
    nodes = [started_by(), pause("1h"), node("ask", "condition", branches=[gold, any_], else_="rest"), *ends]
    edges = ["start -> pause", "pause -> ask", "ask -> g: gold", "ask -> a: any", "ask -> r: rest"]
    scenario = Scenario(journey(*nodes, edges=edges)).at("10:00", event("go")).at("11:00", traits(plan="gold"))
    scenario.at("12:00", event("go")).until("13:00").at("14:00", traits(plan="red"), event("go")).until("15:00")
    scenario.expect(exited("r", "11:00"), exited("g", "13:00"), exited("a", "15:00"))


def test_what_a_pinned_version_asks_accumulates_on():
    bought = node("ask", "condition", if_={"performed": "order", "within": "9d"})
    first = journey(
        started_by(),
        pause("2h"),
        bought,
        YES,
        NO,
        edges=["start -> pause", "pause -> ask", "ask -> y: yes", "ask -> n: no"],
    )
    Scenario(first).at("10:00", event("go")).publish("10:30", journey(started_by(), pause("1h"))).at(
        "11:00", event("order")
    ).until("12:00").expect(exited("yes", "12:00"))
