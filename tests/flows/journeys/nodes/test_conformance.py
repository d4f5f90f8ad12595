"""Every node type: the same answer on repeat, a wake later than now, and a state that survives its encoding.

Each type stands in a small journey; the whole state is encoded and decoded between any two records, so a run that did
not survive would show. `SAMPLES` must name every type, so a new one cannot be left out.
"""

from __future__ import annotations

from typing import Any

import pytest

from flows.journeys.run import SECTION
from schemas.definitions import nodes as written
from tests.flows.journeys.scenario import Scenario, event, instant, journey, message, node, segment, started_by, traits

VIP = segment("vip", {"trait": "plan", "op": "eq", "value": "gold"})
SAMPLES: dict[type, dict[str, Any]] = {
    written.WaitFor: {"type": "wait", "for_": "1h"},
    written.WaitUntil: {"type": "wait", "until": "18:00"},
    written.WaitWindow: {"type": "wait", "window": {"from": "18:00", "to": "19:00"}},
    written.WaitUntilDate: {"type": "wait", "until_date": "renewal"},
    written.WaitForEvent: {"type": "wait", "for_event": {"event": "paid"}, "timeout": "1h"},
    written.WaitBestTime: {"type": "wait", "best_time": "12h"},
    written.WaitForSegment: {"type": "wait", "for_segment": "vip", "timeout": "1h"},
    written.If: {"type": "condition", "if_": {"performed": "paid", "within": "run"}},
    written.Branches: {"type": "condition", "branches": [{"name": "a", "if": {"everyone": True}}]},
    written.Split: {"type": "split", "arms": [{"name": "A", "share": 50}, {"name": "B", "share": 50}]},
    written.SendAction: {"type": "action", "do": "send", "channel": "email", "template": "t"},
    written.WebhookAction: {"type": "action", "do": "webhook", "template": "t"},
    written.TagAction: {"type": "action", "do": "add_tag", "tag": "t"},
    written.SetTraitAction: {"type": "action", "do": "set_trait", "trait": "a", "value": 1},
    written.CreateTaskAction: {"type": "action", "do": "create_task", "title": "t"},
    written.AddToSegmentAction: {"type": "action", "do": "add_to_segment", "segment": "s"},
    written.StartJourneyAction: {"type": "action", "do": "start_journey", "journey": "k"},
}
ALONE = {written.Trigger, written.Exit}  # in every journey of these


def through(sample: dict[str, Any]) -> Scenario:
    scenario = Scenario(VIP, journey(started_by(), node("n", **sample), message("m")))
    return scenario.at("09:00", traits(renewal="2026-01-05T20:00:00Z")).at("10:00", event("go", n=1))


def test_every_type_has_a_sample():
    every = {model for union in (written.AnyNode,) for model in union.__args__}
    assert every == set(SAMPLES) | ALONE


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=lambda s: s.get("do", next(reversed(s))))
class TestEveryNode:
    def test_says_the_same_on_repeat(self, sample):
        one, two = (through(sample).at("10:30", event("other")).until("23:00") for _ in range(2))
        assert one.entries == two.entries

    def test_wakes_later_than_now_and_comes_through(self, sample):
        scenario = through(sample)
        state = scenario.replay.open("u")
        assert state is not None
        due = state.due_of(SECTION)
        assert due is None or due > instant("10:00")
        scenario.until("23:00")
        assert [said.what for said in scenario.said if said.kind == "send"][-1:] == ["m"]

    def test_survives_its_encoding(self, sample):
        scenario = through(sample)
        state = scenario.replay.open("u")
        assert state is not None
        section = state.get(SECTION)
        reopened = scenario.replay.fold.fold.open(state.save()).get(SECTION)
        assert reopened == section
