"""`waxwing holdout`: what all marketing does against those who get none; asked of a running installation."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from infra.client import show

app = typer.Typer(help="Universal holdouts.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="the holdout")]


def register(root: typer.Typer) -> None:
    """Add `holdout` to the command line."""
    root.add_typer(app, name="holdout")


@app.command("show")
def show_holdout(
    id: Id,
    event: Annotated[str, typer.Option("--event", help="the event that is wanted, as in order_completed")],
    salt: Annotated[str, typer.Option("--salt", help="the draw; the latest by default")] = "",
) -> None:
    """How many did the event, of those who are reached and of those held out, with intervals, as JSON."""
    show("/v1/reports/holdouts", holdout=id, event=event, salt=salt)


@app.command()
def history(id: Id) -> None:
    """Whom it has held out, draw by draw, as JSON."""
    show(f"/v1/holdouts/{quote(id, safe='')}/history")
