"""Lists by cursor: a page of rows and an opaque text that asks for the next one."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import HTTPException, Query

Limit = Annotated[int, Query(ge=1, le=1000, description="rows of a page")]
Cursor = Annotated[str, Query(max_length=2000, description="`next` of the page before; empty for the first page")]

T = TypeVar("T")
Row = Mapping[str, Any]


def cursor_of(*place: str | int) -> str:
    """The cursor of a place in a list."""
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def place_of(cursor: str, kind: type[T], first: T) -> T:
    """The place, a tuple type, that a cursor stands for; `first` for an empty one. 400 where it is none of ours."""
    if not cursor:
        return first
    try:
        return msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=kind)
    except (ValueError, msgspec.DecodeError):
        raise HTTPException(400, "cursor: is not one that a page of this list gave as `next`") from None


def page(
    rows: Sequence[Row], limit: int, place: Callable[[Row], tuple[str | int, ...]]
) -> tuple[list[Row], str | None]:
    """The rows of a page of which one more than `limit` was asked for, and the next cursor where there is more."""
    if len(rows) <= limit:
        return list(rows), None
    return list(rows[:limit]), cursor_of(*place(rows[limit - 1]))
