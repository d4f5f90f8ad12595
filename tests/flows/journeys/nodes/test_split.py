"""Splits: shares by hash, the same arm every time."""

from __future__ import annotations

from collections import Counter

from schemas.ids import bucket
from tests.flows.journeys.scenario import Scenario, event, journey, node, started_by


def split(*shares: float) -> dict:
    arms = [{"name": f"arm{i}", "share": share} for i, share in enumerate(shares)]
    ends = [node(f"end{i}", "exit", reason=f"arm{i}") for i in range(len(shares))]
    edges = ["start -> ab", *(f"ab -> end{i}: arm{i}" for i in range(len(shares)))]
    return journey(started_by(), node("ab", "split", arms=arms), *ends, edges=edges)


def arms(body: dict, contacts: list[str], rounds: int = 1) -> list[tuple[str, str]]:
    scenario = Scenario(body)
    for n in range(rounds):
        scenario.at(f"1{n}:00", *(event("go", contact) for contact in contacts))
    return [said.what for said in scenario.said if said.kind == "exited"]


def test_a_contact_takes_the_arm_whose_share_holds_its_bucket():
    contacts = [f"c{i}" for i in range(200)]
    expected = ["arm0" if bucket("j/ab", c) < 20 else "arm1" if bucket("j/ab", c) < 50 else "arm2" for c in contacts]
    assert arms(split(20, 30, 50), contacts) == expected
    assert set(Counter(expected)) == {"arm0", "arm1", "arm2"}


def test_the_same_contact_takes_the_same_arm_again_and_in_a_later_version():
    contacts = [f"c{i}" for i in range(20)]
    taken = arms(split(50, 50), contacts, rounds=2)
    assert taken[:20] == taken[20:]
    scenario = Scenario(split(50, 50)).publish("09:00", split(50, 50))
    scenario.at("10:00", *(event("go", contact) for contact in contacts))
    assert [said.what for said in scenario.said if said.kind == "exited"] == taken[:20]


def test_an_arm_without_a_share_is_never_taken():
    assert set(arms(split(0, 100), [f"c{i}" for i in range(50)])) == {"arm1"}
