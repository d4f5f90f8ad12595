"""Conditions nest without limit, pydantic's JSON parser stops at 200 levels: a deep one travels through it as a string.

`lift` puts the JSON text of each deep group into its place, `lower` is what validators of conditions see of a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

_GROUPS: Final = frozenset({"and", "or", "not"})
_LIFTED: Final = "\x00condition"  # no name that a person writes
_DEEP: Final = 50  # levels; what definitions have around and between their conditions adds to it
_encode = msgspec.json.encode


def lift(body: Mapping[str, Any]) -> bytes:
    """The JSON of a body, its deep groups as text."""
    text = _encode(body)
    if text.count(b"{") + text.count(b"[") <= _DEEP:
        return text
    made: dict[str, Any] = dict(body)
    parts: list[Any] = [made]
    for part in parts:
        for key, value in list(part.items() if isinstance(part, dict) else enumerate(part)):
            if isinstance(value, dict) and not _GROUPS.isdisjoint(value) and _is_deep(value):
                part[key] = {_LIFTED: _encode(value).decode()}
            elif isinstance(value, dict | list):
                part[key] = value.copy()
                parts.append(part[key])
    return _encode(made)


def lower(value: Any) -> Any:
    """The value itself, or the condition that was lifted out of its place."""
    if isinstance(value, dict) and value.keys() == {_LIFTED}:
        return msgspec.json.decode(value[_LIFTED])
    return value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_DEEP):
        below: list[Any] = []
        for part in level:
            below += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        if not below:
            return False
        level = below
    return True
