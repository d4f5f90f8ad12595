"""Who may call: SDKs by the write key, as Segment does it; people and the rest of the API by the admin key.

Without an admin key only callers on this machine are let in, and no web page that their browser has open: a request
that went through a proxy, names another host or comes from another origin is refused.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode
from ipaddress import ip_address
from typing import Final

from fastapi import Depends, HTTPException, Request
from pydantic import SecretStr

from api.deps import Deps, deps

_PROXIED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")
_LOCAL_NAMES: Final = ("localhost", "127.0.0.1", "::1")


async def admin(request: Request, deps: Deps = Depends(deps)) -> None:
    """The dependency of everything that is for people: 401 without the admin key."""
    if not is_admin(request, deps.settings.admin_key):
        raise HTTPException(
            401,
            "send the admin key: Authorization: Bearer <WAXWING_ADMIN_KEY>"
            if deps.settings.admin_key.get_secret_value()
            else "without WAXWING_ADMIN_KEY only callers on this machine are let in",
            {"WWW-Authenticate": 'Bearer realm="waxwing"'},
        )


def is_admin(request: Request, key: SecretStr) -> bool:
    """Whether the request carries the admin key; where none is set, whether it comes from this machine."""
    if not key.get_secret_value():
        return _is_local(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and is_key(token.strip(), key)


def is_key(given: str, key: SecretStr) -> bool:
    """Whether they are equal, in a time that does not tell how far they are; an empty key admits nobody."""
    expected = key.get_secret_value().encode()
    return bool(expected) and hmac.compare_digest(given.encode(), expected)


def basic_user(request: Request) -> str | None:
    """The user of basic authentication (RFC 7617); None where the request has none, empty where it is malformed."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return b64decode(encoded, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _is_local(request: Request) -> bool:
    if request.client is None or not _is_loopback(request.client.host):
        return False
    if any(name in request.headers for name in _PROXIED) or request.url.hostname not in _LOCAL_NAMES:
        return False
    origin = request.headers.get("origin")
    return origin is None or origin == f"{request.url.scheme}://{request.url.netloc}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
