"""Stream, batch and the naive oracle over the same random trees, histories and instants.

A round is one history with some trees. Each tree is a segment that the production fold follows through the history;
at random instants its members are those that ClickHouse finds and those that the oracle finds.

    python -m tests.flows.segments.differential 100000 [FIRST_SEED]      so many trees; ends with one line of JSON
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from flows.contact.replay import Line, replay
from flows.segments.sql.given import given_by
from flows.segments.sql.run import truths
from flows.warehouse.rows import COLUMNS, event_row
from schemas.definitions.conditions import parse_condition
from schemas.records import Record, encode
from schemas.times import format_instant
from sinks.clickhouse import ClickHouse
from tests.clickhouse import engine
from tests.flows.segments.generate import TOPICS, WORLD_ZONE, Generator
from tests.flows.segments.naive import Logged, World, holds, settled

TREES, EVENTS, INSTANTS = 40, 150, 6  # of a round; the stream and the oracle are asked at each instant
BATCHED = 1  # of the instants the batch is asked at as well: ClickHouse takes milliseconds to read a tree


class Difference(NamedTuple):
    """A contact about whom two of the three disagree. `seed` makes the round again."""

    seed: int
    tree: Mapping[str, Any]
    at: str
    contact: str
    answers: Mapping[str, bool]


class Round:
    """One history and its trees, made of a seed."""

    def __init__(self, seed: int, trees: int = TREES, events: int = EVENTS):
        generator = Generator(seed)
        self.seed = seed
        self.world = generator.world()
        self.log = generator.log(events)
        self.trees = [generator.tree(generator.random.randint(1, 8)) for _ in range(trees)]
        self.instants = sorted({generator.asked_at(self.log) for _ in range(INSTANTS)})
        self.batched = set(generator.random.sample(self.instants, min(BATCHED, len(self.instants))))
        self.bodies = bodies(self.world, self.trees)

    def differences(self, clickhouse: ClickHouse) -> Iterable[Difference]:
        """Every contact, tree and instant at which the answers are not one."""
        fill(clickhouse, self.log)
        streamed = stream_members(self.bodies, self.log, self.world, self.instants)
        given = given_by(self.bodies, {k: frozenset(v) for k, v in self.world.snapshots.items()})
        parsed = [parse_condition(tree) for tree in self.trees]
        for at in self.instants:
            people = settled(self.log, at, self.world)
            batch = truths(clickhouse.query, parsed, at, given) if at in self.batched else None
            for i, tree in enumerate(self.trees):
                for person in people:
                    answers = {"naive": holds(tree, person), "stream": person.contact in streamed[at][i]}
                    if batch is not None:
                        answers["batch"] = batch[person.contact][i]
                    if len(set(answers.values())) > 1:
                        yield Difference(self.seed, tree, format_instant(at), person.contact, answers)


def bodies(world: World, trees: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The definitions that stream and batch are given."""
    return [
        {"kind": "workspace", "id": "default", "timezone": WORLD_ZONE},
        *({"kind": "topic", "id": id, "channel": channel, "default": d} for (channel, id), d in TOPICS.items()),
        *(dict(body) for body in world.segments.values()),
        *({"kind": "segment", "id": f"tree-{i}", "where": tree} for i, tree in enumerate(trees)),
    ]


def stream_members(
    definitions: Sequence[Mapping[str, Any]], log: Sequence[Logged], world: World, instants: Sequence[int]
) -> dict[int, list[frozenset[str]]]:
    """Instant -> the members of each tree, as the production fold has them then."""
    snapshots = {id: frozenset(members) for id, members in world.snapshots.items()}
    count = sum(body["id"].startswith("tree-") for body in definitions)
    lines = [Line(record.logged_at, record.contact, record.event) for record in log]
    run = replay(definitions, [], lines[0].logged_at, snapshots=snapshots)
    found, done = {}, 0
    for at in instants:
        following = done + sum(line.logged_at <= at for line in lines[done:])
        run.run(lines[done:following], at)
        done = following
        found[at] = [frozenset(run.members(f"tree-{i}")) for i in range(count)]
    return found


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
