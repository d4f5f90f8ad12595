"""`waxwing settings`: what can be set, from the one table that knows it."""

from __future__ import annotations

import typer
from pydantic import SecretStr

from infra.settings import Settings


def settings_table() -> str:
    """The settings as a Markdown table: variable, default, meaning. README holds the same lines."""
    lines = ["| variable | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        shown = f"`{value}`" if str(value) else ""
        lines.append(f"| `WAXWING_{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(lines)


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def settings() -> None:
        """Print the table of settings: environment variables, defaults, meaning."""
        typer.echo(settings_table())
