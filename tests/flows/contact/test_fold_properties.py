"""Random logs, crash points and checkpoints: the same effects; and each contact alone as in its partition."""

from __future__ import annotations

import random
from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.contact.active import Definitions
from flows.contact.partition import PartitionFold
from flows.contact.replay import alone, settled
from schemas.records import TICK, Entry, Record, decode_send
from schemas.topics import CHANGES, EVENTS, SENDS
from tests.recovery import history
from tests.recovery.judge import DECODE

START = 1_700_000_000_000
seeds = st.integers(0, 2**32)


class World:
    """A random log of one partition, of a few contacts and seconds, with definitions that change meanwhile."""

    def __init__(self, seed: int, records: int = 80):
        self.rng = rng = random.Random(seed)
        self.definitions = Definitions()
        published = history.Definitions(rng)
        offset = 0

        def publish(entries: list[Entry], at: int) -> None:
            nonlocal offset
            for entry in entries:
                self.definitions.apply(Record(offset, at, entry.key, entry.value))
                offset += 1

        publish(published.first(), START - 1_000)
        self.records: list[Record] = []
        now = START
        for n in range(records):
            now += rng.choice([0, 0, 1, 5, 40, 300, 900])
            if rng.random() < 0.08:
                publish(published.another(n), now)
            self.records.append(self.record(n, now))
        self.records.append(Record(records, now + 10_000, "", TICK))

    def record(self, n: int, now: int) -> Record:
        if self.rng.random() < 0.1:
            return Record(n, now, "", TICK)
        entry = history.event(self.rng, f"c{self.rng.randrange(4)}", f"e{self.rng.randrange(n + 1)}-{n % 7}", now)
        return Record(n, now, entry.key, entry.value)

    def fold(self, states: dict[str, bytes], next_offset: int, logged_at: int) -> PartitionFold:
        return PartitionFold(0, self.definitions, dict(states), next_offset, logged_at)


def by_id(effects: list[Entry]) -> dict[tuple[str, str], set[bytes]]:
    found = defaultdict[tuple[str, str], set[bytes]](set)
    for topic, _, value, _ in effects:
        if topic in DECODE:
            found[topic, DECODE[topic](value)].add(value)
    return found


def undisturbed(world: World) -> tuple[list[Entry], dict[str, bytes]]:
    fold, effects = world.fold({}, 0, 0), list[Entry]()
    fold.push(world.records)
    while fold.busy:
        effects += fold.work(1 << 60)
    return effects, seen_all(world, fold)


def seen_all(world: World, fold: PartitionFold) -> dict[str, bytes]:
    """The states; what passed a contact by must have had nothing to say to it."""
    said: list[Entry] = []
    until = world.records[-1].logged_at
    found = {c: settled(world.definitions, c, blob, until, said) for c, blob in fold.states.items()}
    assert said == []
    return found


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_each_contact_alone_gives_what_its_partition_gives(seed: int):
    world = World(seed)
    expected, states = undisturbed(world)
    own = defaultdict[str, list[Record]](list)
    for record in world.records:
        if record.key:
            own[record.key].append(record)
    effects: list[Entry] = []
    until = world.records[-1].logged_at
    for contact, records in own.items():
        assert alone(world.definitions, 0, contact, records, until, effects).save() == states[contact]
    assert by_id(effects) == by_id(expected)


@given(seeds, st.integers(1, 30))
@settings(max_examples=60, deadline=None)
def test_crashes_anywhere_repeat_effects_and_change_none(seed: int, crashes: int):
    world = World(seed)
    expected, states = undisturbed(world)
    rng = random.Random(seed ^ 1)
    effects: list[Entry] = []
    saved: tuple[dict[str, bytes], int, int] = ({}, 0, 0)
    fold = world.fold(*saved)
    read = 0
    while fold.busy or read < len(world.records):
        if not fold.busy or rng.random() < 0.3:
            more = world.records[read : read + rng.randint(1, 9)]
            fold.push(more)
            read += len(more)
        effects += fold.work(rng.randint(1, 6))
        if rng.random() < 0.3:
            saved = (dict(fold.states), fold.next_offset, fold.logged_at)
        if crashes and rng.random() < 0.2:
            crashes -= 1
            fold, read = world.fold(*saved), saved[1]
    assert seen_all(world, fold) == states
    assert by_id(effects) == by_id(expected)
    assert all(len(values) == 1 for values in by_id(effects).values())


def test_these_worlds_have_sends_flips_and_journeys_in_them():
    topics = defaultdict[str, int](int)
    for seed in range(10):
        for entry in undisturbed(World(seed))[0]:
            topics[entry.topic] += 1
    assert topics[SENDS] > 50
    assert topics[CHANGES] > 200
    assert topics[EVENTS] > 5


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_no_run_is_sent_a_nodes_message_twice_however_it_is_moved(seed: int):
    effects, _ = undisturbed(World(seed))
    sent = [decode_send(entry.value) for entry in effects if entry.topic == SENDS]
    of_runs = [send for send in sent if send.run]  # a recall has none
    assert len({(send.run, send.node) for send in of_runs}) == len({send.id for send in of_runs})
