"""The key that signs tracking links, and the address that they begin with."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from infra.settings import Settings
from schemas.errors import InvalidInput, Violation

_BYTES = 32


def link_key(settings: Settings) -> bytes:
    """The setting; without one, the key in `data`/link.key, made once and readable by its owner alone."""
    given = settings.link_key.get_secret_value()
    if given:
        return given.encode()
    path = settings.data / "link.key"
    if not path.exists():
        _make(path)
    key = path.read_bytes()
    if len(key) != _BYTES:
        raise InvalidInput("settings", [Violation("link_key", f"{path} holds {len(key)} bytes, not {_BYTES}")])
    return key


def base_url(settings: Settings) -> str:
    """Where links lead: the setting, else the API's own address."""
    return settings.base_url.rstrip("/") or f"http://{settings.host}:{settings.port}"


def _make(path: Path) -> None:
    """Whole or not at all: of several processes that make it at once, the first one's stands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(_BYTES))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(aside, path)
    except FileExistsError:
        pass
    finally:
        aside.unlink()
