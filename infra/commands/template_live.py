"""`waxwing template check`, `test` and `render --contact`: templates as published, asked of a running installation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from infra.client import NOT_THERE, NotThere, ask
from infra.settings import Settings
from schemas.errors import InvalidInput, Violation

NEGATIVE = 1
Id = Annotated[str, typer.Argument(help="a published template's id")]
Kind = Annotated[str, typer.Option("--kind", help="where several kinds share the id: email_template, …")]


def render_for(id: str, kind: str, contact: str, locale: str, data: Path | None) -> dict[str, Any]:
    """The message for a contact, whose traits the API knows; exit code 1 where it would be skipped."""
    asked = {"contact": contact, "locale": locale, "data": read_data(data) if data else None}
    found = _ask(id, kind, "render", asked)
    if found["rendered"] is None:
        typer.echo(f"{id}: {found['reason']}", err=True)
        raise typer.Exit(NEGATIVE)
    message: dict[str, Any] = found["rendered"]
    return message


def check(
    id: Id,
    prefix: Annotated[str, typer.Option(help="only contacts whose ids begin so")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="how many contacts")] = 1000,
    data: Annotated[Path | None, typer.Option(help="JSON file of what stands before their own traits")] = None,
    kind: Kind = "",
) -> None:
    """Render it for up to a thousand contacts and list those whose message would be skipped; exit code 1 if any."""
    found = _ask(id, kind, "check", {"prefix": prefix, "limit": limit, "data": read_data(data) if data else {}})
    for failure in found["failed"]:
        typer.echo(f"{failure['contact']}: {failure['reason']}")
    typer.echo(f"{found['checked']} contacts, {len(found['failed'])} would be skipped")
    if found["failed"]:
        raise typer.Exit(NEGATIVE)


def send_test(
    id: Id,
    to: Annotated[str, typer.Option(help="address, number or token, by the template's channel")],
    contact: Annotated[str, typer.Option(help="under whose id it is kept")] = "test",
    locale: Annotated[str, typer.Option(help="as in de-CH")] = "",
    data: Annotated[Path | None, typer.Option(help="JSON file of the variables, in place of the sample")] = None,
    kind: Kind = "",
) -> None:
    """Send it to an address now; prints its id, by which `waxwing explain send` tells what became of it."""
    asked = {"to": to, "contact": contact, "locale": locale, "data": read_data(data) if data else None}
    typer.echo(json.dumps(_ask(id, kind, "test", asked)))


def _ask(id: str, kind: str, act: str, body: dict[str, Any]) -> Any:
    chosen: dict[str, Any] = {"kind": kind} if kind else {}
    try:
        return ask(Settings(), "POST", f"/v1/templates/{quote(id, safe='')}/{act}", body=body, **chosen)
    except NotThere as fault:
        typer.echo(str(fault), err=True)
        raise typer.Exit(NOT_THERE) from None


def read_data(path: Path) -> dict[str, Any]:
    """The JSON object of a file; InvalidInput for anything else."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError as fault:
        raise InvalidInput(str(path), [Violation("", f"is no JSON: {fault}")]) from None
    if not isinstance(found, dict):
        raise InvalidInput(str(path), [Violation("", "must be an object: the variables by name")])
    return found
