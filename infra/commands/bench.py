"""`waxwing bench NAME`: one JSON line: what, how much, on what."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from infra.bench.result import Result


def register(app: typer.Typer) -> None:
    """Add `bench` to the command line."""
    app.add_typer(_bench, name="bench", help="Measure, and print one JSON line.")


_bench = typer.Typer(no_args_is_help=True)


def _print(measured: Result) -> None:
    typer.echo(measured.line())


@_bench.command()
def pipeline(
    events: Annotated[int, typer.Option(help="events to fold")] = 600_000,
    contacts: Annotated[int, typer.Option(help="contacts that they are about")] = 50_000,
    segments: Annotated[int, typer.Option(help="segments that are active")] = 50,
    workers: Annotated[int, typer.Option(min=1, max=4, help="processes that share the partitions")] = 1,
    log: Annotated[Literal["sqlite", "kafka"], typer.Option(help="kafka: a broker on this machine")] = "sqlite",
) -> None:
    """Events/s through the whole contacts flow, checkpoints every second."""
    from infra.bench.pipeline import pipeline as run

    _print(run(events, contacts, segments, workers, log))


@_bench.command()
def latency(
    pending: Annotated[int, typer.Option(help="timers that are pending meanwhile")] = 200_000,
    rate: Annotated[int, typer.Option(help="events a second")] = 1_000,
    seconds: Annotated[int, typer.Option(help="how long")] = 10,
) -> None:
    """From an event's append to its send request, and the time of a restart."""
    from infra.bench.latency import latency as run

    _print(run(pending, rate, seconds))


@_bench.command()
def ingest(
    events: Annotated[int, typer.Option(help="events to post")] = 200_000,
    batch: Annotated[int, typer.Option(help="events in a request")] = 500,
    clients: Annotated[int, typer.Option(help="connections at once")] = 8,
    rate: Annotated[int, typer.Option(help="events a second that are then offered, for the latency")] = 50_000,
    seconds: Annotated[int, typer.Option(help="how long they are offered")] = 10,
) -> None:
    """Events/s over HTTP, each answered when durable, as fast as it goes; then from due to answer at a steady rate."""
    from infra.bench.ingest import ingest as run

    _print(run(events, batch, clients, rate, seconds))


@_bench.command()
def delivery(
    messages: Annotated[int, typer.Option(help="messages planned before delivery starts")] = 20_000,
    rate: Annotated[int, typer.Option(help="events a second, each of which sends a message")] = 500,
    seconds: Annotated[int, typer.Option(help="how long")] = 5,
) -> None:
    """Messages a minute through SendGrid's protocol, and from an event to acceptance; also with a provider failing."""
    from infra.bench.delivery import delivery as run

    _print(run(messages, rate, seconds))


@_bench.command()
def segments(
    events: Annotated[int, typer.Option(help="events to fold with each number of segments")] = 100_000,
    contacts: Annotated[int, typer.Option(help="contacts that they are about")] = 20_000,
    rate: Annotated[int, typer.Option(help="live events a second")] = 1_000,
    seconds: Annotated[int, typer.Option(help="how long")] = 5,
    everyone: Annotated[list[int], typer.Option(help="contacts over whom a segment is published; may be repeated")] = [  # noqa: B006
        100_000
    ],
) -> None:
    """From an event to its flip; the fold with many segments, and bytes a contact; publishing over everyone."""
    from infra.bench.segments import segments as run

    _print(run(events, contacts, rate, seconds, everyone))


@_bench.command()
def publishing(
    contacts: Annotated[int, typer.Option(help="contacts over whom a segment is published")] = 100_000,
    rate: Annotated[int, typer.Option(help="live events a second meanwhile")] = 1_000,
) -> None:
    """A segment over everyone, published, edited, deleted, and through a kill -9; live events meanwhile."""
    from infra.bench.publishing import publishing as run

    _print(run(contacts, rate))


@_bench.command()
def storage(
    events: Annotated[int, typer.Option(help="events to keep")] = 300_000,
    contacts: Annotated[int, typer.Option(help="contacts that they are about")] = 30_000,
    segments: Annotated[int, typer.Option(help="segments that are active")] = 50,
) -> None:
    """What an event and a contact cost to keep: in the log, in the state, in ClickHouse."""
    from infra.bench.storage import storage as run

    _print(run(events, contacts, segments))


@_bench.command()
def journeys(
    runs: Annotated[int, typer.Option(help="runs that go from their entry to their end")] = 200_000,
    storm: Annotated[
        list[int] | None, typer.Option(help="timers due in one second; may be given several times")
    ] = None,
    waiting: Annotated[int, typer.Option(help="runs that wait for a month")] = 1_000_000,
) -> None:
    """Steps/s on one worker; from due to effect in a storm of timers; a million runs waiting. 0 leaves a part out."""
    from infra.bench.journeys import journeys as run

    _print(run(runs, (50_000, 200_000) if storm is None else tuple(storm), waiting))
