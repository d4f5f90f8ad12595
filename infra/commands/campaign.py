"""`waxwing campaign`: preview, launch, pause, resume, cancel and show, asked of a running installation; simulate."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from infra.client import NotThere, ask, show
from infra.commands.simulating_campaign import simulate
from infra.settings import Settings

NEGATIVE: Final = 1
LAUNCH_S: Final = 600.0  # freezing a large audience takes its time
app = typer.Typer(help="Campaigns.", no_args_is_help=True)
app.command()(simulate)
Id = Annotated[str, typer.Argument(help="the campaign")]
Reason = Annotated[str, typer.Option("--reason", help="why; it is kept and shown")]


def register(root: typer.Typer) -> None:
    """Add `campaign` to the command line."""
    root.add_typer(app, name="campaign")


@app.command()
def preview(id: Id) -> None:
    """How many a launch would reach now, who is kept out, sample messages, and what speaks against it, as JSON."""
    show(f"{_path(id)}/preview")


@app.command()
def launch(id: Id) -> None:
    """Freeze the audience and release it as scheduled; a recurring or triggered campaign begins to act."""
    _act(id, "launch", None)


@app.command()
def pause(id: Id, reason: Reason = "") -> None:
    """Hold back whoever is not released yet."""
    _act(id, "pause", {"reason": reason})


@app.command()
def resume(id: Id, reason: Reason = "") -> None:
    """Go on where the pause has stopped it."""
    _act(id, "resume", {"reason": reason})


@app.command()
def cancel(id: Id, reason: Reason = "") -> None:
    """Skip whoever is not released yet, for good."""
    _act(id, "cancel", {"reason": reason})


@app.command("show")
def show_campaign(id: Annotated[str, typer.Argument(help="the campaign; all of them without it")] = "") -> None:
    """What it is at, its launches, its messages by status, as JSON."""
    show(_path(id) if id else "/v1/campaigns")


def _path(id: str) -> str:
    return f"/v1/campaigns/{quote(id, safe='')}"


def _act(id: str, act: str, body: dict[str, Any] | None) -> None:
    """Do it; a refusal is said on stderr, with its reason and exit code 1."""
    try:
        done = ask(Settings(), "POST", f"{_path(id)}/{act}", LAUNCH_S, body)
    except NotThere as fault:
        typer.echo(str(fault), err=True)
        raise typer.Exit(NEGATIVE) from None
    typer.echo(json.dumps(done, indent=2, ensure_ascii=False))
