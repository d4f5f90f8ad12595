"""`waxwing segment test`: who is a member, by the production fold, by ClickHouse, or by both; no server needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec
import typer

from flows.contact.replay import Line, Replay, replay
from flows.segments.order import refuse_cycles
from flows.segments.ranked_lines import rank_in
from flows.segments.settled import settled
from flows.segments.sql.given import Given, given_by
from flows.segments.sql.run import members
from flows.segments.sql.run import ranked as compute
from flows.warehouse.rows import COLUMNS, event_row
from infra.client import show
from infra.history import read_definitions, read_lines, read_option_instant, read_snapshots
from schemas.definitions import parse
from schemas.definitions.conditions import (
    Condition,
    InSegment,
    InSnapshot,
    Percentile,
    Rfm,
    Score,
    leaves,
    rankings,
    references,
)
from schemas.definitions.ranking import Ranking
from schemas.errors import InvalidInput, Violation
from schemas.records import Record, encode
from schemas.times import format_instant
from sinks.clickhouse import MIGRATIONS, ClickHouse, statements

UNEQUAL: Final = 1
_INSERTED: Final = 50_000  # rows at once
app = typer.Typer(help="Segments.", no_args_is_help=True)


class By(StrEnum):
    """Who answers."""

    STREAM = "stream"
    BATCH = "batch"
    BOTH = "both"


def register(root: typer.Typer) -> None:
    """Add `segment` to the command line."""
    root.add_typer(app, name="segment")


@app.command("mismatches")
def mismatches(
    id: Annotated[str, typer.Argument(help="a segment")],
    since: Annotated[str | None, typer.Option(help="ISO 8601 with an offset; 30 days ago by default")] = None,
) -> None:
    """Which properties of events hold no number where a segment asks one, so that nobody matches, as JSON."""
    asked: dict[str, Any] = {} if since is None else {"since": since}
    show(f"/v1/segments/{quote(id, safe='')}/mismatches", **asked)


@app.callback()
def _segment() -> None:
    """Segments."""


@app.command("test")
def ask(
    file: Annotated[Path, typer.Argument(help="the segment and what it refers to: one definition or a list")],
    events: Annotated[Path, typer.Option("--events", help="Segment-spec JSON lines")],
    at: Annotated[str, typer.Option("--at", help="ask at this instant; else at the last line's")] = "",
    by: Annotated[By, typer.Option("--by", help="the fold, ClickHouse, or both")] = By.BOTH,
    id: Annotated[str, typer.Option("--id", help="which segment, where the file has several")] = "",
    snapshots: Annotated[Path | None, typer.Option("--snapshots", help='JSON: {"id": \\[contact, …]}')] = None,
) -> None:
    """The members of a segment over a history, as JSON; exit 1 where stream and batch differ."""
    bodies = [written for written, _ in read_definitions(file)]
    given = given_by(bodies, read_snapshots(snapshots))
    segment = _chosen(file, given, id)
    conditions = _reached(file, segment, given, {body["id"] for body in bodies if body["kind"] == "ranking"})
    lines = read_lines(events)
    instant = _instant(at, events, lines)
    lines = [line for line in lines if line.logged_at <= instant]
    models = {leaf.model for c in conditions for leaf in leaves(c) if isinstance(leaf, Score)}
    is_folded = by is not By.BATCH or bool(models)
    files: dict[str, Mapping[str, bytes]] = {}
    history = settled(lines)
    run = (
        replay(bodies, history, instant, snapshots=given.snapshots, states_in=lambda _, path: files[path])
        if is_folded
        else None
    )
    answers: dict[str, Any] = {}
    if run is not None:
        rank_in(run, ranked_by(conditions, bodies), history, files, run.now)
    if by is not By.BATCH and run is not None:
        answers["stream"] = run.members(segment)
    if by is not By.STREAM:
        if run is not None:
            given = given_by(bodies, given.snapshots, _scores(run, models))
        answers["batch"] = batch_members(lines, InSegment(segment), instant, given, ranked_by(conditions, bodies))
    _print(instant, by, answers)


def ranked_by(conditions: Sequence[Condition], bodies: Sequence[Mapping[str, Any]]) -> list[Ranking]:
    """The rankings that the conditions ask about; they are computed as of the instant that is asked about."""
    asked = set().union(*map(rankings, conditions))
    found = [parse(body) for body in bodies if body["kind"] == "ranking" and body["id"] in asked]
    return [ranking for ranking in found if isinstance(ranking, Ranking)]


def batch_members(
    lines: Sequence[Line], condition: Condition, at: int, given: Given, ranked: Sequence[Ranking] = ()
) -> list[str]:
    """The condition's members by ClickHouse's own engine, over the lines, in a folder that is gone afterwards."""
    with TemporaryDirectory(prefix="waxwing-segment-") as folder:
        clickhouse = ClickHouse(Path(folder))
        try:
            clickhouse.command(_events_table())
            records = [Record(i, line.logged_at, line.contact, encode(line.event)) for i, line in enumerate(lines)]
            for first in range(0, len(records), _INSERTED):
                rows = [event_row(0, record) for record in records[first : first + _INSERTED]]
                clickhouse.insert("events", COLUMNS["events"], rows)
            places = {ranking.id: compute(clickhouse.query, ranking, at, given) for ranking in ranked}
            return members(clickhouse.query, condition, at, replace(given, rankings=places))
        finally:
            clickhouse.close()


def _events_table() -> str:
    """The statement of the migrations that makes the table `events`: the one that a segment is computed from."""
    migration = (MIGRATIONS / "0001_events.sql").read_text(encoding="utf-8")
    return next(s for s in statements(migration) if "TABLE IF NOT EXISTS events\n" in s)


def _print(at: int, by: By, answers: Mapping[str, list[str]]) -> None:
    found: dict[str, Any] = {"at": format_instant(at)}
    if by is By.BOTH:
        found |= {**answers, "equal": answers["stream"] == answers["batch"]}
    else:
        found["members"] = answers[by]
    typer.echo(msgspec.json.encode(found))
    if not found.get("equal", True):
        raise typer.Exit(UNEQUAL)


def _chosen(file: Path, given: Given, id: str) -> str:
    if id in given.segments or (not id and len(given.segments) == 1):
        return id or next(iter(given.segments))
    known = ", ".join(given.segments) or "none"
    what = f"there is no segment {id!r}; there is: {known}" if id else f"which segment? give --id, one of: {known}"
    raise InvalidInput(str(file), [Violation("", what)])


def _reached(file: Path, segment: str, given: Given, known: set[str]) -> list[Condition]:
    """The conditions that the segment's members depend on; InvalidInput where one names what is not given."""
    conditions = {id: condition for id, condition in given.segments.items() if condition is not None}
    refuse_cycles({id: references(condition) for id, condition in conditions.items()})
    reached, faults = [segment], []
    for id in reached:
        condition = conditions.get(id)
        asked = leaves(condition) if condition is not None else ()
        for leaf in asked:
            match leaf:
                case InSegment(other) if other not in given.segments:
                    faults.append(Violation(f"segment {id}", f"there is no segment {other!r} in the file"))
                case InSegment(other) if other not in reached:
                    reached.append(other)
                case Percentile(ranking) | Rfm(ranking) if ranking not in known:
                    faults.append(Violation(f"segment {id}", f"there is no ranking {ranking!r} in the file"))
                case InSnapshot(snapshot) if snapshot not in given.snapshots:
                    faults.append(Violation(f"segment {id}", f"there is no snapshot {snapshot!r}; give --snapshots"))
    if faults:
        raise InvalidInput(str(file), faults)
    return [conditions[id] for id in reached if id in conditions]


def _scores(run: Replay, models: set[str]) -> dict[str, dict[str, float]]:
    """Model -> contact -> score, as the fold computed them: nothing else can."""
    found: dict[str, dict[str, float]] = {model: {} for model in models}
    for contact in run.fold.states if models else ():
        subject = run.subject(contact)
        for model in models:
            if subject is not None and (score := subject.score(model)) is not None:
                found[model][contact] = score
    return found


def _instant(text: str, events: Path, lines: Sequence[Line]) -> int:
    given = read_option_instant("--at", text)
    if given is not None:
        return given
    if not lines:
        raise InvalidInput(str(events), [Violation("", "has no event; say with --at when to ask")])
    return lines[-1].logged_at
