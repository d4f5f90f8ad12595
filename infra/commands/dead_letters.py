"""`waxwing dead-letters list | show | replay`: what could not be read, and reading it again after a fix."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from connectors.crm_mapping import Mapper, mapping_of
from connectors.dead_letters import DeadLetters, Listed
from connectors.log import Log
from connectors.open import open_log
from connectors.publish import CatalogueReader
from connectors.reread import reread
from infra.settings import Settings
from schemas.errors import InvalidInput, UnreadableRecord, Violation
from schemas.times import format_instant

_PAGE = 500
_STILL_DEAD = 1
Source = Annotated[str, typer.Option(help="of sources that begin so: http: crm import:")]


def register(app: typer.Typer) -> None:
    """Add the family."""
    app.add_typer(_family, name="dead-letters", help="What could not be read.")


_family = typer.Typer(no_args_is_help=True)


@_family.command("list")
def list_(
    source: Source = "", everything: Annotated[bool, typer.Option("--all", help="also replayed")] = False
) -> None:
    """One JSON line each, oldest first."""
    with _log() as log:
        for listed in _each(DeadLetters(log), source, waiting_only=not everything):
            typer.echo(json.dumps(_brief(listed)))


@_family.command()
def show(id: str) -> None:
    """Its bytes, as they came."""
    with _log() as log:
        typer.echo(_find(DeadLetters(log), id).letter.raw, nl=False)


@_family.command()
def replay(
    ids: Annotated[list[str] | None, typer.Argument(help="which")] = None,
    everything: Annotated[bool, typer.Option("--all", help="all that were not replayed yet")] = False,
    source: Source = "",
    body: Annotated[Path | None, typer.Option(help="a file with the corrected body, for a single one")] = None,
) -> None:
    """Read them again; those that still cannot be read stay, with their reason on stderr."""
    if bool(ids) == everything or (body is not None and len(ids or ()) != 1):
        raise InvalidInput("replay", [Violation("", "name ids, or say --all; --body goes with one id")])
    corrected = body.read_bytes() if body is not None else None
    with _log() as log:
        letters = DeadLetters(log)
        chosen = [_find(letters, id) for id in ids or ()] or list(_each(letters, source, waiting_only=True))
        failed = [listed for listed in chosen if not _replayed(log, listed, corrected)]
    typer.echo(json.dumps({"replayed": len(chosen) - len(failed), "still_dead": len(failed)}))
    if failed:
        raise typer.Exit(_STILL_DEAD)


def _replayed(log: Log, listed: Listed, corrected: bytes | None) -> bool:
    now = log.now()
    with CatalogueReader(log).open() as catalogue:
        mapper = Mapper(mapping_of(catalogue, now))
    try:
        log.append(reread(listed.letter, mapper, now, corrected))
    except UnreadableRecord as refused:
        typer.echo(f"{listed.letter.id}: {refused}", err=True)
        return False
    return True


def _each(letters: DeadLetters, source: str, waiting_only: bool) -> Iterator[Listed]:
    after = -1
    while page := letters.page(after, _PAGE, source, waiting_only):
        yield from page
        after = page[-1].offset


def _find(letters: DeadLetters, id: str) -> Listed:
    found = letters.get(id)
    if found is None:
        raise InvalidInput("dead letter", [Violation(id, "there is none of this id")])
    return found


def _brief(listed: Listed) -> dict[str, Any]:
    letter = listed.letter
    return {
        "id": letter.id,
        "at": format_instant(letter.at),
        "source": letter.source,
        "reason": letter.reason,
        "bytes": len(letter.raw),
        "is_replayed": listed.is_replayed,
    }


@contextmanager
def _log() -> Iterator[Log]:
    log = open_log(Settings())
    try:
        yield log
    finally:
        log.close()
