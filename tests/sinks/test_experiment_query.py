"""What became of a split's arms: ClickHouse against a plain count over the same records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from flows.experiments.judge import ArmSeen, Seen
from schemas.definitions.nodes import read_node
from schemas.records import Entry, Send, encode
from schemas.times import HOUR
from sinks.experiment_query import Question, seen
from tests.api.reading import T, World, change, event, world

AT = T + 20 * HOUR
AFTER = 6 * HOUR


def split(metric: Any):
    arms = [{"name": name, "share": share} for name, share in (("a", 50), ("b", 30), ("c", 20))]
    return read_node({"id": "ab", "type": "split", "arms": arms, "winner": {"metric": metric, "after": "6h"}})


class History:
    """Passes and what followed, at random; instants on a coarse grid, so that edges are hit."""

    def __init__(self, seed: int):
        dice = Random(seed)
        self.passes: list[tuple[str, str, str, int, int]] = []  # contact, run, arm, at, version
        self.messages: list[tuple[str, str, int, str, int, bool]] = []  # run, send, planned, outcome, at, machine
        self.goals: list[tuple[str, int]] = []  # run, at
        self.orders: list[tuple[str, int, int]] = []  # contact, total, at
        for n in range(300):
            contact, arm = f"c{n % 200}", dice.choice("ab")
            at = T + dice.randrange(20) * HOUR
            run, version = f"run{n}", dice.choice((1, 2, 2, 3))
            self.passes.append((contact, run, arm, at, version))
            if dice.random() < 0.7:
                planned = at + dice.choice((-HOUR, 0, 0, HOUR))
                for outcome in ("delivered", "opened", "clicked"):
                    if dice.random() < 0.5:
                        told = planned + dice.randrange(9) * HOUR
                        self.messages.append((run, f"send{n}", planned, outcome, told, dice.random() < 0.2))
            if dice.random() < 0.4:
                self.goals.append((run, at + dice.randrange(9) * HOUR))
            if dice.random() < 0.5:
                self.orders.append((contact, dice.choice((50, 150)), at + dice.randrange(-2, 9) * HOUR))

    def entries(self) -> Iterator[Entry]:
        for contact, run, arm, at, version in self.passes:
            more = {"journey": "j", "run": run, "version": version}
            yield change(contact, "journey_step", f"{run}-ab", at, node="ab", branch=arm, **more)
            yield change(contact, "journey_step", f"{run}-next", at, node="next", branch="a", **more)
        for n, (run, at) in enumerate(self.goals):
            how = ("journey_exited", "goal") if n % 2 else ("journey_converted", "")
            yield change(self._of(run), how[0], f"goal{n}", at, journey="j", run=run, reason=how[1])
            yield change(self._of(run), "journey_exited", f"end{n}", at - HOUR, journey="j", run=run, reason="other")
        for run, send, planned, outcome, at, machine in self.messages:
            contact = self._of(run)
            made = Send(send, contact, planned, planned + HOUR, "email", journey="j", run=run, node="mail")
            yield Entry("sends", contact, encode(made))
            properties = {"send": send, "machine": machine}
            yield event(contact, f"email_{outcome}", f"{send}-{outcome}", at, properties=properties, received_at=at)
        for n, (contact, total, at) in enumerate(self.orders):
            yield event(contact, "track", f"order{n}", at, event="order_completed", properties={"total": total})

    def _of(self, run: str) -> str:
        return next(contact for contact, of, *_ in self.passes if of == run)

    def hits(self, metric: Any, contact: str, run: str, passed: int) -> list[int]:
        if metric == "goal":
            return [at for of, at in self.goals if of == run]
        if isinstance(metric, dict):
            least = 100 if metric.get("where") else 0
            return [at for of, total, at in self.orders if of == contact and total > least]
        enough = {
            "delivered": ("delivered", "opened", "clicked"),
            "opened": ("opened", "clicked"),
            "clicked": ("clicked",),
        }
        return [
            at
            for of, _, planned, outcome, at, machine in self.messages
            if of == run
            and planned >= passed
            and outcome in enough[metric]
            and not (machine and outcome in ("opened", "clicked"))
        ]

    def count(self, metric: Any, versions: list[int]) -> Seen:
        first: dict[str, tuple[int, str, str]] = {}
        for contact, run, arm, at, version in self.passes:
            if version in versions and at <= AT:
                mine = (at, f"{run}-ab", run, arm)
                first[contact] = min(first.get(contact, mine), mine)
        arms = {name: [0, 0, 0] for name in "abc"}
        for contact, (passed, _, run, arm) in first.items():
            is_sample = passed + AFTER <= AT
            hit = any(passed <= at <= passed + AFTER for at in self.hits(metric, contact, run, passed))
            arms[arm][0] += 1
            arms[arm][1] += is_sample
            arms[arm][2] += is_sample and hit
        told = tuple(ArmSeen(name, *counts) for name, counts in arms.items())
        return Seen(AT, min(passed for passed, *_ in first.values()), told)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, History]]:
    with world(Path(tmp_path_factory.mktemp("experiments"))) as made:
        history = History(3)
        made.tell(*history.entries())
        yield made, history


BIG_ORDER = {"event": "order_completed", "where": [{"property": "total", "op": "gt", "value": 100}]}


@pytest.mark.parametrize(
    "metric",
    [
        "delivered",
        "opened",
        "clicked",
        "goal",
        {"event": "order_completed"},
        {"event": {"starts_with": "ord"}},
        BIG_ORDER,
    ],
)
@pytest.mark.parametrize("versions", [[1], [2, 3]])
def test_the_arms_are_counted_as_by_hand(told, metric, versions):
    made, history = told
    found = seen(made.clickhouse.query, Question("j", split(metric), versions, AT))
    assert found == history.count(metric, versions)
    assert sum(arm.successes for arm in found.arms) > 5
    assert found.arms[2] == ArmSeen("c")


def test_of_a_split_that_nobody_passed_nothing_is_known(told):
    made, _ = told
    nobody = seen(made.clickhouse.query, Question("other", split("clicked"), [1], AT))
    assert nobody == Seen(AT, None, (ArmSeen("a"), ArmSeen("b"), ArmSeen("c")))
