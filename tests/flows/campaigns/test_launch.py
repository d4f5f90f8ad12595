"""A launch on the production fold: who gets its message when, through pauses, merges, deletions and replays."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.campaigns.release import Rate
from flows.contact.partition import PartitionFold
from flows.contact.replay import alone
from schemas.records import LEAD_MS, TICK, Definition, Entry, Event, Record, decode_change, decode_send
from schemas.times import HOUR
from schemas.topics import CHANGES, SENDS
from tests.flows.campaigns.world import T, World, campaign

TEN = [f"c{i}" for i in range(10)]
SECONDLY = Rate(1, 1_000)


def world(*contacts: str, **fields: Any) -> World:
    made = World(campaign(**fields))
    made.people(*contacts)
    return made


def everyone(contacts: list[str], at: int = T) -> dict[str, int]:
    return dict.fromkeys(contacts, at)


def test_each_gets_it_once_at_the_rate_to_the_millisecond():
    w = world(*TEN)
    w.launch(T - 2_000, everyone(TEN), SECONDLY)
    w.pass_time(T + 60_000)
    assert sorted(w.sent_at().values()) == [1_000 * i for i in range(10)]
    first = w.sends[0]
    assert (first.campaign, first.entry, first.version, first.node) == ("spring", "spring", 1, "send")
    assert first.journey == "campaign:spring"


def test_who_joins_after_the_launch_gets_nothing_and_who_leaves_still_gets_it():
    gold = {"kind": "segment", "id": "gold", "where": {"trait": "plan", "op": "eq", "value": "gold"}}
    w = World(gold, campaign(audience={"segment": "gold"}))
    w.people("ann", "bob", plan="gold")
    w.launch(T - 2_000, everyone(["ann", "bob"]), SECONDLY)
    w.people("eve", plan="gold")
    w.say("bob", Event("identify", "left", traits={"plan": "free"}), T - 500)
    w.pass_time(T + 60_000)
    assert w.sent_at().keys() == {"ann", "bob"}


def test_consent_is_asked_at_the_release():
    w = world("ann", "bob")
    w.launch(T - 2_000, everyone(["ann", "bob"], T + 5_000))
    said = {"channel": "email", "topic": "default", "status": "unsubscribed"}
    w.say("bob", Event("consent_changed", "gone", properties=said), T)
    w.pass_time(T + 60_000)
    assert w.sent_at() == {"ann": 5_000}
    assert [(s.contact, s.reason, s.at - T, s.entry, s.campaign) for s in w.skips] == [
        ("bob", "no_consent", 5_000, "spring", "spring")
    ]


#                 0    1    2    3    4    5    6    7    8 s
# planned         c    c    c    c    c    c …
# pause at 2.5 s            |............|            resume at 5.5 s
# released        c    c    c                 c    c    c    c …
def test_a_pause_holds_the_release_and_a_resume_goes_on_where_it_stopped():
    w = world(*TEN)
    w.launch(T - 2_000, everyone(TEN), SECONDLY)
    w.stop(T + 2_500 - LEAD_MS, "paused")
    w.resume(T + 5_500 - LEAD_MS, SECONDLY)
    w.pass_time(T + 60_000)
    assert sorted(w.sent_at().values()) == [0, 1_000, 2_000, *(5_500 + 1_000 * i for i in range(7))]
    assert w.skips == []


def test_what_is_due_at_the_very_instant_of_the_pause_waits():
    w = world(*TEN)
    w.launch(T - 2_000, everyone(TEN), SECONDLY)
    w.stop(T + 3_000 - LEAD_MS, "paused")
    w.pass_time(T + 60_000)
    assert sorted(w.sent_at().values()) == [0, 1_000, 2_000]
    w.resume(T + 60_000, SECONDLY)
    w.pass_time(T + 120_000)
    assert len(w.sent_at()) == 10


def test_a_launch_that_is_paused_at_once_loses_nobody():
    w = world(*TEN)
    w.launch(T - 2_000, everyone(TEN), SECONDLY)
    w.stop(T - 2_000, "paused")  # both become active at one instant
    w.pass_time(T + 10_000)
    assert w.sent_at() == {}
    w.resume(T + 10_000, SECONDLY)
    w.pass_time(T + 60_000)
    assert len(w.sent_at()) == 10


def test_a_cancellation_says_of_each_who_is_left_that_nothing_goes():
    w = world(*TEN)
    w.launch(T - 2_000, everyone(TEN), SECONDLY)
    w.stop(T + 2_500 - LEAD_MS, "cancelled")
    w.pass_time(T + 60_000)
    assert len(w.sent_at()) == 3
    assert Counter(s.reason for s in w.skips) == {"cancelled": 7}
    assert {s.contact for s in w.skips} | w.sent_at().keys() == set(TEN)


def test_what_is_paused_can_be_cancelled():
    w = world(*TEN)
    w.launch(T - 2_000, everyone(TEN), SECONDLY)
    w.stop(T + 2_500 - LEAD_MS, "paused")
    w.stop(T + 9_000, "cancelled")
    w.pass_time(T + 60_000)
    assert (len(w.sent_at()), len(w.skips)) == (3, 7)


def test_a_campaign_that_is_deleted_is_cancelled_and_does_not_come_back():
    w = world(*TEN)
    w.launch(T - 2_000, everyone(TEN), SECONDLY)
    w.act(T + 2_500 - LEAD_MS, Definition("campaign", "spring", "delete", 1))
    w.pass_time(T + 5_000)
    assert (len(w.sent_at()), len(w.skips)) == (3, 7)
    w.act(T + 5_000, Definition("campaign", "spring", "rollback", 1))
    w.pass_time(T + 60_000)
    assert (len(w.sent_at()), len(w.skips)) == (3, 7)


def test_a_new_version_of_the_campaign_sends_nothing_again():
    w = world(*TEN)
    w.launch(T - 2_000, everyone(TEN), SECONDLY)
    body = campaign(content={"channel": "email", "template": "other"})
    w.act(T + 2_500 - LEAD_MS, Definition("campaign", "spring", "publish", 2, body))
    w.pass_time(T + 60_000)
    assert sorted(w.sent_at().values()) == [1_000 * i for i in range(10)]
    assert {(s.version, s.template) for s in w.sends} == {(1, "note")}


def test_firings_of_a_recurring_campaign_are_launches_of_their_own():
    w = world("ann")
    w.launch(T - 2_000, everyone(["ann"]), name="spring:2026-09-21T14:00Z")
    w.launch(T + 5_000, everyone(["ann"], T + 8_000), name="spring:2026-09-22T14:00Z")
    w.pass_time(T + 60_000)
    assert [s.at - T for s in w.sends] == [0, 8_000]
    assert len({s.id for s in w.sends}) == 2


def test_a_contact_that_becomes_a_part_of_another_is_skipped_for_that_reason():
    w = world("anon", "ann")
    w.launch(T - 2_000, everyone(["anon", "ann"], T + 5_000))
    merge = Event("identify", "merge", anonymous_id="anon", traits={"plan": "gold"})
    w.say("ann", merge, T)
    w.pass_time(T + 60_000)
    assert w.sent_at() == {"ann": 5_000}
    assert [(s.contact, s.reason) for s in w.skips] == [("anon", "merged")]


def test_who_was_merged_before_the_launch_is_active_is_skipped_too():
    w = world("anon", "ann")
    w.say("ann", Event("identify", "merge", anonymous_id="anon", traits={"plan": "gold"}), T - 3_000)
    w.launch(T - 2_000, everyone(["anon", "ann"]))
    w.pass_time(T + 60_000)
    assert (w.sent_at().keys(), [(s.contact, s.reason) for s in w.skips]) == ({"ann"}, [("anon", "merged")])


def test_someone_whom_only_the_archive_knows_is_skipped_not_forgotten():
    w = world("ann")
    w.launch(T - 2_000, everyone(["ann", "long-gone"]))
    w.pass_time(T + 60_000)
    assert (w.sent_at().keys(), [(s.contact, s.reason) for s in w.skips]) == ({"ann"}, [("long-gone", "no_address")])


def test_what_is_late_after_a_downtime_is_stamped_with_its_own_instant_and_expires_by_it():
    w = world(*TEN)
    w.launch(T - 2_000, everyone(TEN), SECONDLY)
    w.apply(T + 600_000, "c3", b'{"type":"track","id":"x","event":"page"}')  # nobody folded for ten minutes
    w.pass_time(T + 600_000)
    assert sorted(w.sent_at().values()) == [1_000 * i for i in range(10)]
    assert all(send.expires == send.at + 12 * HOUR for send in w.sends)


def test_the_campaigns_data_is_the_entry_of_its_templates():
    body = campaign(content={"channel": "email", "template": "news", "data": {"title": "Wool"}})
    news = {"kind": "email_template", "id": "news", "subject": "{{ entry.title }}", "html": "<p>{{ name }}</p>"}
    w = World(news, body)
    w.people("ann", name="Ann")
    w.launch(T - 2_000, everyone(["ann"]))
    w.pass_time(T + 1_000)
    assert w.sends[0].data == {"entry": {"title": "Wool"}, "name": "Ann"}


ARMS = [{"name": "A", "share": 50, "template": "note"}, {"name": "B", "share": 50, "template": "other"}]


def test_arms_share_the_audience_by_hash_and_the_step_says_which():
    people = [f"c{i}" for i in range(200)]
    w = World(campaign(content={"channel": "email", "arms": ARMS}))
    w.people(*people)
    w.launch(T - 2_000, everyone(people))
    w.pass_time(T + 1_000)
    arms = Counter(s.variant for s in w.sends)
    assert (arms.total(), abs(arms["A"] - 100) < 30) == (200, True)
    assert {(s.variant, s.template, s.node) for s in w.sends} == {("A", "note", "send-A"), ("B", "other", "send-B")}
    steps = [c for c in (decode_change(e.value) for e in w.said if e.topic == CHANGES) if c.kind == "journey_step"]
    assert {(c.contact, c.branch) for c in steps} == {(s.contact, s.variant) for s in w.sends}


def test_a_decision_on_the_arms_holds_for_those_who_are_released_after_it():
    content = {"channel": "email", "arms": ARMS, "winner": {"metric": "opened", "after": "1h"}}
    people = [f"c{i}" for i in range(40)]
    w = World(campaign(content=content))
    w.people(*people)
    w.launch(T - 2_000, everyone(people), Rate(1, 1_000))
    body = {"kind": "experiment", "id": "x", "journey": "campaign:spring", "node": "arms"}
    body |= {"arms": [{"name": "A", "share": 0}, {"name": "B", "share": 100}]}
    w.pass_time(T + 18_000)
    w.act(T + 19_500 - LEAD_MS, Definition("experiment", "x", "publish", 1, body))
    w.pass_time(T + 60_000)
    before, after = Counter(s.variant for s in w.sends[:20]), Counter(s.variant for s in w.sends[20:])
    assert min(before.values()) > 3
    assert after == {"B": 20}


# --- laws ------------------------------------------------------------------------------------------------------------


def acts(rng_acts: list[tuple[int, str]], w: World) -> None:
    """Pauses, resumes and a cancellation, each where it fits."""
    state, now = "running", T
    for wait, act in rng_acts:
        now += wait
        if act == "resume" and state == "paused":
            w.resume(now, SECONDLY)
            state = "running"
        elif act == "pause" and state == "running":
            w.stop(now, "paused")
            state = "paused"
        elif act == "cancel" and state != "cancelled":
            w.stop(now, "cancelled")
            state = "cancelled"
    w.pass_time(now + 30_000)
    if state == "paused":
        w.resume(now + 30_000, SECONDLY)
    w.pass_time(now + 120_000)


some_acts = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 400, 1_000, 2_500, 7_000]),
        st.sampled_from(["pause", "pause", "resume", "resume", "cancel"]),
    ),
    max_size=8,
)


@given(some_acts)
@settings(max_examples=60, deadline=None)
def test_whatever_is_done_to_it_everyone_is_released_or_skipped_exactly_once(did: list[tuple[int, str]]):
    w = world(*TEN)
    w.launch(T - 2_000, everyone(TEN), SECONDLY)
    acts(did, w)
    ended = Counter([*(s.contact for s in w.sends), *(s.contact for s in w.skips)])
    assert ended == Counter(TEN)
    order = sorted(s.at for s in w.sends)
    assert all(b - a >= 1_000 for a, b in pairwise(order))


def by_id(entries: list[Entry]) -> dict[str, set[bytes]]:
    found = defaultdict[str, set[bytes]](set)
    for entry in entries:
        if entry.topic in (SENDS, CHANGES):
            found[(decode_send if entry.topic == SENDS else decode_change)(entry.value).id].add(entry.value)
    return found


def until_quiet(fold: PartitionFold, last: Record) -> list[Entry]:
    """Work in small parts, with the ticks that a source appends while something is due."""
    said: list[Entry] = []
    while True:
        while fold.busy:
            said += fold.work(7)
        due = fold.next_due()
        if due is None or due > last.logged_at:
            return said
        fold.push([last._replace(offset=fold.next_offset, key="", value=TICK)])


@given(some_acts)
@settings(max_examples=30, deadline=None)
def test_the_log_folded_again_gives_the_same_bytes_by_partition_and_contact_by_contact(did: list[tuple[int, str]]):
    w = world(*TEN)
    w.launch(T - 2_000, everyone(TEN), SECONDLY)
    acts(did, w)
    definitions = w.definitions()
    for record in w.published:
        definitions.apply(record)
    again, said = PartitionFold(0, definitions, {}, 0), list[Entry]()
    again.push(w.records)
    said += until_quiet(again, w.records[-1])
    assert again.states == w.fold.states
    assert by_id(said) == by_id(w.said)
    apart: list[Entry] = []
    own = defaultdict[str, list[Record]](list)
    for record in w.records:
        if record.key:
            own[record.key].append(record)
    for contact, records in own.items():
        state = alone(definitions, 0, contact, records, w.records[-1].logged_at, apart)
        assert state.save() == w.fold.states[contact]
    assert by_id(apart) == by_id(w.said)


# --- triggered -------------------------------------------------------------------------------------------------------


def triggered(**fields: Any) -> dict[str, Any]:
    return campaign(type="triggered", audience=None, trigger={"event": "cart"}) | fields


def carts(w: World, *times: int) -> None:
    for at in times:
        w.say("ann", Event("track", f"cart-{at}", event="cart", properties={"total": at}), at)


def running(w: World, at: int, state: str = "running", version: int = 1) -> None:
    body = {"kind": "launch", "id": "spring", "campaign": "spring", "version": 1, "type": "triggered", "state": state}
    assert w.act(at, Definition("launch", "spring", "publish", version, body))


def test_a_triggered_campaign_sends_only_while_it_is_launched():
    w = World({k: v for k, v in triggered().items() if v is not None})
    w.people("ann")
    carts(w, T)
    running(w, T + 1_000)
    carts(w, T + 5_000)
    running(w, T + 6_000, "paused", 2)
    carts(w, T + 10_000)
    running(w, T + 11_000, "running", 3)
    carts(w, T + 15_000)
    assert [s.at - T for s in w.sends] == [5_000, 15_000]
    assert {s.campaign for s in w.sends} == {"spring"}


def test_a_triggered_campaign_asks_audience_and_exclusions():
    body = triggered(audience={"trait": "plan", "op": "eq", "value": "gold"}, exclusions=[{"performed": "complained"}])
    w = World(body)
    w.people("ann", "bob", plan="gold")
    w.people("eve", plan="free")
    w.say("bob", Event("track", "c", event="complained"), T)
    running(w, T)
    for contact in ("ann", "bob", "eve"):
        w.say(contact, Event("track", f"cart-{contact}", event="cart"), T + 5_000)
    assert [s.contact for s in w.sends] == ["ann"]


@pytest.mark.parametrize("fold_first", [True, False])
def test_what_a_triggered_campaign_asks_accumulates_before_its_launch(fold_first: bool):
    w = World(triggered(audience={"performed": "page", "count": {"op": "gte", "value": 2}}))
    w.people("ann")
    for n in range(2):
        w.say("ann", Event("track", f"p{n}", event="page"), T + n)
    running(w, T + 10)
    if fold_first:
        w.pass_time(T + 3_000)
    carts(w, T + 5_000)
    assert len(w.sends) == 1
