"""The past of new leaves through a real ClickHouse: as if the definition had been active from the start, once."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.contact.active import Definitions
from flows.contact.replay import Line, definition_records
from flows.segments import engine
from schemas.records import LEAD_MS, Definition
from tests.flows.segments.generate import TOPICS, WORLD_ZONE, Generator
from tests.flows.segments.hydrating import Logging, switch

TREES, EVENTS = 6, 90
seeds = st.integers(0, 2**32)


class World:
    """A random history and trees, and what both worlds have in common."""

    def __init__(self, seed: int):
        generator = Generator(seed)
        self.rng = random.Random(seed)
        self.world = generator.world()
        self.lines = [Line(r.logged_at, r.contact, r.event) for r in generator.log(EVENTS)]
        self.trees = [generator.tree(generator.random.randint(1, 5)) for _ in range(TREES)]
        self.trees += [{"performed": name, "count": {"op": "gte", "value": 9}} for name in ("login", "order_completed")]
        self.common: list[dict[str, Any]] = [
            {"kind": "workspace", "id": "default", "timezone": WORLD_ZONE},
            *({"kind": "topic", "id": id, "channel": channel, "default": d} for (channel, id), d in TOPICS.items()),
            *(dict(body) for body in self.world.segments.values()),
        ]
        self.bodies: list[dict[str, Any]] = [
            {"kind": "segment", "id": f"tree-{i}", "where": tree} for i, tree in enumerate(self.trees)
        ]
        self.end = self.lines[-1].logged_at

    def definitions(self, bodies: list[dict[str, Any]], files: Mapping[str, Mapping[str, bytes]]) -> Definitions:
        snapshots = {id: frozenset(members) for id, members in self.world.snapshots.items()}
        made = Definitions(snapshots, lambda partition, path: files[path])
        for record in definition_records(bodies, self.lines[0].logged_at - 1):
            made.apply(record)
        return made


def from_the_start(world: World) -> Logging:
    run = Logging(world.definitions([*world.common, *world.bodies], {}))
    run.run(world.lines)
    return run


def hydrated(world: World) -> Logging:
    """The trees are published at a random moment and switched to at a later one."""
    files: dict[str, Mapping[str, bytes]] = {}
    run = Logging(world.definitions(world.common, files))
    first = world.lines[0].logged_at
    published = world.rng.randint(first, world.end)
    later = published + LEAD_MS + world.rng.choice((0, 1, 10, 3_600_000, 86_400_000, 20 * 86_400_000))
    run.run([line for line in world.lines if line.logged_at < published])
    for body in world.bodies:
        assert run.act(published, Definition("segment", body["id"], "publish", 1, body, warming=True))
    run.run([line for line in world.lines if published <= line.logged_at <= later], later)
    switch(run, later, files)
    run.run([line for line in world.lines if line.logged_at > later])
    run.pass_time(max(world.end, later + LEAD_MS))
    return run


def answers(run: Logging, at: int) -> dict[tuple[str, str], Any]:
    """(contact, leaf) -> whether it holds at the instant and by what values, of all leaves of the trees."""
    found = {}
    active = run.fold.definitions.at(at)
    leaves = {leaf.id: leaf for s in active.segments.segments for leaf in s.program.leaves if s.id.startswith("tree-")}
    for contact in run.fold.states:
        state, view = run.open(contact), run.subject(contact)
        assert state is not None
        assert view is not None
        if not state.merged_into:
            kept = state.get(engine.SECTION).states
            for id, leaf in leaves.items():
                found[contact, id] = leaf.truth(kept.get(id), view, at), leaf.explain(kept.get(id), view, at)
    return found


@given(seeds)
@settings(max_examples=25, deadline=None)
@pytest.mark.slow
def test_every_leaf_is_as_if_the_definition_had_been_active_from_the_start(seed: int) -> None:
    world = World(seed)
    expected, found = from_the_start(world), hydrated(world)
    end = max(expected.now, found.now)
    for moment in (end, end + 1, end + 3_600_000, end + 3 * 86_400_000, end + 14 * 86_400_000):
        expected.pass_time(moment)
        found.pass_time(moment)
        assert answers(found, moment) == answers(expected, moment)
        for body in world.bodies:
            assert found.members(body["id"]) == expected.members(body["id"])
