"""`waxwing explain`: why a contact is in a segment, why a message went or did not; asked of a running installation."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

import typer

from infra.client import show

app = typer.Typer(help="Why: a membership, a run of a journey, a message.", no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add `explain` to the command line."""
    root.add_typer(app, name="explain")


@app.command()
def segment(
    id: Annotated[str, typer.Argument(help="the segment")],
    contact: Annotated[str, typer.Argument(help="the contact")],
) -> None:
    """Each node's truth, the events that decided it, and when it can change by itself, as JSON."""
    show(f"/v1/contacts/{quote(contact, safe='')}/explain", segment=id)


@app.command()
def run(
    journey: Annotated[str, typer.Argument(help="the journey")],
    contact: Annotated[str, typer.Argument(help="the contact")],
) -> None:
    """How the contact's runs of a journey went and why, what wakes them next and what would end them, as JSON."""
    show(f"/v1/contacts/{quote(contact, safe='')}/journeys/{quote(journey, safe='')}/explain")


@app.command()
def send(send_id: Annotated[str, typer.Argument(help="the message's id, as in the contact's timeline")]) -> None:
    """What planning asked, in order, what was decided, and all that followed, as JSON."""
    show(f"/v1/sends/{quote(send_id, safe='')}")
