"""Hydration case by case: merges, cancelled and edited versions, lost states, crashes in the middle of the pass."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.contact.active import Definitions
from flows.contact.partition import PartitionFold
from flows.contact.replay import Line
from flows.segments import engine
from flows.segments.hydration import History, Row, own_rows, pack, unpack
from flows.segments.lacking import lacking
from infra.past import fold_past
from schemas.records import Change, Definition, Event, Record, decode_change, decode_event, encode
from schemas.topics import CHANGES
from tests.flows.segments.hydrating import FILE, Logging, switch

seeds = st.integers(0, 2**32)
START = 1_700_000_000_000
DAY = 86_400_000
OFTEN = {"kind": "segment", "id": "often", "where": {"performed": "buy", "count": {"op": "gte", "value": 2}}}


def line(at: int, contact: str, event: str = "buy", **fields: Any) -> Line:
    return Line(START + at, contact, Event("track", f"{contact}-{at}", START + at, event, user_id=contact, **fields))


def identified(at: int, contact: str, anonymous: str) -> Line:
    return Line(START + at, contact, Event("identify", f"id-{at}", START + at, user_id=contact, anonymous_id=anonymous))


def empty() -> tuple[Logging, dict[str, Mapping[str, bytes]]]:
    files: dict[str, Mapping[str, bytes]] = {}
    return Logging(Definitions(states_in=lambda partition, path: files[path])), files


def publish(run: Logging, at: int, body: Mapping[str, Any] = OFTEN, version: int = 1) -> None:
    assert run.act(START + at, Definition("segment", body["id"], "publish", version, dict(body), warming=True))


def counted(run: Logging, contact: str) -> list[Any]:
    state = run.open(contact)
    assert state is not None
    return list(state.get(engine.SECTION).states.values())


def test_a_member_of_the_past_enters_at_the_switch_and_once() -> None:
    run, files = empty()
    said: list[Change] = []
    run.emitted = lambda at, entry: said.append(decode_change(entry.value)) if entry.topic == CHANGES else None
    run.run([line(0, "a"), line(1, "b"), line(2, "a")])
    publish(run, 10)
    run.run([line(3_000, "b")], START + 3_000)
    assert run.members("often") == []
    switch(run, START + 4_000, files)
    run.run([line(9_000, "a")], START + 9_000)
    assert run.members("often") == ["a", "b"]
    assert [(c.kind, c.contact, c.at - START) for c in said] == [
        ("segment_entered", "a", 5_000),
        ("segment_entered", "b", 5_000),
    ]
    assert counted(run, "a") == [3]


def test_what_follows_a_merge_counts_where_it_arrives_and_not_where_it_was_sent() -> None:
    claim = Event("merge_claimed", "c", START, properties={"into": "user"})
    events = [("anon", 1, Event("track", "1", event="buy")), ("anon", 2, claim)]
    events += [("anon", 3, Event("track", "2", event="buy")), ("user", 4, Event("track", "3", event="buy"))]
    rows = [Row(contact, 0, offset, START + offset, encode(event).decode()) for contact, offset, event in events]
    assert [row.offset for row in own_rows(rows, {"anon": "user"})] == [1, 4]
    assert [row.offset for row in own_rows(rows, {"anon": "other"})] == [1, 2, 3, 4]


def test_the_past_of_who_was_merged_after_the_archive_was_read_follows_into_the_whole() -> None:
    run, files = empty()
    run.run([line(0, "anon"), line(1, "user")])
    publish(run, 10)
    run.pass_time(START + 4_000)
    switch(run, START + 4_000, files)
    run.run([identified(4_500, "user", "anon")])
    run.run([line(6_000, "other")], START + 6_000)
    assert run.members("often") == ["user"]
    assert counted(run, "user") == [2]


def test_a_contact_without_a_state_gets_one_from_its_past_also_where_a_record_comes_first() -> None:
    for first in ([], [line(5_000, "lost")]):
        run, files = empty()
        run.run([line(0, "lost"), line(1, "lost"), line(2, "there")])
        del run.fold.states["lost"]
        publish(run, 10)
        run.pass_time(START + 4_000)
        switch(run, START + 4_000, files)
        run.run(first, START + 6_000)
        assert run.members("often") == ["lost"]
        assert counted(run, "lost") == [2 + len(first)]


def test_a_version_that_was_cancelled_is_not_switched_to_and_begins_from_nothing_when_it_comes_again() -> None:
    run, files = empty()
    run.run([line(0, "a")])
    publish(run, 10)
    run.run([line(1_500, "a")], START + 2_000)
    warming = run.fold.definitions.catalogue.active(1 << 62).warming["segment", "often"]
    late = Definition("segment", "often", "switch", 1, {"since": warming.since, "past": {"0": FILE}, "leaves": []})
    assert run.act(START + 3_000, Definition("segment", "often", "delete", 1))
    assert not run.act(START + 3_001, late)
    run.run([line(3_500, "a")], START + 5_000)
    assert counted(run, "a") == []
    assert run.act(START + 6_000, Definition("segment", "often", "rollback", 1, warming=True))
    assert not run.act(START + 6_001, late)
    run.run([line(7_500, "a")], START + 8_000)
    switch(run, START + 8_000, files)
    run.pass_time(START + 9_000)
    assert counted(run, "a") == [4]


def test_a_leaf_that_an_earlier_version_had_begun_is_brought_its_past_from_there_on_once() -> None:
    run, files = empty()
    run.run([line(0, "a")])
    publish(run, 10)
    run.run([line(1_500, "a")], START + 2_000)
    publish(run, 2_000, {**OFTEN, "name": "edited"}, version=2)
    run.run([line(3_500, "a")], START + 4_000)
    switch(run, START + 4_000, files)
    run.pass_time(START + 5_000)
    assert counted(run, "a") == [3]


def test_an_edit_lets_nobody_leave_and_enter_again() -> None:
    run, files = empty()
    said: list[Change] = []
    run.emitted = lambda at, entry: said.append(decode_change(entry.value)) if entry.topic == CHANGES else None
    run.run([line(0, "a"), line(1, "a"), line(2, "b", "look")])
    publish(run, 10)
    run.pass_time(START + 2_000)
    switch(run, START + 2_000, files)
    run.pass_time(START + 3_000)
    wider = {"or": [OFTEN["where"], {"performed": "look"}]}
    publish(run, 5_000, {**OFTEN, "where": wider}, version=2)
    run.pass_time(START + 7_000)
    assert run.members("often") == ["a"]
    switch(run, START + 7_000, files)
    run.pass_time(START + 9_000)
    assert [(c.kind, c.contact) for c in said] == [("segment_entered", "a"), ("segment_entered", "b")]


def test_what_is_current_at_once_is_brought_what_was_logged_during_its_lead() -> None:
    run, files = empty()
    said: list[Change] = []
    run.emitted = lambda at, entry: said.append(decode_change(entry.value)) if entry.topic == CHANGES else None
    assert run.act(START, Definition("segment", "often", "publish", 1, OFTEN))
    run.run([line(400, "a"), line(999, "b"), line(1_000, "b"), line(1_500, "a")], START + 2_000)
    assert run.members("often") == []
    found = lacking(run.fold.definitions, START + 400)
    assert set(found.begun.values()) == {START + 1_000}
    files[FILE] = unpack(pack(fold_past(run.archive(), History(found.leaves, found.begun))))
    body = {"since": START + 1_000, "leaves": sorted(found.begun), "past": {"0": FILE}}
    assert run.act(START + 3_000, Definition("segment", "often", "switch", 1, body))
    run.run([line(4_500, "c")], START + 5_000)
    assert [(c.contact, c.at - START) for c in said] == [("a", 4_000), ("b", 4_000)]
    assert (counted(run, "a"), counted(run, "b")) == ([2], [2])
    assert lacking(run.fold.definitions, START + 400).versions == ()


@given(seeds, st.integers(1, 6))
@settings(max_examples=20, deadline=None)
def test_crashes_in_the_middle_of_the_pass_take_no_part_twice(seed: int, crashes: int) -> None:
    rng, contacts = random.Random(seed), [f"c{i}" for i in range(40)]
    run, files = empty()
    run.run([line(i, rng.choice(contacts)) for i in range(80)])
    expected = {c: sum(decode_event(r.value).user_id == c for r in run.records) for c in run.fold.states}
    publish(run, 100)
    run.pass_time(START + 4_000)
    switch(run, START + 4_000, files)
    more = [line(5_000 + i, rng.choice(contacts)) for i in range(30)]
    for found in more:
        expected[found.contact] = expected.get(found.contact, 0) + 1
    records = [Record(run.fold.next_offset + i, m.logged_at, m.contact, encode(m.event)) for i, m in enumerate(more)]
    before = run.fold
    saved = (dict(before.states), before.next_offset, before.logged_at)
    fold, read = before, before.next_offset
    while fold.busy or read <= records[-1].offset:
        if not fold.busy or rng.random() < 0.5:
            batch = [r for r in records if r.offset >= read][: rng.randint(1, 7)]
            fold.push(batch)
            read += len(batch)
        fold.work(rng.randint(1, 5))
        if rng.random() < 0.4:
            saved = (dict(fold.states), fold.next_offset, fold.logged_at)
        if crashes and rng.random() < 0.4:
            crashes -= 1
            fold = PartitionFold(0, before.definitions, dict(saved[0]), saved[1], saved[2])
            read = saved[1]
    found_counts = {c: fold.fold.open(blob).get(engine.SECTION).states for c, blob in fold.states.items()}
    assert {c: sum(states.values()) for c, states in found_counts.items()} == expected
