"""`waxwing scale`: how large an installation has to be."""

from __future__ import annotations

from typing import Annotated

import typer

from infra.scale import plan, table


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def scale(
        contacts: Annotated[int, typer.Option(min=1, help="people")] = 10_000_000,
        rate: Annotated[int, typer.Option(min=1, help="events a second")] = 100_000,
        sends_per_event: Annotated[float, typer.Option(min=0, help="messages an event")] = 0.01,
        retention_days: Annotated[int, typer.Option(min=1, help="of Kafka's topics")] = 14,
        copies: Annotated[int, typer.Option(min=1, help="replicas of Kafka's topics")] = 3,
        network_mb_s: Annotated[int, typer.Option(min=1, help="how fast a worker fetches a copy of its states")] = 100,
    ) -> None:
        """Workers, partitions, memory, recovery and disks, from measured figures."""
        typer.echo(table(plan(contacts, rate, sends_per_event, retention_days, copies, network_mb_s)))
