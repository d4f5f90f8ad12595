"""Splits whose shares were decided: who comes later takes them, who has passed stays, and replays decide alike."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from flows.definitions.catalogue import Published
from flows.experiments.references import experiment_faults
from schemas.definitions import parse
from schemas.errors import InvalidInput
from schemas.ids import bucket
from tests.flows.journeys.scenario import Scenario, event, journey, message, node, started_by

ARMS = [{"name": "a", "share": 50}, {"name": "b", "share": 50}]
WINNER = {"metric": {"event": "bought"}, "min_samples": 10}
CONTACTS = [f"c{i}" for i in range(60)]


def a_split(arms: Any = ARMS, goal: Any = None, **rule: Any) -> dict[str, Any]:
    ends = [node(f"end-{arm['name']}", "exit", reason=arm["name"]) for arm in arms]
    edges = ["start -> ab", *(f"ab -> end-{arm['name']}: {arm['name']}" for arm in arms)]
    more = {} if goal is None else {"goal": goal}
    return journey(started_by(), node("ab", "split", arms=arms, **rule), *ends, edges=edges, **more)


def decision(form: str = "", **shares: float) -> dict[str, Any]:
    arms = [{"name": name, "share": share} for name, share in shares.items()]
    return {"kind": "experiment", "id": "j.ab", "journey": "j", "node": "ab", "form": form, "arms": arms}


def published(body: dict[str, Any], version: int) -> Published:
    return Published("experiment", body["id"], version, body, 0)


def form_of(body: dict[str, Any]) -> str:
    return next(node.form for node in parse(body).nodes if node.id == "ab")


def taken(scenario: Scenario) -> list[str]:
    return [said.what for said in scenario.said if said.kind == "exited"]


def by_hash(contact: str) -> str:
    return "a" if bucket("j/ab", contact) < 50 else "b"


def test_before_a_decision_the_hash_decides():
    scenario = Scenario(a_split(winner=WINNER)).at("10:00", *(event("go", c) for c in CONTACTS))
    assert taken(scenario) == [by_hash(c) for c in CONTACTS]


def test_who_comes_after_the_decision_takes_the_winner_and_who_passed_before_stays():
    body = a_split(winner=WINNER)
    scenario = Scenario(body).at("10:00", *(event("go", c) for c in CONTACTS[:30]))
    scenario.publish("11:00", decision(form_of(body), a=0, b=100))
    scenario.at("12:00", *(event("go", c) for c in CONTACTS))
    assert taken(scenario)[30:] == [by_hash(c) for c in CONTACTS[:30]] + ["b"] * 30


def test_a_decision_on_another_form_of_the_split_holds_for_nobody():
    body = a_split(winner=WINNER)
    other = a_split(winner={**WINNER, "min_samples": 11})
    scenario = Scenario(body).publish("09:00", decision(form_of(other), a=0, b=100))
    scenario.at("12:00", *(event("go", c) for c in CONTACTS))
    assert taken(scenario) == [by_hash(c) for c in CONTACTS]


def test_each_decision_of_a_bandit_throws_anew():
    body = a_split(bandit={"metric": {"event": "bought"}})
    scenario = Scenario(body).publish("09:00", decision(form_of(body), a=20, b=80))
    scenario.at("12:00", *(event("go", c) for c in CONTACTS))
    expected = ["a" if bucket("j/ab/1", c) < 20 else "b" for c in CONTACTS]
    assert taken(scenario) == expected
    assert Counter(expected)["a"] in range(4, 22)


def test_the_arm_of_a_run_is_the_variant_of_its_messages():
    arms = ["ab -> mail-a: a", "ab -> mail-b: b", "mail-a -> end", "mail-b -> end"]
    body = journey(
        started_by(),
        node("ab", "split", arms=ARMS),
        message("mail-a"),
        message("mail-b"),
        node("end", "exit"),
        edges=["start -> ab", *arms],
    )
    scenario = Scenario(body).at("10:00", *(event("go", c) for c in CONTACTS[:5]))
    assert [send.variant for send in scenario.sends()] == [by_hash(send.contact) for send in scenario.sends()]


@pytest.mark.parametrize(
    ("body", "path", "message"),
    [
        (a_split(winner=WINNER, bandit={"metric": "clicked"}), "nodes", "either `winner` or `bandit`"),
        (a_split(winner={"metric": "liked"}), "nodes", "must be 'delivered', 'opened', 'clicked' or 'goal'"),
        (a_split(winner={"metric": "goal"}), "nodes.ab.metric", "the journey has no `goal`"),
        (a_split(winner={"metric": "clicked", "confidence": 1}), "nodes", "less than 1"),
        (
            a_split(
                winner={"metric": {"event": "x", "where": [{"property": "p", "op": "within_last", "value": "1d"}]}}
            ),
            "nodes",
            "cannot ask within_last",
        ),
        (decision(a=50, b=49), "arms", "the shares sum to 99"),
        ({**decision(a=100), "id": "other"}, "id", "must be 'j.ab'"),
    ],
)
def test_what_cannot_be_is_said_with_its_place(body, path, message):
    with pytest.raises(InvalidInput) as refused:
        parse(body)
    assert any(path in str(v.path) and message in v.message for v in refused.value.violations), refused.value.violations


def test_an_arm_whose_edge_is_shared_cannot_be_measured():
    body = a_split(winner=WINNER)
    del next(edge for edge in body["edges"] if edge.get("branch") == "a")["branch"]
    with pytest.raises(InvalidInput, match="arm 'a' has no edge of its own"):
        parse(body)


def test_all_faults_of_a_split_come_at_once():
    body = a_split(winner={"metric": "liked", "after": "0s"}, bandit={"metric": "clicked"})
    body["nodes"][1]["arms"] = [{"name": "a", "share": 50}, {"name": "a", "share": 40}]
    with pytest.raises(InvalidInput) as refused:
        parse(body)
    messages = [v.message for v in refused.value.violations if v.path.startswith("nodes")]
    for expected in ("'clicked' or 'goal'", "longer than nothing", "sum to 90", "arm names are 'a'", "not both"):
        assert any(expected in message for message in messages), expected


@pytest.mark.parametrize(
    ("body", "path", "message"),
    [
        (decision(a=100) | {"journey": "gone", "id": "gone.ab"}, "journey", "there is no journey 'gone'"),
        (decision(a=100) | {"node": "start", "id": "j.start"}, "node", "has no split 'start'"),
        (decision(a=50, z=50), "arms", "has no arm 'z'; it has a, b"),
    ],
)
def test_a_decision_on_what_is_not_there_is_not_published(body, path, message):
    known = {("journey", "j"): a_split(winner=WINNER)}
    (fault,) = experiment_faults(parse(body).model_dump(), known)
    assert (fault.path, message in fault.message) == (path, True)
    assert experiment_faults(decision(a=100), known) == []
