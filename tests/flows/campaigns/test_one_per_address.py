"""Two contacts with one address are written to once by a launch, however they came to share it."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.facts import ADDRESS_CLAIMED
from schemas.records import Event, decode_event
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
    assert claims(w) == 2  # cem shares with nobody and asks nobody


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
