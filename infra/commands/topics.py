"""`waxwing topics`: what the log holds, and how far its consumer groups have come."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich import print as show
from rich.table import Table

from connectors.log import Log
from connectors.open import open_log
from connectors.sqlite_log import SqliteLog
from infra.settings import Settings
from schemas.topics import TOPICS


def describe(log: Log) -> dict[str, Any]:
    """`topics`: each partition's begin and end; `groups`: each group's next offset and lag, where the log tells."""
    topics = [
        {"topic": t.name, "partition": n, "begin": log.begin(t.name, n), "end": log.end(t.name, n)}
        for t in TOPICS
        for n in range(log.partitions(t.name))
    ]
    groups = [
        {"group": group, "topic": topic, "partition": n, "next": offset, "lag": log.end(topic, n) - offset}
        for group, topic, n, offset in (log.groups() if isinstance(log, SqliteLog) else ())
    ]
    return {"topics": topics, "groups": groups}


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def topics(as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False) -> None:
        """List topics, their partitions and ends, and each consumer group's lag."""
        log = open_log(Settings())
        try:
            found = describe(log)
        finally:
            log.close()
        if as_json:
            typer.echo(json.dumps(found))
            return
        for name, rows in found.items():
            show(_table(rows) if rows else f"no {name}")


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(*rows[0], box=None)
    for row in rows:
        table.add_row(*(f"{value:,}" if isinstance(value, int) else value for value in row.values()))
    return table
