"""`waxwing journey enter` and `migrate`: acts on a journey's runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec
import typer

from connectors.documents import read_documents
from connectors.entering import entering
from connectors.open import open_log
from connectors.publish import CatalogueReader
from infra.client import show
from infra.settings import Settings
from schemas.errors import InvalidInput, Violation

NOT_THERE: Final = 1


def enter(
    id: Annotated[str, typer.Argument(help="the journey")],
    contact: Annotated[str, typer.Argument(help="the contact who enters")],
    properties: Annotated[str, typer.Option("--properties", help="a JSON object, seen as the entry's properties")] = "",
    key: Annotated[str, typer.Option("--key", help="entering again with the same key is the same entry")] = "",
) -> None:
    """Enter a contact through the journey's `api` trigger; printed once durable."""
    now = time.time_ns() // 1_000_000
    log = open_log(Settings())
    try:
        event, entry = entering(CatalogueReader(log), id, contact, _object("--properties", properties), key, now)
        log.append([entry])
    except KeyError:
        typer.echo(f"there is no journey {id!r}", err=True)
        raise typer.Exit(NOT_THERE) from None
    finally:
        log.close()
    typer.echo(msgspec.json.encode({"journey": id, "contact": contact, "id": event.id}))


def _object(option: str, text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, Any])
    except msgspec.DecodeError as fault:
        raise InvalidInput(option, [Violation("", f"is no JSON object: {fault}")]) from None


def migrate(
    id: Annotated[str, typer.Argument(help="the journey")],
    source: Annotated[int | None, typer.Option("--from", help="the version whose runs move")] = None,
    target: Annotated[int | None, typer.Option("--to", help="the version that they move to")] = None,
    nodes: Annotated[Path | None, typer.Option("--map", help="a file: where runs are -> where they go on")] = None,
    unmapped: Annotated[str, typer.Option(help="runs at other nodes: stay, or exit")] = "stay",
    reverse: Annotated[str, typer.Option(help="take this migration back instead")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say who would move where")] = False,
) -> None:
    """Move the runs of one version to another; asked of a running installation. Prints who moves where, as JSON."""
    body: dict[str, Any] = {"dry_run": dry_run}
    if reverse:
        body["reverse"] = reverse
    body |= {name: value for name, value in (("from", source), ("to", target)) if value is not None}
    if nodes is not None:
        body["nodes"] = _map(nodes)
    if not reverse:
        body["unmapped"] = unmapped
    show(f"/v1/journeys/{quote(id, safe='')}/migrate", "POST", body=body)


def _map(file: Path) -> dict[str, Any]:
    documents, faults = read_documents(file)
    if not faults and len(documents) != 1:
        faults = [Violation("", f"holds {len(documents)} objects; a map is one, from node to node")]
    if faults:
        raise InvalidInput(str(file), faults)
    return documents[0].body
