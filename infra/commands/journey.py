"""`waxwing journey`: simulations, who is entered by hand, migrations of runs, experiments."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from flows.campaigns.journey import PREFIX
from infra.client import show
from infra.commands.journey_acts import enter, migrate
from infra.commands.simulating import simulate

app = typer.Typer(help="Journeys.", no_args_is_help=True)
app.command()(simulate)
app.command()(enter)
app.command()(migrate)


def register(root: typer.Typer) -> None:
    """Add `journey` to the command line."""
    root.add_typer(app, name="journey")


@app.callback()
def _journey() -> None:
    """Journeys."""


@app.command()
def experiments(id: Annotated[str, typer.Argument(help="the journey, or campaign:ID for a campaign's arms")]) -> None:
    """The splits whose shares move: each arm's figures up to now, and what was decided, as JSON."""
    campaign = id.removeprefix(PREFIX)
    of, id = ("journeys", id) if campaign == id else ("campaigns", campaign)
    show(f"/v1/{of}/{quote(id, safe='')}/experiments")


@app.command("show")
def show_journey(
    id: Annotated[str, typer.Argument(help="the journey")],
    window: Annotated[str, typer.Option("--window", help="in which the goal counts; else the journey's own")] = "",
) -> None:
    """Its runs by version and node, and its conversion against those who were held out, as JSON."""
    show("/v1/reports/journeys", journey=id, window=window)
