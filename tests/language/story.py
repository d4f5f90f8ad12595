"""Cases about conditions: one history a story, and rows of who is a member at which instants.

Every row is asked of the production fold, of ClickHouse and of the naive oracle, through the functions behind
`waxwing segment test --by both`. What is expected was derived from the text, never from a run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from flows.contact.replay import Line as Logged
from flows.contact.replay import replay
from flows.segments.settled import settled
from flows.segments.sql.given import given_by
from flows.segments.sql.run import truths
from infra.history import read_lines
from schemas.definitions import parse
from schemas.definitions.conditions import parse_condition
from sinks.clickhouse import ClickHouse
from tests.flows.segments import naive
from tests.flows.segments.differential import fill
from tests.language.lines import Line, at

Condition = Mapping[str, Any]
SIDES = ("stream", "batch", "naive")


class Row(NamedTuple):
    """`says`: the words of LANGUAGE.md that it holds. `members`: instant -> ids, in order.

    `where` is None for a static segment. `streamed` is what the stream says where the text lets it differ.
    """

    says: str
    where: Condition | None
    members: Mapping[str, str]
    streamed: Mapping[str, str] = {}


class Refused(NamedTuple):
    """A condition that is refused: at which paths."""

    says: str
    where: Condition
    paths: tuple[str, ...]


@dataclass(frozen=True)
class Story:
    """`others` are definitions beside the rows' own segments."""

    name: str
    lines: Sequence[Line]
    rows: Sequence[Row]
    others: Sequence[Mapping[str, Any]] = ()
    snapshots: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def bodies(self) -> list[dict[str, Any]]:
        """All definitions, each found valid."""
        made = [dict(body) for body in self.others]
        for i, row in enumerate(self.rows):
            asks: dict[str, Any] = {"static": True} if row.where is None else {"where": row.where}
            made.append({"kind": "segment", "id": f"row-{i}", **asks})
        for body in made:
            parse(body)
        return made

    def instants(self) -> list[str]:
        """Every instant that some row asks at, in order."""
        return sorted({when for row in self.rows for when in row.members}, key=at)

    def read(self, folder: Path) -> list[Logged]:
        """The lines as the command reads them from a file."""
        file = folder / "events.jsonl"
        file.write_text("\n".join(map(json.dumps, self.lines)))
        return read_lines(file)


Answers = dict[str, dict[str, list[list[str]]]]  # side -> instant -> of each row the members


def ask(story: Story, folder: Path, clickhouse: ClickHouse) -> Answers:
    """What each side says of all rows at all instants."""
    lines = story.read(folder)
    return {
        "stream": _stream(story, lines),
        "batch": _batch(story, lines, clickhouse),
        "naive": _naive(story, lines),
    }


def _stream(story: Story, lines: Sequence[Logged]) -> dict[str, list[list[str]]]:
    snapshots = {id: frozenset(members) for id, members in story.snapshots.items()}
    found = {}
    for when in story.instants():
        known = settled([line for line in lines if line.logged_at <= at(when)])
        run = replay(story.bodies(), known, at(when), snapshots=snapshots)
        found[when] = [run.members(f"row-{i}") for i in range(len(story.rows))]
    return found


def _batch(story: Story, lines: Sequence[Logged], clickhouse: ClickHouse) -> dict[str, list[list[str]]]:
    fill(clickhouse, [naive.Logged(*line) for line in lines])
    given = given_by(story.bodies(), {id: frozenset(members) for id, members in story.snapshots.items()})
    rows = [parse_condition({"segment": f"row-{i}"}) for i in range(len(story.rows))]
    found = {}
    for when in story.instants():
        known = truths(clickhouse.query, rows, at(when), given)
        found[when] = [sorted(contact for contact, held in known.items() if held[i]) for i in range(len(rows))]
    return found


def _naive(story: Story, lines: Sequence[Logged]) -> dict[str, list[list[str]]]:
    log = [naive.Logged(*line) for line in lines]
    segments = {body["id"]: body for body in story.bodies() if body["kind"] == "segment"}
    topics = {(t["channel"], t["id"]): t["default"] for t in story.others if t["kind"] == "topic"}
    zone = next((b["timezone"] for b in story.others if b["kind"] == "workspace"), "UTC")
    world = naive.World(segments, story.snapshots, topics, {}, zone)
    found = {}
    for when in story.instants():
        people = naive.settled(log, at(when), world)
        found[when] = [
            sorted(person.contact for person in people if naive.member(f"row-{i}", person))
            for i in range(len(story.rows))
        ]
    return found
