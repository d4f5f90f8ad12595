"""Frequency caps on the production fold: what counts, when there is room again, and an oracle over random histories."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.definitions import parse
from schemas.errors import InvalidInput
from schemas.records import Event
from schemas.times import DAY, HOUR, format_instant
from tests.flows.journeys.scenario import (
    Scenario,
    event,
    instant,
    journey,
    message,
    node,
    send,
    skipped,
    started_by,
    traits,
)

ALWAYS = {"class_": "marketing", "reentry": {"mode": "always"}}
START = instant("00:00")


def cap(id: str = "c", **fields: Any) -> dict[str, Any]:
    return {"kind": "frequency_cap", "id": id, "channel": "email", "max": 2, "within": "7d"} | fields


def mails(*others: dict[str, Any], **fields: Any) -> Scenario:
    """Each event `go` wants one marketing email, and the contact wants it too."""
    return agreed(Scenario(journey(started_by(), message("mail"), **(ALWAYS | fields)), *others))


def agreed(scenario: Scenario, *channels: str) -> Scenario:
    return scenario.at("00:00", *(yes(channel) for channel in channels or ("email",)))


def yes(channel: str, topic: str = "default") -> Event:
    said = {"channel": channel, "topic": topic, "status": "subscribed"}
    return Event("consent_changed", properties=said, user_id="u")


def test_the_third_in_the_window_is_skipped_and_goes_when_the_first_is_a_window_old():
    scenario = mails(cap(within="1d"))
    for when in ("09:00", "10:00", "11:00", "tue 08:59:59.999", "tue 09:00", "tue 09:00:00.001"):
        scenario.at(when, event("go"))
    scenario.expect(
        send("mail", "09:00"),
        send("mail", "10:00"),
        skipped("mail", "frequency_cap", "11:00"),
        skipped("mail", "frequency_cap", "tue 08:59:59.999"),
        send("mail", "tue 09:00"),
        skipped("mail", "frequency_cap", "tue 09:00:00.001"),
    )


def test_what_was_skipped_at_hand_off_or_failed_counts_no_more():
    scenario = mails(cap(max=1))
    for hour, outcome in ((9, "email_failed"), (10, "email_skipped"), (11, "email_unknown"), (12, "")):
        scenario.at(f"{hour:02}:00", event("go"))
        if outcome:
            scenario.at(f"{hour:02}:30", scenario.outcome(outcome, scenario.sends()[-1]))
    scenario.expect(
        send("mail", "09:00"),
        send("mail", "10:00"),
        send("mail", "11:00"),
        skipped("mail", "frequency_cap", "12:00"),
    )


def test_transactional_messages_pass_and_do_not_count():
    scenario = mails(cap(max=1), class_="transactional")
    scenario.at("09:00", event("go")).at("10:00", event("go"))
    scenario.expect(send("mail", "09:00"), send("mail", "10:00"))


def test_a_cap_of_a_topic_or_a_campaign_counts_those_alone():
    topic = {"kind": "topic", "id": "news", "default": "subscribed"}
    body = journey(started_by(), message("a", topic="news"), message("b", campaign="spring"), message("c"), **ALWAYS)
    scenario = agreed(Scenario(body, topic, cap("t", max=1, topic="news"), cap("s", max=1, campaign="spring")))
    scenario.at("09:00", event("go")).at("10:00", event("go"))
    scenario.expect(
        *(send(id, "09:00") for id in "abc"),
        skipped("a", "frequency_cap", "10:00"),
        skipped("b", "frequency_cap", "10:00"),
        send("c", "10:00"),
    )


def test_a_cap_per_campaign_counts_each_by_itself():
    body = journey(started_by(), message("a", campaign="x"), message("b", campaign="y"), message("c"), **ALWAYS)
    scenario = agreed(Scenario(body, cap(max=1, per="campaign")))
    scenario.at("09:00", event("go")).at("10:00", event("go"))
    scenario.expect(*(send(id, "09:00") for id in "abc"), *(skipped(id, "frequency_cap", "10:00") for id in "abc"))


def test_without_a_channel_all_that_reach_a_person_count_together_and_a_channel_that_is_full_is_fallen_back_from():
    both = node("m", "action", do="send", channels=["email", "sms"], template="note")
    scenario = Scenario(journey(started_by(), both, **ALWAYS), cap(max=1), cap("all", channel=None, max=2))
    agreed(scenario, "email", "sms").at("01:00", traits(phone="+41790000000"))
    for when in ("09:00", "10:00", "11:00"):
        scenario.at(when, event("go"))
    assert [(s.channel, s.to) for s in scenario.sends()] == [("email", "u@example.com"), ("sms", "+41790000000")]
    scenario.expect(skipped("m", "frequency_cap", "11:00"))


def test_a_message_that_went_by_another_channel_counts_there():
    both = node("m", "action", do="send", channels=["email", "sms"], template="note")
    scenario = Scenario(journey(started_by(), both, **ALWAYS), cap(max=1), cap("s", channel="sms", max=1))
    agreed(scenario, "email", "sms").at("01:00", traits(phone="+41790000000")).at("09:00", event("go"))
    scenario.at("09:30", scenario.outcome("sms_sent", scenario.sends()[0]))
    scenario.at("10:00", event("go")).at("11:00", event("go"))
    assert [s.channel for s in scenario.sends()] == ["email", "email"]
    scenario.expect(skipped("m", "frequency_cap", "11:00"))


def test_what_a_merged_contact_was_sent_counts_for_its_person():
    scenario = mails(cap(max=1)).at("08:00", traits("anon", email="u@example.com"))
    said = yes("email")
    said.user_id = "anon"
    scenario.at("08:30", said).at("09:00", event("go", "anon"))
    claim = traits()
    claim.anonymous_id = "anon"
    scenario.at("09:30", claim).at("10:00", event("go"))
    scenario.expect(send("mail", "09:00"), skipped("mail", "frequency_cap", "10:00"))


def test_where_the_priorities_of_journeys_differ_the_higher_one_takes_the_room():
    low = journey(started_by(), message("low"), id="a", **ALWAYS)
    high = journey(started_by(), message("high"), id="b", priority=5, **ALWAYS)
    agreed(Scenario(low, high, cap(max=1))).at("09:00", event("go")).expect(
        send("high", "09:00"), skipped("low", "frequency_cap", "09:00")
    )


def test_two_caps_that_are_both_full_are_told_by_the_first():
    scenario = mails(cap("a", max=1), cap("b", max=1)).at("09:00", event("go")).at("10:00", event("go"))
    scenario.expect(send("mail", "09:00"), skipped("mail", "frequency_cap", "10:00"))


_CAPS = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 72)), min_size=1, max_size=3)
_HOURS = st.lists(st.integers(1, 400), min_size=1, max_size=30).map(sorted)


@settings(max_examples=40, deadline=None)
@given(_CAPS, _HOURS)
def test_a_random_history_sends_what_a_naive_count_allows(caps: list[tuple[int, int]], hours: list[int]):
    bodies = [cap(f"c{i}", max=most, within=f"{within}h") for i, (most, within) in enumerate(caps)]
    scenario = mails(*bodies)
    went: list[int] = []
    for hour in hours:
        at = START + hour * HOUR
        scenario.at(format_instant(at), event("go"))
        if all(sum(at - within * HOUR < t <= at for t in went) < most for most, within in caps):
            went.append(at)
    assert [s.at for s in scenario.sends()] == went
    for most, within in caps:  # any window at all, not only those that end at a message
        assert all(sum(t <= other < t + within * HOUR for other in went) <= most for t in went)


def test_what_no_window_reaches_any_more_is_forgotten():
    scenario = mails(cap(max=3, within="1d"))
    for day in range(50):
        scenario.at(format_instant(START + day * DAY + HOUR), event("go"))
    state = scenario.replay.open("u")
    from flows.policy.reducer import planned

    assert len(scenario.sends()) == 50
    assert state is not None
    assert len(planned(state)) == 1


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"max": 0}, "max"),
        ({"within": "0d"}, "within"),
        ({"within": "400d"}, "within"),
        ({"channel": "webhook"}, "channel"),
        ({"class": "transactional"}, "class"),
        ({"per": "node"}, "per"),
        ({"foo": 1}, "foo"),
    ],
)
def test_faults_are_told_with_their_places(fields: dict[str, Any], path: str):
    with pytest.raises(InvalidInput) as refused:
        parse(cap() | fields)
    assert [v.path for v in refused.value.violations] == [path]


@pytest.mark.parametrize("kind", ["frequency_cap", "quiet_hours"])
def test_transactional_messages_pass_so_a_policy_of_that_class_is_refused_in_words(kind: str):
    body: dict[str, Any] = {"kind": kind, "id": "p", "class": "transactional"}
    body |= {"max": 1, "within": "1d"} if kind == "frequency_cap" else {"window": {"from": "22:00", "to": "07:00"}}
    with pytest.raises(InvalidInput) as refused:
        parse(body)
    [fault] = refused.value.violations
    assert (fault.path, fault.message.partition(":")[0]) == (
        "class",
        "transactional messages pass frequency caps and quiet hours",
    )
    assert parse(body | {"class": "marketing"})
