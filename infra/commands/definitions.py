"""`waxwing apply`, `get`, `rollback`, `delete`, `cancel`: definitions in files onto the log, and back."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from connectors import publish
from connectors.consistency import unknown_names
from connectors.documents import files_of, read_documents
from connectors.open import open_log
from connectors.publish import CatalogueReader, Publication, newest
from flows.definitions.catalogue import Catalogue, Draft, Published
from flows.segments.footprint import of_segment
from infra.settings import Settings
from schemas.definitions import KINDS
from schemas.errors import InvalidInput, Violation
from schemas.times import format_instant
from sinks.hydration_journal import Progress, progress_of
from sinks.past_store import PastStore

Kind = Annotated[str, typer.Argument(help="segment, journey, email_template, …")]
Id = Annotated[str, typer.Argument(help="the definition's id")]
NOT_THERE = 1


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(apply)
    app.command("publish")(publish_draft)
    app.command()(archive)
    app.command()(get)
    app.command()(rollback)
    app.command()(delete)
    app.command()(cancel)


def apply(
    paths: Annotated[list[Path], typer.Argument(help="folders, or YAML and JSON files")],
    check: Annotated[bool, typer.Option("--check", help="only say what is wrong")] = False,
    draft: Annotated[bool, typer.Option("--draft", help="keep them as drafts, on which nothing acts")] = False,
) -> None:
    """Publish the definitions that changed, all of them or none."""
    documents, faults = [], []
    for file in [file for path in paths for file in files_of(path)]:
        found, wrong = read_documents(file)
        documents += found
        faults += wrong
    bodies, places = [d.body for d in documents], [d.place for d in documents]
    faults += publish.validate(bodies, places, Settings().leaf_bytes)
    faults += [] if draft else _unknown_names(bodies, places)
    if faults:
        raise InvalidInput("apply", faults)
    if check:
        typer.echo(f"{len(documents)} definitions, no fault")
        return
    with _reader() as reader:
        if draft:
            publish.save_drafts(reader, bodies, _user(), places)
            for body in bodies:
                typer.echo(f"{body['kind']}/{body['id']} kept as a draft")
            return
        for made, body in zip(publish.publish(reader, bodies, _user(), places=places), bodies, strict=True):
            typer.echo(_line(made, body))


def get(
    kind: Kind,
    id: Annotated[str | None, typer.Argument(help="one definition; without it a list")] = None,
    version: Annotated[int | None, typer.Option(help="a version that is not the current one")] = None,
    versions: Annotated[bool, typer.Option("--versions", help="all its versions, newest first, a line each")] = False,
    status: Annotated[bool, typer.Option("--status", help="its version, and how far its past is brought")] = False,
    draft: Annotated[bool, typer.Option("--draft", help="its draft; without an id the list of drafts")] = False,
    archived: Annotated[bool, typer.Option("--archived", help="the list of what is archived")] = False,
) -> None:
    """Print a definition as it was written, or list those of a kind."""
    _check_kind(kind)
    if draft or archived:
        _print_aside(kind, id, draft)
        return
    if versions:
        _print_versions(kind, id or "")
        return
    with _reader() as reader, reader.open() as catalogue:
        if id is None:
            for published in newest(catalogue).standing(kind):
                typer.echo(json.dumps(_listed(catalogue, published)))
            return
        current = newest(catalogue).newest(kind, id)
        found = current if version is None else catalogue.versions.get((kind, id), {}).get(version)
        told = None if found is None else _listed(catalogue, found)
    if found is None:
        typer.echo(f"there is no {kind} {id}{'' if version is None else f' version {version}'}", err=True)
        raise typer.Exit(NOT_THERE)
    typer.echo(json.dumps(told) if status else json.dumps(found.body, indent=2, ensure_ascii=False))


def _print_aside(kind: str, id: str | None, is_draft: bool) -> None:
    """Drafts or what is archived: one as it was written, or a line each."""
    with _reader() as reader, reader.open() as catalogue:
        held: Mapping[tuple[str, str], Draft | Published] = catalogue.drafts if is_draft else catalogue.archived
        found = [one for key, one in sorted(held.items()) if key[0] == kind and id in (None, key[1])]
    if id is None:
        for one in found:
            known = {"id": one.id, "name": one.body.get("name", "")}
            known |= {"status": "draft", "by": one.by} if isinstance(one, Draft) else {"status": "archived"}
            typer.echo(json.dumps(known))
    elif found:
        typer.echo(json.dumps(found[0].body, indent=2, ensure_ascii=False))
    else:
        typer.echo(f"there is no {'draft of' if is_draft else 'archived'} {kind} {id}", err=True)
        raise typer.Exit(NOT_THERE)


def _print_versions(kind: str, id: str) -> None:
    """A line each: what a rollback may go back to."""
    with _reader() as reader, reader.open() as catalogue:
        known = catalogue.versions.get((kind, id), {})
        lines = [json.dumps(_listed(catalogue, known[number])) for number in sorted(known, reverse=True)]
    if not lines:
        typer.echo(f"nothing was ever published as {kind} {id}", err=True)
        raise typer.Exit(NOT_THERE)
    typer.echo("\n".join(lines))


def publish_draft(kind: Kind, id: Id) -> None:
    """Publish a draft."""
    _check_kind(kind)
    with _reader() as reader:
        made = publish.publish_draft(reader, kind, id, _user())
        with reader.open() as catalogue:
            body = catalogue.versions[kind, id][made.version].body
    typer.echo(_line(made, body))


def archive(kind: Kind, id: Id) -> None:
    """End a definition and keep it in the list of what is archived. A rollback brings it back."""
    _check_kind(kind)
    with _reader() as reader:
        publish.archive(reader, kind, id, _user())
    typer.echo(f"{kind}/{id} is archived")


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


def cancel(kind: Kind, id: Id) -> None:
    """Stop a version that warms up: what stood goes on. A rollback to it begins again."""
    _check_kind(kind)
    with _reader() as reader:
        with reader.open() as catalogue:
            warming = newest(catalogue).warming.get((kind, id))
        publish.cancel(reader, kind, id, _user())
    assert warming is not None
    typer.echo(f"{kind}/{id} version {warming.version} warms up no more")


def _unknown_names(bodies: list[dict[str, Any]], places: list[str]) -> list[Violation]:
    """What is named and nowhere; where there is no installation yet, nothing stands and none is made."""
    settings = Settings()
    if not settings.log and not settings.log_path.exists():
        return unknown_names({}, bodies, places)
    with _reader() as reader:
        return publish.unknown(reader, bodies, places)


def _line(made: Publication, body: Mapping[str, Any]) -> str:
    line = f"{made.kind}/{made.id} version {made.version} {'published' if made.is_new else 'unchanged'}"
    keeps = _bytes(body) if made.kind == "segment" and made.is_new else 0
    return f"{line}, keeps up to {keeps:,} bytes a contact" if keeps else line


def _bytes(body: Mapping[str, Any]) -> int:
    return sum(found.bytes for found in of_segment(body))


def _listed(catalogue: Catalogue, published: Published) -> dict[str, Any]:
    """What a list says of a definition; of one that warms up also how far its past is."""
    kind, id, snapshot = published.kind, published.id, newest(catalogue)
    standing = (snapshot.warming.get((kind, id)), snapshot.get(kind, id))  # active since a rollback, it may be
    published = next((p for p in standing if p is not None and p.version == published.version), published)
    told = {"id": id, "name": published.body.get("name", ""), "version": published.version}
    told |= {"active": format_instant(published.since)}
    if kind == "segment":
        told["bytes"] = _bytes(published.body)
    if snapshot.warming.get((kind, id)) == published:
        told["status"] = "warming"
        if (progress := _progress(kind, id)) is not None:
            told |= {"stage": progress.stage, "done": progress.done, "contacts": progress.contacts}
    else:
        told["status"] = "active" if snapshot.get(kind, id) == published else "earlier"
    return told


def _progress(kind: str, id: str) -> Progress | None:
    files = PastStore(Settings().files_url)
    try:
        return progress_of(files, kind, id)
    finally:
        files.close()


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
    settings = Settings()
    log = open_log(settings)
    try:
        yield CatalogueReader(log, settings.leaf_bytes)
    finally:
        log.close()
