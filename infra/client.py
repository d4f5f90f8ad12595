"""What commands ask a running installation: its API, where the settings say that it listens."""

from __future__ import annotations

import json
from typing import Any, Final

import httpx
import typer

from infra.settings import Settings
from schemas.errors import InvalidInput, TransientError, Violation

_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked, not bound


NOT_THERE: Final = 1  # the exit code


class NotThere(Exception):
    """The API answers that there is no such thing, and says which."""


def ask(
    settings: Settings, method: str, path: str, timeout_s: float = 60.0, body: Any = None, **parameters: Any
) -> Any:
    """The answer's JSON; `body` is sent as JSON.

    NotThere for a 404 or 409, InvalidInput for another refusal, TransientError for no answer.
    """
    address = address_of(settings)
    key = settings.admin_key.get_secret_value()
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        with httpx.Client(base_url=address, headers=headers, timeout=timeout_s, trust_env=False) as client:
            answer = client.request(method, path, params=parameters, json=body)
    except httpx.HTTPError as fault:
        why = str(fault) or type(fault).__name__
        raise TransientError(f"no Waxwing answers at {address} ({why}): start it with `waxwing run`") from None
    if answer.is_success:
        return answer.json()
    detail = _detail(answer)
    if answer.status_code in (404, 409):
        raise NotThere(detail)
    if answer.is_client_error:
        raise InvalidInput(address, _violations(answer) or [Violation("", detail)])
    raise TransientError(f"{address} answers {answer.status_code}: {detail}")


def show(path: str, method: str = "GET", timeout_s: float = 60.0, body: Any = None, **parameters: Any) -> None:
    """Print the answer as JSON; what is not there is said on stderr, with exit code 1."""
    try:
        answer = ask(Settings(), method, path, timeout_s, body, **parameters)
    except NotThere as fault:
        typer.echo(str(fault), err=True)
        raise typer.Exit(NOT_THERE) from None
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))


def address_of(settings: Settings) -> str:
    """The API's address on this machine."""
    if not settings.port:
        raise InvalidInput("settings", [Violation("port", "is 0, a free one: set WAXWING_PORT to the one it runs on")])
    host = _EVERYWHERE.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _violations(answer: httpx.Response) -> list[Violation]:
    """The faults that the problem document lists."""
    try:
        return [Violation(str(e["path"]), str(e["message"])) for e in answer.json().get("errors", ())]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _detail(answer: httpx.Response) -> str:
    """What the problem document says; of another answer its first line."""
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.text.partition("\n")[0][:300] or answer.reason_phrase
