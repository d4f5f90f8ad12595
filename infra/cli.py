"""`waxwing`: every command of DESIGN §7, each family a module of `infra.commands`.

Exit codes: 0; 1 a negative answer; 2 bad input, with every fault and its place on stderr; 3 it could not be done (the
log did not answer, a fault of Waxwing's own). Never a traceback, unless WAXWING_DEBUG=1.
"""

from __future__ import annotations

import os
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError
from typer.core import TyperGroup
from typer.main import get_group

from schemas.errors import InvalidInput, LogDamaged, UnreadableRecord, VersionTaken, WaxwingError
from schemas.faults import said

COMMANDS: Final = {  # each command's module: only the one that is called is loaded
    "run": "run",
    "apply": "definitions",
    "get": "definitions",
    "rollback": "definitions",
    "delete": "definitions",
    "cancel": "definitions",
    "publish": "definitions",
    "archive": "definitions",
    "import": "importing",
    "dead-letters": "dead_letters",
    "segment": "segment",
    "journey": "journey",
    "campaign": "campaign",
    "holdout": "holdout",
    "explain": "explain",
    "verify": "verify",
    "replay": "replay",
    "template": "template",
    "topics": "topics",
    "migrate": "migrate",
    "backup": "backup",
    "restore": "backup",
    "graph": "graph",
    "bench": "bench",
    "settings": "settings",
    "scale": "scale",
}
NEGATIVE, BAD_INPUT, FAILED = 1, 2, 3


class _Commands(TyperGroup):
    """The commands of those modules that are there; their exceptions as lines on stderr and an exit code."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [name for name, module in COMMANDS.items() if find_spec(f"infra.commands.{module}") is not None]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.list_commands(ctx):
            return None
        family = typer.Typer()
        import_module(f"infra.commands.{COMMANDS[cmd_name]}").register(family)
        return get_group(family).commands[cmd_name]

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as fault:
            code = _code(fault)
            if code is None or os.environ.get("WAXWING_DEBUG"):
                raise
            for line in _lines(fault):
                typer.echo(line, err=True)
            raise typer.Exit(code) from None


def _code(fault: Exception) -> int | None:
    """The exit code; None for what typer itself makes of its own exceptions."""
    match fault:
        case (
            InvalidInput()
            | LogDamaged()
            | UnreadableRecord()
            | ValidationError()
            | FileNotFoundError()
            | IsADirectoryError()
        ):
            return BAD_INPUT
        case VersionTaken():
            return NEGATIVE
        case _ if type(fault).__module__.startswith(("typer", "click")):
            return None
        case BrokenPipeError():
            return None  # whoever read us went away: typer ends quietly
        case _:
            return FAILED


def _lines(fault: Exception) -> list[str]:
    """What a person reads: every fault with its place, one a line."""
    match fault:
        case InvalidInput():
            return [f"{fault.what}: {violation}" for violation in fault.violations]
        case ValidationError():
            return [f"{_place(fault, error['loc'])}: {said(error)}" for error in fault.errors()]
        case WaxwingError():
            return [str(fault)]
        case OSError() if fault.filename is not None:
            return [f"{fault.filename}: {fault.strerror}"]
        case _:
            return [f"{type(fault).__name__}: {fault}", "WAXWING_DEBUG=1 shows where"]


def _place(fault: ValidationError, location: tuple[int | str, ...]) -> str:
    path = ".".join(map(str, location))
    return f"WAXWING_{path.upper()}" if fault.title == "Settings" else f"{fault.title}.{path}"


app = typer.Typer(
    name="waxwing", cls=_Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)


@app.callback(invoke_without_command=True)
def waxwing(version_: Annotated[bool, typer.Option("--version", help="print the version")] = False) -> None:
    """Marketing automation as a stream pipeline."""
    if version_:
        typer.echo(f"waxwing {version('waxwing')}")
        raise typer.Exit


def main() -> None:
    """The entry point; ends the process with the exit code."""
    app()


if __name__ == "__main__":
    main()
