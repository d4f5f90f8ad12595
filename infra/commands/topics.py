"""`waxwing topics`: what the log holds, how far its consumer groups have come, and on Kafka whether it is right."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich import print as show
from rich.table import Table

from connectors.log import Log
from connectors.open import open_log
from connectors.sqlite_check import Stretch, damage
from connectors.sqlite_log import SqliteLog
from infra.settings import Settings
from schemas.errors import InvalidInput, Violation
from schemas.topics import TOPICS

Group = tuple[str, str, int, int]


def describe(log: Log, groups: Sequence[Group]) -> dict[str, Any]:
    """`topics`: each partition's begin and end; `groups`: each group's next offset and lag.

    On Kafka, markers of transactions count in offsets, and so in a lag above zero.
    """
    topics = [
        {"topic": t.name, "partition": n, "begin": log.begin(t.name, n), "end": log.end(t.name, n)}
        for t in TOPICS
        for n in range(log.partitions(t.name))
    ]
    progress = [
        {"group": group, "topic": topic, "partition": n, "next": offset, "lag": max(0, log.end(topic, n) - offset)}
        for group, topic, n, offset in groups
    ]
    return {"topics": topics, "groups": progress}


def groups_of(log: Log, settings: Settings) -> list[Group]:
    """Every consumer group's progress: (group, topic, partition, next offset)."""
    if isinstance(log, SqliteLog):
        return log.groups()
    from connectors.kafka_config import from_settings
    from connectors.kafka_topics import groups

    return groups(from_settings(settings))


def create_topics(settings: Settings, retention_days: int, replicas: int) -> list[str]:
    """Make or mend the topics of a cluster; their names. InvalidInput for a log that has no such thing."""
    from connectors.kafka_config import from_settings
    from connectors.kafka_topics import create

    if not settings.log:
        raise InvalidInput("topics --create", [Violation("log", "SQLite makes its own; set WAXWING_LOG=kafka://…")])
    return create(from_settings(settings), settings.partitions, retention_days, replicas)


def faults_of(settings: Settings) -> list[Violation]:
    """What is wrong with a cluster's topics; SQLite's are made right and stay so."""
    if not settings.log.startswith("kafka://"):
        return []
    from connectors.kafka_config import from_settings
    from connectors.kafka_topics import check

    return check(from_settings(settings), settings.partitions)


def damage_of(log: Log) -> list[Stretch]:
    """What is damaged in an embedded log. A broker looks after its own: Kafka's batches carry checksums."""
    if not isinstance(log, SqliteLog):
        raise InvalidInput("topics --check", [Violation("log", "brokers check their own files, and keep replicas")])
    return damage(log)


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def topics(
        create: Annotated[
            bool, typer.Option("--create", help="Kafka: make missing topics, set what must be set")
        ] = False,
        retention_days: Annotated[
            int, typer.Option(min=1, max=29, help="with --create; definitions stay for ever")
        ] = 25,
        replicas: Annotated[int, typer.Option(min=-1, help="with --create; -1: the cluster's default")] = -1,
        check: Annotated[
            bool, typer.Option("--check", help="SQLite: read every record, and tell what is damaged")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    ) -> None:
        """List topics, their partitions and ends, and each consumer group's lag; exit 1 where a topic is not right."""
        settings = Settings()
        for name in create_topics(settings, retention_days, replicas) if create else ():
            typer.echo(f"made or set: {name}", err=True)
        if faults := faults_of(settings):
            for fault in faults:
                typer.echo(str(fault), err=True)
            raise typer.Exit(1)
        log = open_log(settings)
        try:
            if check and (damaged := damage_of(log)):
                for stretch in damaged:
                    typer.echo(f"{stretch}: {stretch.fault}", err=True)
                raise typer.Exit(1)
            found = describe(log, groups_of(log, settings))
        finally:
            log.close()
        _print(found, as_json)


def _print(found: dict[str, Any], as_json: bool) -> None:
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
