"""`waxwing verify`: every segment recomputed in batch from history, and compared with the stream."""

from __future__ import annotations

import json
from typing import Final

import typer

from infra.client import ask
from infra.settings import Settings

UNEQUAL: Final = 1
_LONGEST_S: Final = 3_600.0


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def verify() -> None:
        """Recompute every segment from history; JSON by segment. Asks a running installation.

        Exit 1 on a mismatch, and where a segment could not be recomputed: stderr then says why.
        """
        answer = ask(Settings(), "POST", "/v1/verify", timeout_s=_LONGEST_S)
        typer.echo(json.dumps(answer["segments"], ensure_ascii=False))
        for id, told in answer["segments"].items():
            if "failed" in told:
                typer.echo(f"segment {id} could not be recomputed: {told['failed']}", err=True)
        if answer["mismatches"] or answer["failed"]:
            raise typer.Exit(UNEQUAL)
