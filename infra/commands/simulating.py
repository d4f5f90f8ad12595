"""`waxwing journey simulate`: a journey over a history, on the production fold with time turned by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from flows.contact.replay import replay
from flows.journeys.simulation import Summary
from flows.segments.order import refuse_cycles
from infra.history import read_definitions, read_lines
from schemas.definitions import Body
from schemas.definitions.conditions import parse_condition, references
from schemas.definitions.journey import Journey
from schemas.definitions.segment import Segment
from schemas.errors import InvalidInput, Violation
from schemas.times import parse_instant


def simulate(
    file: Annotated[Path, typer.Argument(help="the journey and what it refers to: one definition or a list")],
    events: Annotated[Path, typer.Option("--events", help="Segment-spec JSON lines")],
    until: Annotated[str, typer.Option("--until", help="let time pass until this instant; else the last line's")] = "",
    published_at: Annotated[str, typer.Option("--published-at", help="when it becomes active; else before all")] = "",
    id: Annotated[str, typer.Option("--id", help="which journey, where the file has several")] = "",
) -> None:
    """Entries, visits by node, ends by reason, sends and skips of a journey over a history, as JSON.

    `exited` counts all runs that ended; `completed` those of them that came to an exit node.
    """
    definitions = read_definitions(file)
    journey = _chosen(file, [body for _, body in definitions], id)
    _check_references(file, journey, [body for _, body in definitions])
    end, active_from = _instant("--until", until), _instant("--published-at", published_at)
    summary = Summary(journey.id, journey.key is not None)
    replay([written for written, _ in definitions], read_lines(events), end, active_from, summary.take)
    typer.echo(msgspec.json.encode(summary.as_json()))


def _chosen(file: Path, bodies: list[Body], id: str) -> Journey:
    journeys = [body for body in bodies if isinstance(body, Journey) and id in ("", body.id)]
    if len(journeys) == 1:
        return journeys[0]
    known = ", ".join(body.id for body in bodies if isinstance(body, Journey)) or "none"
    what = f"there is no journey {id!r}" if id else f"which journey? give --id, one of: {known}"
    raise InvalidInput(str(file), [Violation("", what)])


def _check_references(file: Path, journey: Journey, bodies: list[Body]) -> None:
    """InvalidInput where a segment is asked for that the file does not hold, by the journey or on the way."""
    asks = {body.id: _asked(body) for body in bodies if isinstance(body, Segment)}
    refuse_cycles(asks)
    faults, reached = [], sorted(journey.segments())
    for id in reached:
        if id not in asks:
            faults.append(Violation(f"journey {journey.id}", f"there is no segment {id!r} in the file"))
        reached += sorted(asks.get(id, set()) - set(reached))
    if faults:
        raise InvalidInput(str(file), faults)


def _asked(segment: Segment) -> set[str]:
    return set() if segment.where is None else references(parse_condition(segment.where))


def _instant(option: str, text: str) -> int | None:
    if not text:
        return None
    try:
        return parse_instant(text)
    except ValueError as fault:
        raise InvalidInput(option, [Violation("", str(fault))]) from None
