"""`waxwing journey simulate`: a journey over a history, on the production fold with time turned by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import quote

import msgspec
import typer

from connectors.open import open_log
from connectors.publish import CatalogueReader, newest
from flows.contact.replay import Line
from flows.definitions.catalogue import Published
from flows.journeys.report import SAMPLES
from flows.journeys.trial import Outcome, Trial, compared
from infra.client import NOT_THERE, show
from infra.commands.tried import PATIENCE_S, Named, answering, chosen, read_history, read_rates
from infra.history import read_definitions, read_option_instant, read_snapshots, read_whole
from infra.settings import Settings
from schemas.definitions.journey import Journey
from schemas.errors import InvalidInput, Violation

LIVE: Final = "live"
PLAIN: Final = ("entered", "completed", "exited", "nodes", "sends", "skips")  # what is always told (DESIGN §7)


def simulate(
    file: Annotated[Path, typer.Argument(help="the journey and what it refers to: one definition or a list")],
    events: Annotated[
        list[Path] | None, typer.Option("--events", help="Segment-spec JSON lines; without it the installation's own")
    ] = None,
    mapping: Annotated[Path | None, typer.Option("--mapping", help="how other files become events")] = None,
    until: Annotated[str, typer.Option("--until", help="let time pass until this instant; else the last line's")] = "",
    published_at: Annotated[str, typer.Option("--published-at", help="when it becomes active; else before all")] = "",
    id: Annotated[str, typer.Option("--id", help="which journey, where the file has several")] = "",
    report: Annotated[bool, typer.Option("--report", help="also edges, days, reasons, durations, sample runs")] = False,
    outcomes: Annotated[
        str, typer.Option("--outcomes", help="how contacts answer: a file of rates; none; of a history, measured")
    ] = "",
    against: Annotated[
        str, typer.Option("--against", help="live: also the version that stands, and the difference")
    ] = "",
    history: Annotated[
        bool, typer.Option("--history", help="over the installation's history, as without --events")
    ] = False,
    share: Annotated[float, typer.Option("--share", help="of a history: percent of the contacts, by hash")] = 100,
    imported: Annotated[
        str, typer.Option("--imported", help="of a history: what was imported counts as lived, or as imported")
    ] = "lived",
    samples: Annotated[int, typer.Option("--samples", min=0, max=100, help="runs that are told whole")] = SAMPLES,
    alone: Annotated[bool, typer.Option("--alone", help="other journeys do not run alongside")] = False,
    snapshots: Annotated[
        Path | None, typer.Option("--snapshots", help='with --events, JSON: {"id": \\[contact, …]}')
    ] = None,
) -> None:
    """Entries, visits by node, ends by reason, sends and skips of a journey over a history, as JSON.

    `exited` counts all runs that ended; `completed` those of them that came to an exit node. Without --events the
    history is that of a running installation. The other journeys, of FILE or the installation, run as well: caps count
    what they send. Rankings of FILE are computed from the events, when they become active and then on schedule.
    """
    of_installation, members = history or not events, read_snapshots(snapshots)
    definitions = read_definitions(file) if of_installation else read_whole(file, members)
    journey = chosen(file, [body for _, body in definitions], Journey, id)
    if against not in ("", LIVE):
        raise InvalidInput("--against", [Violation("", f"{against!r} is not {LIVE!r}")])
    end, active_from = read_option_instant("--until", until), read_option_instant("--published-at", published_at)
    bodies = [written for written, _ in definitions]
    if of_installation or not events:
        how = {"until": until or None, "share": share, "imported": imported, "samples": samples, "alone": alone}
        answers = {"outcomes": read_rates(outcomes) or outcomes or "measured", "against": against or None}
        _over_history(journey.id, bodies, how | answers)
        return
    over = _Over(read_history(events, mapping), end, active_from, samples, alone, members)
    found = _try(journey.id, bodies, over, read_rates(outcomes), against)
    typer.echo(msgspec.json.encode(found if report or outcomes or against else {name: found[name] for name in PLAIN}))


def _over_history(id: str, bodies: Sequence[dict[str, Any]], how: dict[str, Any]) -> None:
    """Asked of a running installation."""
    drafts = {"journey": _of(id, bodies), "definitions": [b for b in bodies if b["kind"] != "journey"]}
    show(f"/v1/journeys/{quote(id, safe='')}/simulate", "POST", PATIENCE_S, drafts | how)


class _Over(NamedTuple):
    """What is run over, until when, from when on the definitions are active, how many runs are told whole; whether
    other journeys stay away; the members of snapshots."""

    lines: Sequence[Line]
    until: int | None
    active_from: int | None
    samples: int
    alone: bool
    snapshots: dict[str, frozenset[str]]


def _try(id: str, bodies: Sequence[dict[str, Any]], over: _Over, rates: Named | None, against: str) -> dict[str, Any]:
    """All figures, over lines."""
    others = [Published(b["kind"], b["id"], 1, b, 0) for b in bodies]

    def tried(body: dict[str, Any], version: int) -> Outcome:
        answers = answering(rates)
        journey = Published("journey", id, version, body, 0)
        trial = Trial(journey, others, answers, over.snapshots, over.samples, alone=over.alone)
        return trial.run(over.lines, over.until, over.active_from)

    outcome = tried(_of(id, bodies), 2 if against else 1)
    found = {**outcome.summary, **outcome.report, "answers": outcome.answers}
    return found | ({"against": compared(outcome, tried(_live(id), 1))} if against else {})


def _of(id: str, bodies: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return next(body for body in bodies if (body["kind"], body["id"]) == ("journey", id))


def _live(id: str) -> dict[str, Any]:
    """The journey's version that stands in the installation."""
    log = open_log(Settings())
    try:
        with CatalogueReader(log).open() as catalogue:
            stands = newest(catalogue).newest("journey", id)
    finally:
        log.close()
    if stands is None:
        typer.echo(f"there is no journey {id!r} that stands", err=True)
        raise typer.Exit(NOT_THERE)
    return dict(stands.body)
