"""`waxwing migrate`: bring ClickHouse's tables to this version."""

from __future__ import annotations

import typer

from infra.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def migrate() -> None:
        """Apply the ClickHouse migrations that are missing, in order, each once."""
        from sinks.clickhouse import connect
        from sinks.clickhouse import migrate as apply

        applied = apply(connect(Settings()))
        for name in applied:
            typer.echo(name)
        typer.echo("nothing to apply" if not applied else f"{len(applied)} applied", err=True)
