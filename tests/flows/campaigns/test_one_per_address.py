"""Two contacts with one address are written to once by a launch, however they came to share it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.contact import spans
from schemas.facts import ADDRESS_CLAIMED
from schemas.ids import address_hash
from schemas.records import TICK, Event, decode_event, encode
from schemas.times import DAY, HOUR
from schemas.topics import EVENTS
from tests.flows.campaigns.world import T, World, campaign


def world(**addresses: str) -> World:
    made = World(campaign())
    for contact, address in addresses.items():
        made.people(contact, email=address)
    return made


def skipped(w: World) -> dict[str, tuple[str, Any]]:
    return {s.contact: (s.reason, s.value) for s in w.skips}


def claims(w: World) -> int:
    return sum(e.topic == EVENTS and decode_event(e.value).type == ADDRESS_CLAIMED for e in w.said)


def test_the_first_to_be_released_is_written_to_and_the_others_say_who_was():
    w = world(ann="Us@example.com", bob="us@example.com ", cem="c@example.com")
    w.launch(T - 2_000, {"bob": T, "ann": T + 1_000, "cem": T})
    w.pass_time(T + 5_000)
    assert w.sent_at() == {"bob": 0, "cem": 0}
    assert skipped(w) == {"ann": ("duplicate_address", {"holder": "bob"})}
    assert claims(w) == 3


def test_an_address_that_is_taken_over_right_before_the_release_or_after_the_other_s_has_one_message_still():
    w = world(ann="us@example.com", bob="b@example.com", cem="c@example.com")
    w.launch(T - 2_000, {"ann": T, "bob": T, "cem": T + 50_000})
    w.say("bob", Event("identify", "b2", traits={"email": "us@example.com"}), T - 1)
    w.say("cem", Event("identify", "c2", traits={"email": "us@example.com"}), T + 40_000)
    w.pass_time(T + 60_000)
    assert w.sent_at() == {"ann": 0}
    assert skipped(w) == dict.fromkeys(("bob", "cem"), ("duplicate_address", {"holder": "ann"}))


@settings(max_examples=200, deadline=None)
@given(st.permutations(range(8)))
def test_two_who_come_to_share_an_address_as_they_are_released_have_one_message_in_whatever_order_the_log_takes_it(
    order: list[int],
):
    """The claims, the `identify` and what follows from it lie in three partitions, that are read at their own pace."""
    w = world(ann="us@example.com", bob="b@example.com")
    w.launch(T - 2_000, {"ann": T, "bob": T})
    w.pass_time(T - 2)
    w.now = T - 1
    late = Event("identify", "b2", T - 1, traits={"email": "us@example.com"}, user_id="bob", received_at=T - 1)
    waiting, turn = [("bob", encode(late)), ("", TICK)], 0
    while waiting:
        at = T - 1 if turn == 0 else T
        key, value = waiting.pop(order[turn % len(order)] % len(waiting))
        for entry in w._fold(at, key, value):
            w.emitted(at, entry)
            if entry.topic == EVENTS:
                waiting.append((entry.key, entry.value))
        turn += 1
    w.pass_time(T + 5_000)
    assert sorted(s.to for s in w.sends) in (["us@example.com"], ["b@example.com", "us@example.com"])


def test_quiet_hours_that_begin_while_the_address_is_asked_for_are_waited_out():
    quiet = {"kind": "quiet_hours", "id": "night", "window": {"from": "22:00", "to": "07:00"}}
    w = World(campaign(), quiet)
    w.people("ann")
    evening = (T // DAY + 1) * DAY + 22 * HOUR  # in UTC, as the workspace's zone is
    w.launch(evening - 5_000, {"ann": evening - 1})
    w.pass_time(evening - 2)
    claim = [entry for entry in w._fold(evening - 1, "", TICK) if entry.topic == EVENTS]
    [answer] = w._fold(evening, claim[0].key, claim[0].value)  # it takes a moment
    w.apply(evening, answer.key, answer.value)
    assert w.sends == []
    w.pass_time(evening + 12 * HOUR)
    assert [send.at - evening for send in w.sends] == [9 * HOUR]


@pytest.mark.parametrize("ends", ["resumed", "cancelled"])
def test_who_was_asking_for_an_address_as_the_launch_was_paused_is_not_forgotten(ends: str):
    w = world(ann="us@example.com")
    w.launch(T - 2_000, {"ann": T})
    w.pass_time(T - 1)
    [claim] = [entry for entry in w._fold(T, "", TICK) if entry.topic == EVENTS]
    w.stop(T + 1, "paused")
    w.pass_time(T + 5_000)
    w.apply(T + 5_000, claim.key, claim.value)  # read late: the answer comes while the launch is paused
    assert (w.sends, w.skips) == ([], [])
    w.resume(T + 10_000)
    if ends == "cancelled":
        w.stop(T + 10_000, "cancelled")
    w.pass_time(T + 20_000)
    expected = ({"ann": 11_000}, {}) if ends == "resumed" else ({}, {"ann": ("cancelled", None)})
    assert (w.sent_at(), skipped(w)) == expected


def test_who_waited_for_the_end_of_quiet_hours_as_the_launch_was_paused_is_released_when_it_goes_on():
    quiet = {"kind": "quiet_hours", "id": "night", "window": {"from": "22:00", "to": "07:00"}}
    w = World(campaign(), quiet)
    w.people("ann")
    night = (T // DAY + 1) * DAY + 23 * HOUR
    w.launch(night - 5_000, {"ann": night})
    w.stop(night + HOUR, "paused")
    w.pass_time(night + 9 * HOUR)
    assert w.sends == []
    w.resume(night + 10 * HOUR)
    w.pass_time(night + 11 * HOUR)
    assert [send.at - night for send in w.sends] == [10 * HOUR + 1_000]


def test_what_an_address_was_claimed_for_is_forgotten_a_day_after_the_launch_has_ended():
    w = world(ann="us@example.com", bob="us@example.com")
    for n, day in enumerate(range(0, 40 * DAY, 2 * DAY)):
        w.launch(T + day, {"ann": T + day + 2_000}, name=f"launch-{n}")
    w.pass_time(T + 41 * DAY)
    state = w.open(f"address:{address_hash('us@example.com')}")
    assert state is not None
    assert list(state.get(spans.SECTION).claims) == ["email/launch-19"]


def test_one_that_may_not_be_written_to_leaves_the_address_to_the_next():
    w = world(ann="us@example.com", bob="us@example.com")
    said = {"channel": "email", "topic": "default", "status": "unsubscribed"}
    w.say("ann", Event("consent_changed", "no", properties=said), T - 4_000)
    w.launch(T - 2_000, {"ann": T, "bob": T + 1_000})
    w.pass_time(T + 5_000)
    assert w.sent_at() == {"bob": 1_000}
    assert skipped(w) == {"ann": ("no_consent", None)}


def test_another_launch_writes_again_and_another_address_is_free():
    w = world(ann="us@example.com", bob="us@example.com")
    w.launch(T - 2_000, {"ann": T, "bob": T})
    w.pass_time(T + 1_000)
    w.people("bob", email="bob@example.com")
    w.launch(T + 5_000, {"ann": T + 7_000, "bob": T + 7_000}, name="second")
    w.pass_time(T + 20_000)
    assert sorted((s.contact, s.at - T) for s in w.sends) == [("ann", 0), ("ann", 7_000), ("bob", 7_000)]


def test_a_launch_that_is_paused_and_goes_on_asks_again_and_writes_once():
    w = world(ann="us@example.com", bob="us@example.com")
    w.launch(T - 2_000, {"ann": T + 10_000, "bob": T + 20_000})
    w.stop(T + 12_000, "paused")
    w.resume(T + 30_000)
    w.pass_time(T + 60_000)
    assert [s.contact for s in w.sends] == ["ann"]
    assert skipped(w) == {"bob": ("duplicate_address", {"holder": "ann"})}


def test_a_message_that_is_cancelled_while_it_asks_does_not_go():
    w = world(ann="us@example.com", bob="us@example.com")
    w.launch(T - 2_000, {"ann": T, "bob": T + 50_000})
    w.stop(T + 10_000, "cancelled")
    w.pass_time(T + 90_000)
    assert [s.contact for s in w.sends] == ["ann"]
    assert skipped(w) == {"bob": ("cancelled", None)}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=8))
def test_every_address_has_the_message_once(people: list[tuple[int, int]]):
    addresses = {f"c{n}": f"a{address}@example.com" for n, (address, _) in enumerate(people)}
    w = world(**addresses)
    w.launch(T - 2_000, {f"c{n}": T + 1_000 * second for n, (_, second) in enumerate(people)})
    w.pass_time(T + 30_000)
    assert sorted(s.to for s in w.sends) == sorted(set(addresses.values()))
    assert len(w.sends) + len(w.skips) == len(people)
