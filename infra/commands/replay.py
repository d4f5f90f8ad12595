"""`waxwing replay`: the history folded again from its start, and compared with what was concluded at the time."""

from __future__ import annotations

import json

import typer

from infra.settings import Settings

UNEQUAL = 1


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def replay() -> None:
        """Fold the whole log again and compare every send, change and command with those on the log, byte for byte.

        Prints counts as JSON; exit 1 where they differ. It reads the log beside a running installation and writes
        nothing. What the log no longer holds from its start is refused with exit code 2.
        """
        from connectors.open import open_log
        from infra.replaying import replay as run
        from sinks.past_store import PastStore
        from sinks.snapshot_store import SnapshotStore

        settings = Settings()
        log, past = open_log(settings), PastStore(settings.files_url)
        try:
            verdict = run(log, settings.data / "state", SnapshotStore(settings.files_url).get, past)
        finally:
            past.close()
            log.close()
        typer.echo(json.dumps(verdict.as_json(), indent=2))
        if not verdict.is_equal:
            raise typer.Exit(UNEQUAL)
