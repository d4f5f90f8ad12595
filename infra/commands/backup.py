"""`waxwing backup FOLDER` and `waxwing restore FOLDER`: a copy of an embedded installation, and one made of it."""

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
        settings = _embedded("backup")
        _print(folder, copy(settings.data, folder))
        if settings.files:
            typer.echo(f"not in the copy: {settings.files}, which keeps the files of assets and snapshots", err=True)

    @app.command()
    def restore(folder: Annotated[Path, typer.Argument(help="a folder that `backup` has made")]) -> None:
        """Make the data folder of a copy; it must be empty. `waxwing run` then folds the log anew."""
        _print(folder, install(folder, _embedded("restore").data))


def _embedded(what: str) -> Settings:
    settings = Settings()
    if settings.log:
        how = f"the log is {settings.log}: back up the cluster's topics and ClickHouse by their own means"
        raise InvalidInput(what, [Violation("log", how)])
    return settings


def _print(folder: Path, manifest: Manifest) -> None:
    size = sum(file.bytes for file in manifest.files.values())
    at = format_instant(manifest.logged_at)
    typer.echo(json.dumps({"folder": str(folder), "logged_at": at, "files": len(manifest.files), "bytes": size}))
