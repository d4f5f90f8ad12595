"""What must hold of every leaf, whatever it asks: checked on random events for one leaf of each form."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

import msgspec
import pytest

from flows.segments.leaf import Leaf
from flows.segments.leaves import compile_leaf, compile_listed
from schemas.definitions.conditions import Leaf as Spec
from schemas.definitions.conditions import leaves, parse_condition
from schemas.records import Event
from schemas.times import format_instant
from tests.flows.segments.seen import Seen

START = 1_767_225_600_000
SPAN = 60
DATED = {"property": "day", "op": "within_next", "value": "10ms"}
N = {"property": "n", "op": "gte", "value": 2}
WINDOWS: list[dict[str, Any]] = [
    {},
    {"within": "20ms"},
    {"within": {"from": "30ms", "to": "10ms"}},
    {"between": [format_instant(START + 10), format_instant(START + 40)]},
]
COUNTS = [("gte", 2), ("gt", 1), ("eq", 1), ("ne", 2), ("lt", 2), ("between", [1, 2]), ("in", [1, 3])]
MEASURES = [
    *({"count": {"op": op, "value": value}} for op, value in COUNTS),
    *({m: {"property": "n", "op": "gte", "value": 2}} for m in ("sum", "avg", "min", "max", "distinct")),
    {"min": {"property": "n", "op": "missing"}},
]
FORMS: list[dict[str, Any]] = [
    *({"performed": "a", **measure, **window} for measure in MEASURES for window in WINDOWS),
    *({"performed": "a", "where": [DATED], **measure, **window} for measure in MEASURES[:9] for window in WINDOWS),
    *({"first_performed": "a", "where": [N], **window} for window in WINDOWS),
    *({"first_performed": "a", "where": [DATED], **window} for window in WINDOWS),
    *({"last_performed": "a", "has": [N], **window} for window in WINDOWS),
    *({"last_performed": "a", "where": [DATED], "has": [N, DATED], **window} for window in WINDOWS),
    *({"sequence": [{"performed": "a"}, {"performed": {"starts_with": "a"}}], **window} for window in WINDOWS),
    *({"sequence": [{"performed": "a"}, {"performed": "b"}, {"performed": "a"}], **w, "gap": "15ms"} for w in WINDOWS),
    {"sequence": [{"performed": "a", "where": [DATED]}, {"performed": "b"}], "within": "40ms"},
    {"regularly": "a", "period": "10ms", "periods": 3, "at_least": 2},
    {
        "regularly": "a",
        "where": [DATED],
        "period": "10ms",
        "periods": 3,
        "at_least": 1,
        "count": {"op": "eq", "value": 1},
    },
    {"trait": "plan", "op": "eq", "value": 2, "for": "20ms"},
    {"trait": "plan", "op": "missing", "for": "20ms"},
    *({"message": "opened", "count": {"op": "gte", "value": 2}, **window} for window in WINDOWS),
]


ADDING = ("count", "sum", "avg", "message")  # two copies of one event are two to them (`flows.contact.recent`)


def compiled(form: dict[str, Any]) -> Leaf:
    (spec,) = leaves(parse_condition(form))
    leaf: Spec = spec
    return compile_leaf(leaf)


def happenings(random: Random, count: int) -> list[tuple[int, Event]]:
    """(logged at, event) in the order of the log; some late."""
    found = []
    for logged_at in sorted(random.randrange(SPAN) for _ in range(count)):
        at = START + max(0, logged_at - random.choice([0, 0, 1, 5, 20]))
        name = random.choice(["a", "a", "b", "email_opened"])
        properties = {"n": random.choice([1, 2, 2.5, "2"]), "day": format_instant(START + random.randrange(2 * SPAN))}
        event = Event("track", at=at, event=name, properties=properties)
        if random.random() < 0.3:
            event = Event("identify", at=at, traits={"plan": random.choice([1, 2, 2, None])})
        found.append((START + logged_at, event))
    return found


def observed(leaf: Leaf, happened: list[tuple[int, Event]]) -> Any:
    state = None
    for logged_at, event in happened:
        state = leaf.observe(state, event, logged_at)
    return state


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_nothing_changes_between_two_instants_that_it_names(form: dict[str, Any]) -> None:
    leaf, view = compiled(form), Seen()
    for seed in range(12):
        happened = happenings(Random(seed), 8)
        state, at = observed(leaf, happened), happened[-1][0]
        truths = [leaf.truth(state, view, at + i) for i in range(3 * SPAN)]
        changes = {at + i + 1 for i, (a, b) in enumerate(pairwise(truths)) if a != b}
        named, now, vain = set(), at, 0
        while (due := leaf.next_change(state, view, now)) is not None and due < at + 3 * SPAN:
            assert due > now
            vain += due not in changes
            named.add(due)
            now = due
        assert changes <= named
        assert vain <= 8


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_order_in_which_events_come_does_not_matter(form: dict[str, Any]) -> None:
    leaf, view = compiled(form), Seen()
    for seed in range(12):
        random = Random(seed)
        happened = happenings(random, 8)
        if len({event.at for _, event in happened}) < len(happened):
            continue  # of events with one `at` the order in the log counts
        end = happened[-1][0]
        shuffled = [(end, event) for _, event in happened]
        random.shuffle(shuffled)
        state, other = observed(leaf, happened), observed(leaf, shuffled)
        for at in range(end, end + 2 * SPAN):
            assert leaf.truth(state, view, at) == leaf.truth(other, view, at)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_merging_two_parts_is_having_seen_all(form: dict[str, Any]) -> None:
    leaf, view = compiled(form), Seen()
    for seed in range(12):
        happened = happenings(Random(seed), 8)
        whole, end = observed(leaf, happened), happened[-1][0]
        for cut in (0, 3, 8):
            merged = leaf.merge(observed(leaf, happened[:cut]), observed(leaf, happened[cut:]))
            for at in range(end, end + 2 * SPAN):
                assert leaf.truth(merged, view, at) == leaf.truth(whole, view, at)


@pytest.mark.parametrize("form", [form for form in FORMS if not form.keys() & {*ADDING}], ids=str)
def test_what_both_parts_have_seen_is_one_where_a_leaf_neither_counts_nor_adds(form: dict[str, Any]) -> None:
    leaf, view = compiled(form), Seen()
    for seed in range(12):
        happened = happenings(Random(seed), 8)
        whole, end = observed(leaf, happened), happened[-1][0]
        merged = leaf.merge(observed(leaf, happened[:6]), observed(leaf, happened[3:]))
        for at in range(end, end + 2 * SPAN):
            assert leaf.truth(merged, view, at) == leaf.truth(whole, view, at)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_state_survives_being_stored_and_is_no_larger_than_said(form: dict[str, Any]) -> None:
    leaf, view = compiled(form), Seen()
    happened = happenings(Random(1), 12)
    state, end = observed(leaf, happened), happened[-1][0]
    stored = msgspec.msgpack.encode(state)
    assert len(stored) <= leaf.size(per_day=12)
    again = msgspec.msgpack.decode(stored)
    for at in range(end, end + 2 * SPAN):
        assert leaf.truth(again, view, at) == leaf.truth(state, view, at)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_an_event_that_it_does_not_name_leaves_the_very_state(form: dict[str, Any]) -> None:
    leaf = compiled(form)
    state = observed(leaf, happenings(Random(2), 8))
    assert leaf.observe(state, Event("track", at=START + SPAN, event="other"), START + SPAN) is state


def test_ids_are_eleven_characters_and_stand_for_the_meaning() -> None:
    ids = {compiled(form).id for form in FORMS}
    assert len(ids) == len(FORMS)
    assert {len(id) for id in ids} == {11}
    assert compiled({"performed": "a"}).id == compiled({"performed": "a", "count": {"op": "gte", "value": 1}}).id


def test_a_static_segments_latest_fact_stands_after_a_merge() -> None:
    leaf = compile_listed("s")
    added = leaf.observe(None, Event("segment_added", at=5, properties={"segment": "s"}), 9)
    removed = leaf.observe(None, Event("segment_removed", at=7, properties={"segment": "s"}), 9)
    assert not leaf.truth(leaf.merge(added, removed), Seen(), 9)
    assert not leaf.truth(leaf.merge(removed, added), Seen(), 9)
