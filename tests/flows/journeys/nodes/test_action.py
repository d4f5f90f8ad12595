"""Actions: what they say to the log, so that the state changes by the log alone."""

from __future__ import annotations

from schemas.facts import CONSENT_CHANGED
from schemas.records import Event, decode_crm_command, decode_event
from schemas.topics import CRM_COMMANDS, EVENTS
from tests.flows.journeys.scenario import (
    Scenario,
    event,
    exited,
    fact,
    journey,
    message,
    node,
    pause,
    segment,
    send,
    skipped,
    started_by,
    traits,
)


def doing(do: str, *more, **fields) -> dict:
    return journey(started_by(), node("act", "action", do=do, **fields), *more)


def commands(scenario: Scenario) -> list[tuple[str, dict]]:
    made = [decode_crm_command(e.value) for e in scenario.entries if e.topic == CRM_COMMANDS]
    return [(command.command, command.data) for command in made]


def facts(scenario: Scenario) -> list[Event]:
    made = [decode_event(e.value) for e in scenario.entries if e.topic == EVENTS]
    return [event for event in made if "journey" in event.context]


def test_a_tag_is_a_trait_that_an_identify_says_and_the_crm_is_asked_for_it():
    tagged = segment("tagged", {"trait": "tags.hot lead", "op": "eq", "value": True})
    scenario = Scenario(tagged, doing("add_tag", tag="hot lead")).at("10:00", event("go"))
    assert facts(scenario)[0].traits == {"tags": {"hot lead": True}}
    assert commands(scenario) == [("add_tag", {"tag": "hot lead"})]
    assert scenario.replay.members("tagged") == ["u"]


def test_a_removed_tag_is_gone():
    tagged = segment("tagged", {"trait": "tags.hot", "op": "exists"})
    scenario = Scenario(tagged, doing("remove_tag", tag="hot")).at("09:00", traits(tags={"hot": True}))
    assert scenario.replay.members("tagged") == ["u"]
    scenario.at("10:00", event("go"))
    assert scenario.replay.members("tagged") == []
    assert commands(scenario) == [("remove_tag", {"tag": "hot"})]


def test_a_trait_is_set_where_its_path_says():
    scenario = Scenario(doing("set_trait", trait="bank.plan", value="gold")).at("10:00", event("go"))
    subject = scenario.replay.subject("u")
    assert subject is not None
    assert subject.trait("bank.plan") == "gold"
    assert commands(scenario) == [("set_field", {"field": "bank.plan", "value": "gold"})]


def test_the_flip_that_an_action_brings_enters_another_journey():
    tagged = segment("tagged", {"trait": "tags.hot", "op": "exists"})
    other = journey({"id": "start", "type": "trigger", "on": {"segment": "tagged"}}, message("m"), id="other")
    Scenario(tagged, other, doing("add_tag", tag="hot")).at("10:00", event("go")).expect(send("m", "10:00"))


def test_a_task_is_asked_of_the_crm():
    scenario = Scenario(doing("create_task", title="Call", due="1d", data={"team": "sales"})).at("10:00", event("go"))
    due = {"team": "sales", "title": "Call", "due_at": "2026-01-06T10:00:00.000Z"}
    assert commands(scenario) == [("create_task", due)]


def test_a_static_segment_is_joined_by_a_fact():
    called = {"kind": "segment", "id": "called", "static": True}
    scenario = Scenario(called, doing("add_to_segment", segment="called")).at("10:00", event("go"))
    scenario.expect(fact("segment_added", "10:00"))
    assert scenario.replay.members("called") == ["u"]


def test_another_journey_is_started_with_the_same_entry():
    api = {"id": "start", "type": "trigger", "on": {"api": True}}
    total = node("ask", "condition", if_={"entry": "properties.total", "op": "gt", "value": 1})
    edges = ["start -> ask", "ask -> m", "m -> done"]
    other = journey(api, total, message("m"), node("done", "exit"), edges=edges, id="other", key="properties.n")
    scenario = Scenario(other, doing("start_journey", journey="other")).at("10:00", event("go", n=7, total=2))
    scenario.expect(fact("enter", "10:00"), send("m", "10:00"))
    assert scenario.sends()[0].entry == "7"


def test_effects_of_a_timer_carry_its_due_time_and_ids_that_come_from_their_cause():
    late = journey(started_by(), pause("1h"), node("act", "action", do="add_tag", tag="x"), message("m"))
    one, two = (Scenario(late).at("10:00", event("go")).at("15:00", event("other")) for _ in range(2))
    assert [(f.at, f.id) for f in facts(one)] == [(f.at, f.id) for f in facts(two)]
    one.expect(fact("identify", "11:00"), send("m", "11:00"))
    assert one.entries == two.entries


def test_a_second_visit_of_a_node_is_another_send():
    again = journey(
        started_by(),
        message("m"),
        pause("1h"),
        node("ask", "condition", if_={"trait": "more", "op": "exists"}),
        node("done", "exit"),
        edges=["start -> m", "m -> pause", "pause -> ask", "ask -> m: yes", "ask -> done: no"],
    )
    scenario = Scenario(again).at("09:00", traits(more=1)).at("10:00", event("go")).at("11:30", traits(more=None))
    scenario.until("13:00").expect(send("m", "10:00"), send("m", "11:00"))
    assert len({message.id for message in scenario.sends()}) == 2


def test_a_skipped_send_goes_on_where_it_has_no_branch():
    Scenario(journey(started_by(), message("m"), message("n", channel="sms"), class_="transactional")).at(
        "10:00", event("go")
    ).expect(send("m", "10:00"), skipped("n", "no_address", "10:00"), exited("done", "10:00"))


def test_a_skipped_send_takes_its_branch():
    nodes = [started_by(), message("m"), node("done", "exit"), node("silent", "exit", reason="silent")]
    edges = ["start -> m", "m -> done", "m -> silent: skipped"]
    Scenario(journey(*nodes, edges=edges, class_="marketing")).at("10:00", event("go")).expect(
        skipped("m", "no_consent", "10:00"), exited("silent", "10:00")
    )


def test_marketing_goes_to_those_who_subscribed():
    agreed = Event(CONSENT_CHANGED, properties={"channel": "email", "topic": "default", "status": "subscribed"})
    agreed.user_id = "u"
    Scenario(journey(started_by(), message("m"), class_="marketing")).at("09:00", agreed).at(
        "10:00", event("go")
    ).expect(send("m", "10:00"))


def test_channels_are_an_order_of_fallback():
    scenario = Scenario(journey(started_by(), node("m", "action", do="send", channels=["sms", "email"], template="t")))
    scenario.at("10:00", event("go")).expect(send("m", "10:00"))
    assert scenario.sends()[0].channel == "email"


def test_a_webhook_is_a_send_of_its_channel():
    scenario = Scenario(journey(started_by(), node("m", "action", do="webhook", template="t"))).at("10:00", event("go"))
    assert [message.channel for message in scenario.sends()] == ["webhook"]
