"""Stream, batch and the naive oracle over the same random trees, histories and instants.

A round is one history with some trees. Each tree is a segment that the production fold follows through the history;
at random instants its members are those that ClickHouse finds and those that the oracle finds. At a random moment some
of the segments are edited: their new versions warm up, their past comes from ClickHouse, and then they are switched to.

    python -m tests.flows.segments.differential 100000 [FIRST_SEED]      so many trees; ends with one line of JSON
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from flows.contact.active import Definitions
from flows.contact.replay import Line, definition_records
from flows.segments.sql.given import given_by
from flows.segments.sql.run import truths
from flows.warehouse.rows import COLUMNS, event_row
from schemas.definitions.conditions import parse_condition
from schemas.records import LEAD_MS, Definition, Record, encode
from schemas.times import DAY, HOUR, format_instant
from sinks.clickhouse import ClickHouse
from tests.clickhouse import engine
from tests.flows.segments.generate import TOPICS, WORLD_ZONE, Generator
from tests.flows.segments.hydrating import Logging, switch
from tests.flows.segments.naive import Logged, World, holds, settled

TREES, EVENTS, INSTANTS = 40, 150, 6  # of a round; the stream and the oracle are asked at each instant
EDITED = 8  # trees of a round that were another tree before
BATCHED = 1  # of the instants the batch is asked at as well: ClickHouse takes milliseconds to read a tree


class Difference(NamedTuple):
    """A contact about whom two of the three disagree. `seed` makes the round again."""

    seed: int
    tree: Mapping[str, Any]
    at: str
    contact: str
    answers: Mapping[str, bool]


class Edit(NamedTuple):
    """Segments that were something else before: published anew at an instant, switched to at another.

    `former`: segment -> its body until then. The new bodies hold from `switched` + the lead on.
    """

    former: Mapping[str, Mapping[str, Any]]
    published: int
    switched: int

    def at(self, instant: int, bodies: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The definitions that hold at the instant."""
        is_before = instant < self.switched + LEAD_MS
        return [self.former.get(body["id"], body) if is_before else body for body in bodies]


class Round:
    """One history, its trees, and an edit of some of them on the way; made of a seed."""

    def __init__(self, seed: int, trees: int = TREES, events: int = EVENTS):
        generator = Generator(seed)
        self.seed = seed
        self.world = generator.world()
        self.log = generator.log(events)
        self.trees = [generator.tree(generator.random.randint(1, 8)) for _ in range(trees)]
        self.instants = sorted({generator.asked_at(self.log) for _ in range(INSTANTS)})
        self.batched = set(generator.random.sample(self.instants, min(BATCHED, len(self.instants))))
        self.bodies = bodies(self.world, self.trees)
        self.edit = self._edit(generator)

    def _edit(self, generator: Generator) -> Edit:
        """Some trees were another tree before, and one that others ask about too."""
        edited = [f"tree-{i}" for i in generator.random.sample(range(len(self.trees)), EDITED)]
        trees = {id: generator.tree(generator.random.randint(1, 8)) for id in edited}
        if generator.random.random() < 0.5:
            trees["simple"] = generator.simple()
        published = generator.random.choice(self.log).logged_at
        switched = published + LEAD_MS + generator.random.choice((0, 1, HOUR, 5 * DAY, 20 * DAY))
        return Edit(
            {id: {"kind": "segment", "id": id, "where": tree} for id, tree in trees.items()}, published, switched
        )

    def differences(self, clickhouse: ClickHouse) -> Iterable[Difference]:
        """Every contact, tree and instant at which the answers are not one."""
        streamed = stream_members(self)
        fill(clickhouse, self.log)
        for at in self.instants:
            current = self.edit.at(at, self.bodies)
            trees = [body["where"] for body in current if body["id"].startswith("tree-")]
            people = settled(self.log, at, self.world_of(current))
            batch = self.batch(clickhouse, current, trees, at) if at in self.batched else None
            for i, tree in enumerate(trees):
                for person in people:
                    answers = {"naive": holds(tree, person), "stream": person.contact in streamed[at][i]}
                    if batch is not None:
                        answers["batch"] = batch[person.contact][i]
                    if len(set(answers.values())) > 1:
                        yield Difference(self.seed, tree, format_instant(at), person.contact, answers)

    def world_of(self, current: Sequence[Mapping[str, Any]]) -> World:
        """The world with the segments that hold at an instant."""
        return replace(self.world, segments={b["id"]: b for b in current if b["id"] in self.world.segments})

    def batch(
        self, clickhouse: ClickHouse, current: Sequence[Mapping[str, Any]], trees: Sequence[Mapping[str, Any]], at: int
    ) -> dict[str, list[bool]]:
        """Contact -> the truth of each tree, by ClickHouse."""
        given = given_by(current, self.snapshots)
        return truths(clickhouse.query, [parse_condition(tree) for tree in trees], at, given)

    @property
    def snapshots(self) -> dict[str, frozenset[str]]:
        return {id: frozenset(members) for id, members in self.world.snapshots.items()}


def bodies(world: World, trees: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The definitions that stream and batch are given."""
    return [
        {"kind": "workspace", "id": "default", "timezone": WORLD_ZONE},
        *({"kind": "topic", "id": id, "channel": channel, "default": d} for (channel, id), d in TOPICS.items()),
        *(dict(body) for body in world.segments.values()),
        *({"kind": "segment", "id": f"tree-{i}", "where": tree} for i, tree in enumerate(trees)),
    ]


def stream_members(round: Round) -> dict[int, list[frozenset[str]]]:
    """Instant -> the members of each tree, as the production fold has them then."""
    lines = [Line(record.logged_at, record.contact, record.event) for record in round.log]
    files: dict[str, Mapping[str, bytes]] = {}
    definitions = Definitions(round.snapshots, lambda partition, path: files[path])
    for record in definition_records(round.edit.at(0, round.bodies), lines[0].logged_at):
        definitions.apply(record)
    run = Logging(definitions)
    acts = [(round.edit.published, 0), (round.edit.switched, 1), *((at, 2) for at in round.instants)]
    found = {}
    for at, act in sorted(acts):
        lines = run.read_until(at, lines)
        if act == 0:
            publish(run, round)
        elif act == 1:
            switch(run, at, files)
        else:
            found[at] = [frozenset(run.members(f"tree-{i}")) for i in range(len(round.trees))]
    return found


def publish(run: Logging, round: Round) -> None:
    """The second version of what is edited, which warms up."""
    for body in round.bodies:
        if body["id"] in round.edit.former:
            assert run.act(round.edit.published, Definition("segment", body["id"], "publish", 2, body, warming=True))


def fill(clickhouse: ClickHouse, log: Sequence[Logged]) -> None:
    """Put a log into the empty table `events`, as the warehouse does."""
    clickhouse.command("TRUNCATE TABLE events")
    records = (Record(i, r.logged_at, r.contact, encode(r.event)) for i, r in enumerate(log))
    clickhouse.insert("events", COLUMNS["events"], [event_row(0, record) for record in records])


def main(trees: int, first_seed: int = 0) -> int:
    """Play rounds until so many trees were tried; the exit code is 1 where any answer differed."""
    started, clickhouse = time.monotonic(), engine()
    found, tried, seed = 0, 0, first_seed
    while tried < trees:
        for difference in Round(seed).differences(clickhouse):
            found += 1
            print(json.dumps(difference._asdict()), flush=True)
        tried, seed = tried + TREES, seed + 1
    seconds = round(time.monotonic() - started, 1)
    print(json.dumps({"trees": tried, "rounds": seed - first_seed, "differences": found, "seconds": seconds}))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
