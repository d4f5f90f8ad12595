"""`waxwing backup FOLDER` and `waxwing restore FOLDER`: a copy of an installation, and one made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from infra.backup import Manifest
from infra.backup import backup as copy
from infra.backup import restore as install
from infra.settings import Settings
from schemas.errors import InvalidInput, Violation
from schemas.times import format_instant


def register(app: typer.Typer) -> None:
    """Add the commands."""

    @app.command()
    def backup(folder: Annotated[Path, typer.Argument(help="a new folder for the copy")]) -> None:
        """Copy log, sandbox, keys and files while everything runs; the rest is computed from them."""
        settings = Settings()
        _print(folder, _of_cluster(settings, folder) if settings.log else copy(settings.data, folder))
        if settings.files:
            typer.echo(f"not in the copy: {settings.files}, which keeps the files of assets and snapshots", err=True)

    @app.command()
    def restore(
        folder: Annotated[Path, typer.Argument(help="a folder that `backup` has made")],
        mend: Annotated[
            bool, typer.Option("--mend", help="SQLite: only what `topics --check` finds damaged, into the log that is")
        ] = False,
    ) -> None:
        """Make the installation of a copy: its data folder, and on Kafka its topics, must be empty or not be there."""
        settings = Settings()
        if mend:
            _mend(settings, folder)
        elif settings.log:
            from connectors.kafka_config import from_settings
            from infra import cluster_copy

            _print(folder, cluster_copy.restore(from_settings(settings), folder, settings.data))
        else:
            _print(folder, install(folder, settings.data))


def _mend(settings: Settings, folder: Path) -> None:
    from infra.mend import mend

    if settings.log:
        raise InvalidInput("restore --mend", [Violation("log", "brokers mend their own files, from replicas")])
    typer.echo(json.dumps(mend(folder, settings.data, settings.partitions)._asdict()))


def _of_cluster(settings: Settings, folder: Path) -> Manifest:
    from connectors.kafka_config import from_settings
    from connectors.kafka_log import KafkaLog
    from infra import cluster_copy

    config = from_settings(settings)
    log = KafkaLog(config, settings.partitions)
    try:
        return cluster_copy.backup(config, log, settings.data, folder)
    finally:
        log.close()


def _print(folder: Path, manifest: Manifest) -> None:
    size = sum(file.bytes for file in manifest.files.values())
    at = format_instant(manifest.logged_at)
    typer.echo(json.dumps({"folder": str(folder), "logged_at": at, "files": len(manifest.files), "bytes": size}))
