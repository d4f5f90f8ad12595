"""`waxwing apply`, `get`, `rollback`, `delete`: definitions in files onto the log, and back."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from connectors import publish
from connectors.consistency import unknown_names
from connectors.documents import files_of, read_documents
from connectors.open import open_log
from connectors.publish import CatalogueReader, Publication, newest
from flows.definitions.catalogue import Published
from infra.settings import Settings
from schemas.definitions import KINDS
from schemas.errors import InvalidInput, Violation
from schemas.times import format_instant

Kind = Annotated[str, typer.Argument(help="segment, journey, email_template, …")]
Id = Annotated[str, typer.Argument(help="the definition's id")]
NOT_THERE = 1


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(apply)
    app.command()(get)
    app.command()(rollback)
    app.command()(delete)


def apply(
    paths: Annotated[list[Path], typer.Argument(help="folders, or YAML and JSON files")],
    check: Annotated[bool, typer.Option("--check", help="only say what is wrong")] = False,
) -> None:
    """Publish the definitions that changed, all of them or none."""
    documents, faults = [], []
    for file in [file for path in paths for file in files_of(path)]:
        found, wrong = read_documents(file)
        documents += found
        faults += wrong
    bodies, places = [d.body for d in documents], [d.place for d in documents]
    faults += publish.validate(bodies, places) + _unknown_names(bodies, places)
    if faults:
        raise InvalidInput("apply", faults)
    if check:
        typer.echo(f"{len(documents)} definitions, no fault")
        return
    with _reader() as reader:
        for made in publish.publish(reader, bodies, _user(), places=places):
            typer.echo(_line(made))


def get(
    kind: Kind,
    id: Annotated[str | None, typer.Argument(help="one definition; without it a list")] = None,
    version: Annotated[int | None, typer.Option(help="a version that is not the current one")] = None,
) -> None:
    """Print a definition as it was written, or list those of a kind."""
    _check_kind(kind)
    with _reader() as reader, reader.open() as catalogue:
        if id is None:
            for published in newest(catalogue).standing(kind):
                typer.echo(json.dumps(_listed(published)))
            return
        current = newest(catalogue).newest(kind, id)
        found = current if version is None else catalogue.versions.get((kind, id), {}).get(version)
    if found is None:
        typer.echo(f"there is no {kind} {id}{'' if version is None else f' version {version}'}", err=True)
        raise typer.Exit(NOT_THERE)
    typer.echo(json.dumps(found.body, indent=2, ensure_ascii=False))


def rollback(kind: Kind, id: Id, version: Annotated[int, typer.Argument(help="the version to go back to")]) -> None:
    """Make an earlier version the current one."""
    _check_kind(kind)
    with _reader() as reader:
        publish.rollback(reader, kind, id, version, _user())
    typer.echo(f"{kind}/{id} is at version {version} again")


def delete(kind: Kind, id: Id) -> None:
    """End a definition. Its versions can be rolled back to."""
    _check_kind(kind)
    with _reader() as reader:
        publish.delete(reader, kind, id, _user())
    typer.echo(f"{kind}/{id} is deleted")


def _unknown_names(bodies: list[dict[str, Any]], places: list[str]) -> list[Violation]:
    """What is named and nowhere; where there is no installation yet, nothing stands and none is made."""
    settings = Settings()
    if not settings.log and not settings.log_path.exists():
        return unknown_names({}, bodies, places)
    with _reader() as reader:
        return publish.unknown(reader, bodies, places)


def _line(made: Publication) -> str:
    return f"{made.kind}/{made.id} version {made.version} {'published' if made.is_new else 'unchanged'}"


def _listed(published: Published) -> dict[str, Any]:
    active = format_instant(published.since)
    return {"id": published.id, "name": published.body.get("name", ""), "version": published.version, "active": active}


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        raise InvalidInput("kind", [Violation("", f"{kind!r} is none of {', '.join(sorted(KINDS))}")])


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return ""


@contextmanager
def _reader() -> Iterator[CatalogueReader]:
    log = open_log(Settings())
    try:
        yield CatalogueReader(log)
    finally:
        log.close()
