"""`waxwing graph`: each dataflow as a mermaid diagram. Step ids are a schema: recovery is keyed by them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Final

import typer
from bytewax.dataflow import Dataflow
from bytewax.visualize import to_mermaid

from connectors.log import Log
from connectors.sqlite_log import SqliteLog
from schemas.errors import InvalidInput, Violation


def _ingest(log: Log, folder: Path) -> Dataflow:
    from connectors.ingest_flow import build

    return build(log)


def _contacts(log: Log, folder: Path) -> Dataflow:
    from flows.contact.flow import build

    return build(log, folder)


def _learning(log: Log, folder: Path) -> Dataflow:
    from flows.scoring.flow import build

    return build(log, folder.as_uri())


def _warehouse(log: Log, folder: Path) -> Dataflow:
    from flows.warehouse.flow import build
    from sinks.clickhouse import ClickHouse

    return build(log, ClickHouse(folder / "clickhouse"), places={})


FLOWS: Final[Mapping[str, Callable[[Log, Path], Dataflow]]] = {
    "ingest": _ingest,
    "contacts": _contacts,
    "learning": _learning,
    "warehouse": _warehouse,
}


def diagram(name: str) -> str:
    """The mermaid of one flow, over an empty log with one partition; InvalidInput for a name that is not in FLOWS."""
    if name not in FLOWS:
        raise InvalidInput("graph", [Violation(name, f"there is no such flow; there are {', '.join(FLOWS)}")])
    with tempfile.TemporaryDirectory() as folder:
        log = SqliteLog(Path(folder) / "log.db", partitions=1)
        try:
            return to_mermaid(FLOWS[name](log, Path(folder)))
        finally:
            log.close()


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def graph(name: Annotated[str, typer.Argument(help="one flow alone; all by default")] = "") -> None:
        """Print the dataflows as mermaid."""
        if name:
            typer.echo(diagram(name))
            return
        for flow in FLOWS:
            typer.echo(f"## {flow}\n\n```mermaid\n{diagram(flow)}\n```\n")
