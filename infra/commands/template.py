"""`waxwing template lint`, `render`, `diff`: look at templates before they are sent, from files or as published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from connectors.documents import read_documents
from connectors.open import open_log
from connectors.publish import CatalogueReader, newest, validate
from flows.content.lint import PREVIEW, lint
from flows.content.preview import difference, shown
from flows.content.template import RenderFailed, compile_template
from flows.content.template import render as render_template
from flows.definitions.catalogue import Catalogue
from infra.commands.template_live import Kind, check, read_data, render_for, send_test
from infra.settings import Settings
from schemas.errors import InvalidInput, Violation

KINDS = ("email_template", "sms_template", "push_template", "webhook_template")
NEGATIVE = 1
What = Annotated[str, typer.Argument(help="a YAML or JSON file of templates and snippets, or a template's id")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    template = typer.Typer(no_args_is_help=True, help="Look at templates before they are sent.")
    template.command("lint")(lint_)
    template.command()(render)
    template.command()(diff)
    template.command()(check)
    template.command("test")(send_test)
    app.add_typer(template, name="template")


def lint_(what: What, kind: Kind = "") -> None:
    """What would go wrong in each locale; exit code 1 where there is an error."""
    templates, snippets = _templates(what, kind)
    errors = 0
    for body in templates:
        for finding in lint(body, snippets):
            typer.echo(f"{body['id']}: {finding}")
            errors += finding.severity == "error"
    if errors:
        raise typer.Exit(NEGATIVE)
    typer.echo(f"{len(templates)} templates, no error")


def render(
    what: What,
    id: Annotated[str, typer.Option(help="which, of a file with several")] = "",
    locale: Annotated[str, typer.Option(help="as in de-CH")] = "",
    data: Annotated[Path | None, typer.Option(help="JSON file of the variables, in place of the sample")] = None,
    html: Annotated[bool, typer.Option("--html", help="print the HTML alone")] = False,
    contact: Annotated[str, typer.Option(help="render a published template for a contact of a running Waxwing")] = "",
    kind: Kind = "",
) -> None:
    """The message for the template's sample, for other data or for a contact; exit code 1 where there is none."""
    message = render_for(what, kind, contact, locale, data) if contact else _message(what, kind, id, locale, data)
    typer.echo(message["html"] if html else json.dumps(message, indent=2, ensure_ascii=False))


def _message(what: str, kind: str, id: str, locale: str, data: Path | None) -> dict[str, Any]:
    templates, snippets = _templates(what, kind)
    chosen = [body for body in templates if not id or body["id"] == id]
    if len(chosen) != 1:
        there = ", ".join(str(body["id"]) for body in templates)
        raise InvalidInput(what, [Violation("--id", f"choose one of {there}")])
    template = compile_template(chosen[0], snippets)
    values = read_data(data) if data else chosen[0].get("sample", {})
    try:
        rendered = render_template(template, values, locale, PREVIEW, track=False)
    except RenderFailed as fault:
        typer.echo(f"{template.id}: {fault}", err=True)
        raise typer.Exit(NEGATIVE) from None
    return shown(template, rendered)


def diff(id: Annotated[str, typer.Argument(help="a template's id")], before: int, after: int, kind: Kind = "") -> None:
    """What differs between two versions."""
    with _Opened() as catalogue:
        kind = _kind_of(catalogue, id, kind)
        known = catalogue.versions[kind, id]
        if missing := [v for v in (before, after) if v not in known]:
            raise InvalidInput(f"{kind} {id}", [Violation("version", f"{v} does not exist") for v in missing])
        names = f"{id} version {before}", f"{id} version {after}"
        typer.echo(difference(known[before].body, known[after].body, names), nl=False)


def _templates(what: str, kind: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The templates of a file or the one of an id, and the snippets beside them."""
    path = Path(what)
    if not path.exists():
        with _Opened() as catalogue:
            current = newest(catalogue)
            found = current.get(_kind_of(catalogue, what, kind), what)
            snippets = {p.id: dict(p.body) for p in current.of("snippet")}
            return [dict(found.body)] if found else [], snippets
    documents, faults = read_documents(path)
    faults += validate([d.body for d in documents], [d.place for d in documents])
    if faults:
        raise InvalidInput(what, faults)
    bodies = [d.body for d in documents]
    return (
        [body for body in bodies if body["kind"] in KINDS and kind in ("", body["kind"])],
        {body["id"]: body for body in bodies if body["kind"] == "snippet"},
    )


def _kind_of(catalogue: Catalogue, id: str, kind: str) -> str:
    found = [k for k in KINDS if (k, id) in catalogue.versions and kind in ("", k)]
    if len(found) > 1:
        told = f"is the id of {' and '.join(found)}: say which with --kind"
    else:
        told = f"is neither a file nor the id of a {kind or 'template'}"
    if len(found) != 1:
        raise InvalidInput("template", [Violation("", f"{id!r} {told}")])
    return found[0]


class _Opened:
    """The catalogue of the log, for a `with`."""

    def __enter__(self) -> Catalogue:
        self._log = open_log(Settings())
        with CatalogueReader(self._log).open() as catalogue:
            return catalogue

    def __exit__(self, *_: object) -> None:
        self._log.close()
