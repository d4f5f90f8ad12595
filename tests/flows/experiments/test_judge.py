"""Decisions on splits, from given figures; and a bandit that meets a population of known rates."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.experiments.judge import ArmSeen, Seen, decide
from flows.journeys.nodes.split import compile_decisions
from schemas.definitions import parse
from schemas.definitions.nodes import read_node
from schemas.ids import bucket
from schemas.times import DAY, HOUR
from tests.flows.journeys.test_splits_decided import published

WINNER = {"metric": "clicked", "min_samples": 100, "confidence": 0.95}


def split(**rule: Any):
    arms = [{"name": "a", "share": 50}, {"name": "b", "share": 50}]
    return read_node({"id": "ab", "type": "split", "arms": arms, **rule})


def seen(a: tuple[int, int], b: tuple[int, int], at: int = DAY) -> Seen:
    return Seen(at, 0, (ArmSeen("a", a[0], *a), ArmSeen("b", b[0], *b)))


def shares(body: dict[str, Any]) -> dict[str, float]:
    assert parse(body).kind == "experiment"
    return {arm["name"]: arm["share"] for arm in body["arms"]}


def test_the_arm_that_is_likely_enough_the_best_wins():
    made = decide("j", split(winner=WINNER), seen((100, 10), (100, 25)), None)
    assert made is not None
    assert shares(made) == {"a": 0, "b": 100}
    assert (made["id"], made["method"], made["reason"]) == ("j.ab", "winner", "confidence")
    figures = made["arms"][1]
    assert (figures["samples"], figures["successes"], figures["rate"]) == (100, 25, 0.25)
    assert figures["low"] < 0.25 < figures["high"]
    assert figures["best"] > 0.99


@pytest.mark.parametrize(
    ("figures", "why"),
    [
        (seen((99, 10), (200, 60)), "an arm lacks samples"),
        (seen((100, 20), (100, 22)), "neither is likely enough the best"),
        (Seen(DAY, None, (ArmSeen("a"), ArmSeen("b"))), "nobody has passed"),
    ],
)
def test_nothing_is_decided_while(figures, why):
    assert decide("j", split(winner=WINNER), figures, None) is None, why


def test_the_leader_wins_at_the_latest():
    rule = {**WINNER, "latest": "2d"}
    assert decide("j", split(winner=rule), seen((50, 5), (50, 6), 2 * DAY - 1), None) is None
    made = decide("j", split(winner=rule), seen((50, 5), (50, 6), 2 * DAY), None)
    assert made is not None
    assert (made["reason"], shares(made)) == ("latest", {"a": 0, "b": 100})


def test_a_winner_is_decided_once():
    made = decide("j", split(winner=WINNER), seen((100, 10), (100, 25)), None)
    assert decide("j", split(winner=WINNER), seen((500, 200), (500, 100)), made) is None


def test_a_bandit_says_nothing_where_nothing_was_learned():
    bandit = split(bandit={"metric": "goal"})
    made = decide("j", bandit, seen((10, 1), (10, 3)), None)
    assert made is not None
    assert decide("j", bandit, seen((10, 1), (10, 3)), made) is None
    assert decide("j", bandit, seen((10, 1), (11, 3)), made) is not None
    assert decide("j", bandit, seen((0, 0), (0, 0)), None) is None


def test_a_bandit_gives_most_to_the_better_arm_and_loses_less_than_equal_shares_do():
    """2,000 contacts, 100 between two decisions; who would click by which arm is a hash: 5% by a, 15% by b."""
    bandit, rates = split(bandit={"metric": "clicked", "every": "1h"}), {"a": 5.0, "b": 15.0}
    decision, counts, taken = None, {"a": [0, 0], "b": [0, 0]}, []
    for hour in range(20):
        for n in range(100):
            contact = f"c{hour}-{n}"
            bounds = (("a", 50.0), ("b", 100.0))
            if decision is not None:
                bounds = compile_decisions([published(decision, hour)])["j", "ab"].bounds
            place = bucket(f"j/ab/{hour}", contact)
            arm = next(name for name, end in bounds if place < end)
            taken.append(arm)
            counts[arm][0] += 1
            counts[arm][1] += bucket(f"would click by {arm}", contact) < rates[arm]
        figures = Seen((hour + 1) * HOUR, 0, tuple(ArmSeen(k, v[0], *v) for k, v in counts.items()))
        decision = decide("j", bandit, figures, decision) or decision
    assert taken[-500:].count("b") > 480
    assert 30 < taken[:100].count("b") < 70
    assert counts["a"][1] + counts["b"][1] > 2_000 * 0.10 * 1.25


@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 3_000)), min_size=2, max_size=5))
@settings(max_examples=60, deadline=None)
def test_whatever_is_seen_the_shares_of_a_bandit_are_a_decision_that_can_be_published(figures):
    arms = [{"name": f"arm{i}", "share": 100 if i == 0 else 0} for i in range(len(figures))]
    bandit = read_node({"id": "ab", "type": "split", "arms": arms, "bandit": {"metric": "clicked"}})
    told = tuple(ArmSeen(f"arm{i}", n + s, n + s, s) for i, (n, s) in enumerate(figures))
    made = decide("j", bandit, Seen(DAY, 0, told), None)
    if made is not None:
        assert sum(shares(made).values()) == pytest.approx(100, abs=1e-9)
        assert all(0 <= share <= 100 for share in shares(made).values())
