"""Entering a contact by hand: one durable record, once for a key, and only where a journey takes it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.living import Living, living
from tests.api.support import events
from tests.flows.journeys.scenario import journey, node, pause

BY_HAND = journey(node("start", "trigger", on={"api": True}), pause("1h"), id="callback", key="properties.ticket")
BY_EVENT = journey(node("start", "trigger", on={"event": "go"}), pause("1h"), id="other")
ENTER = "/v1/journeys/callback/enter"


@pytest.fixture
def lived(tmp_path: Path) -> Iterator[Living]:
    with living(tmp_path) as made:
        made.publish(BY_HAND, BY_EVENT)
        made.say("ann", "identify", "known", traits={"plan": "gold"})
        yield made


def test_a_contact_is_entered_with_the_properties_that_are_given(lived: Living):
    given = {"contact": "ann", "properties": {"ticket": 7}}
    answer = lived.post(ENTER, given, 202)
    assert answer["journey"] == "callback"
    lived.settle()
    event = next(event for event in events(lived.log) if event.type == "enter")
    assert (event.type, event.event, event.id) == ("enter", "callback", answer["id"])
    (run,) = lived.get("/v1/contacts/ann")["journeys"]
    assert (run["journey"], run["entry"], run["node"]) == ("callback", "7", "pause")


@pytest.mark.parametrize("header", [False, True])
def test_the_same_key_enters_once_and_another_key_again(lived: Living, header: bool):
    for key in ("k1", "k1", "k2"):
        body = {"contact": "ann", "properties": {"ticket": key}} | ({} if header else {"key": key})
        headers = {"Idempotency-Key": key} if header else {}
        assert lived.client.post(ENTER, json=body, headers=headers).status_code == 202
    lived.settle()
    assert sorted(run["entry"] for run in lived.get("/v1/contacts/ann")["journeys"]) == ["k1", "k2"]
    assert len({event.id for event in events(lived.log) if event.type == "enter"}) == 2


def test_without_a_key_each_call_is_an_entry_of_its_own(lived: Living):
    ids = {lived.post(ENTER, {"contact": "ann", "properties": {"ticket": n}}, 202)["id"] for n in (1, 2)}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("id", "body", "status", "said"),
    [
        ("nothing", {"contact": "ann"}, 404, "no journey 'nothing'"),
        ("other", {"contact": "ann"}, 422, "api"),
        ("callback", {"contact": "a\nb"}, 422, "contact"),
        ("callback", {"contact": "address:x"}, 422, "contact"),
        ("callback", {}, 422, "contact"),
        ("callback", {"contact": "ann", "more": 1}, 422, "more"),
        ("callback", {"contact": "ann", "properties": {"x": "y" * 40_000}}, 422, "32768"),
    ],
)
def test_what_cannot_be_entered_is_refused_and_nothing_is_written(lived: Living, id, body, status, said):
    answer = lived.client.post(f"/v1/journeys/{id}/enter", json=body)
    assert answer.status_code == status
    assert said in answer.text
    assert [event for event in events(lived.log) if event.type == "enter"] == []
