"""Who is passed by when definitions become active: nobody whom it concerns. Against a fold that passes nobody by."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.contact.active import Definitions
from flows.contact.partition import PartitionFold
from flows.contact.section import decode_head
from flows.contact.sweep import Sweep
from flows.segments import engine
from flows.segments.hydration import pack, unpack
from schemas.records import TICK, Definition, Entry, Event, Record, encode

START = 1_700_000_000_000
NAMES = ("buy", "look", "login")
WHERES: tuple[dict[str, Any], ...] = (
    {"performed": "buy"},
    {"performed": "buy", "count": {"op": "gte", "value": 2}, "within": "3s"},
    {"performed": "look", "count": {"op": "lt", "value": 2}},
    {"and": [{"performed": "login", "within": "2s"}, {"performed": "buy"}]},
    {"not": {"performed": "look", "within": "5s"}},
    {"trait": "plan", "op": "eq", "value": "gold"},
    {"or": [{"segment": "s0"}, {"performed": "login"}]},
    {"bucket": [0, 50], "salt": "x"},
    {"everyone": True},
)


class Unsparing(Definitions):
    """Lets everyone see everything."""

    def to_hold(self, seen: int, until: int) -> frozenset[str] | None:
        return None

    def concerning(self, epochs: Iterable[int], seen: int) -> list[int]:
        return list(epochs)


class World:
    """A random history of one partition in which segments are published, warm up, are switched to, edited, deleted."""

    def __init__(self, seed: int):
        self.rng = rng = random.Random(seed)
        self.files: dict[str, Mapping[str, bytes]] = {}
        self.acts: list[tuple[int, Definition]] = []
        self.records: list[Record] = []
        versions: dict[str, int] = {}
        now = START
        for n in range(60):
            now += rng.choice((0, 1, 40, 300, 900))
            if rng.random() < 0.25:
                self.acts.append((now, self.act(f"s{rng.randrange(4)}", versions)))
            key = f"c{rng.randrange(8)}"
            event = Event("track", f"{n}", now, rng.choice(NAMES), user_id=key)
            if rng.random() < 0.2:
                event = Event("identify", f"{n}", now, traits={"plan": rng.choice(("gold", "free"))}, user_id=key)
            self.records.append(Record(n, now, key, encode(event)))
        self.records.append(Record(60, now + 10_000, "", TICK))

    def act(self, id: str, versions: dict[str, int]) -> Definition:
        version, draw = versions.get(id, 0), self.rng.random()
        if version and draw < 0.3:
            return Definition(
                "segment", id, "switch", version, {"past": self.past(), "leaves": self.leaves()}, lead=300
            )
        if version and draw < 0.4:
            return Definition("segment", id, "delete", version)
        versions[id] = version + 1
        body = {"kind": "segment", "id": id, "where": self.rng.choice(WHERES)}
        is_warming = draw < 0.8
        return Definition("segment", id, "publish", version + 1, body, "", is_warming, 300 if is_warming else 1_000)

    def leaves(self) -> list[str]:
        programs = [engine.compile_condition(engine.parse_condition(where)) for where in WHERES]
        return sorted({leaf.id for program in programs for leaf in program.leaves if leaf.id in COUNTS})

    def past(self) -> dict[str, str]:
        name = f"f{len(self.files)}"
        some = self.rng.sample([f"c{i}" for i in range(12)], 3)
        self.files[name] = unpack(pack({contact: {id: COUNTS[id] for id in self.leaves()} for contact in some}))
        return {"0": name}

    def fold(self, made: Definitions) -> tuple[set[bytes], dict[str, tuple[Any, ...]]]:
        for offset, (at, act) in enumerate(self.acts):
            made.apply(Record(offset, at, "", encode(act)))
        fold, effects = PartitionFold(0, made, {}, 0), list[Entry]()
        rng, read = random.Random(len(self.files)), 0
        while fold.busy or read < len(self.records):
            if not fold.busy or rng.random() < 0.5:
                fold.push(self.records[read : read + 5])
                read += 5
            effects += fold.work(20)
        states = {contact: fold.fold.open(blob) for contact, blob in fold.states.items()}
        for contact, state in states.items():
            fold.fold.wake(contact, state, self.records[-1].logged_at, effects)
        sections = {contact: state.get(engine.SECTION) for contact, state in states.items()}
        return {e.value for e in effects}, {c: (s.states, s.dues, s.members) for c, s in sections.items()}


# What the leaves of `buy` have seen, by their ids: how often ever.
COUNTS = {leaf.id: 1 for leaf in engine.compile_condition(engine.parse_condition(WHERES[0])).leaves}


@given(st.integers(0, 2**32))
@example(99_854)  # a past is brought between what one contact sees at once, and the next asks for what it brings
@settings(max_examples=150, deadline=None)
def test_who_is_passed_by_would_have_seen_nothing(seed: int) -> None:
    world = World(seed)
    files = world.files
    spared = world.fold(Definitions(states_in=lambda partition, path: files[path]))
    assert spared == world.fold(Unsparing(states_in=lambda partition, path: files[path]))


def test_a_new_segment_over_events_is_seen_by_those_alone_of_whom_it_knows_something() -> None:
    files = {"f": unpack(pack({"c1": dict(COUNTS), "gone": dict(COUNTS)}))}
    made = Definitions(states_in=lambda partition, path: files[path])
    body = {"kind": "segment", "id": "s", "where": WHERES[0]}
    made.apply(Record(0, START, "", encode(Definition("segment", "s", "publish", 1, body, warming=True, lead=300))))
    fold = PartitionFold(0, made, {}, 0)
    for n in range(5):
        event = Event("track", f"{n}", START, "look", user_id=f"c{n}")
        fold.push([Record(n, START, f"c{n}", encode(event))])
        fold.work(10)
    bought = Event("track", "b", START + 400, "buy", user_id="c4")
    fold.push([Record(5, START + 400, "c4", encode(bought))])
    while fold.busy:
        fold.work(10)
    switched = {"past": {"0": "f"}, "leaves": sorted(COUNTS)}
    made.apply(Record(1, START + 500, "", encode(Definition("segment", "s", "switch", 1, switched, lead=500))))
    seen = min(decode_head(blob).epoch for blob in fold.states.values())
    sweep = Sweep(0, made, fold.states, seen, START + 1_000)
    assert sorted(sweep.next(100)) == ["c1", "c4", "gone"]
    assert sweep.is_over
