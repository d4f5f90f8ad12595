"""Contacts' ids in addresses: whatever a CRM calls a contact, percent-encoded, is one segment of the path.

A server decodes the whole path before it is routed, so `%2F` would cut an id in two. `SlashesInIds` routes on a path in
which it stands as a character that no id has; the convertor `id` makes it a slash again.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import ASGIApp, Receive, Scope, Send

_SLASH: Final = "\0"
_ENCODED: Final = re.compile(r"%2f", re.IGNORECASE)
_OF_CONTACTS: Final = ("/v1/contacts/", "/v1/scores/")


class _Id(Convertor[str]):
    """One segment of the path."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        return value.replace(_SLASH, "/")

    def to_string(self, value: str) -> str:
        return value.replace("/", _SLASH)


register_url_convertor("id", _Id())
CONTACT: Final = "{contact:id}"  # in the address of an endpoint


class SlashesInIds:
    """Lets ids of contacts hold slashes."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(_OF_CONTACTS) and scope.get("raw_path"):
            raw = scope["raw_path"].decode("latin-1").partition("?")[0]
            scope = {**scope, "path": _SLASH.join(map(unquote, _ENCODED.split(raw)))}
        await self._app(scope, receive, send)
