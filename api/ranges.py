"""One range of bytes, as players of video ask for it (RFC 9110 §14, https://www.rfc-editor.org/rfc/rfc9110#section-14)."""

from __future__ import annotations

import re
from typing import Final

from fastapi import Response

_ONE: Final = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))", re.ASCII)


def ranged(asked: str, data: bytes, headers: dict[str, str], media_type: str) -> Response:
    """The whole with 200, the part that the header `Range` asks for with 206, or 416 where there is no such part.

    A header that asks for several ranges, or that cannot be read, is passed over, as the RFC allows.
    """
    headers = headers | {"Accept-Ranges": "bytes"}
    found = _ONE.fullmatch(asked.strip())
    if found is None:
        return Response(data, media_type=media_type, headers=headers)
    first, end = _bounds(found, len(data))
    if first >= end:
        return Response(status_code=416, headers=headers | {"Content-Range": f"bytes */{len(data)}"})
    headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(data)}"
    return Response(data[first:end], 206, headers, media_type)


def _bounds(found: re.Match[str], size: int) -> tuple[int, int]:
    """[first, end): empty where it begins behind the end, or ends before it begins."""
    first, last, suffix = found.groups()
    if suffix is not None:
        return size - min(int(suffix), size), size
    return int(first), min(int(last) + 1, size) if last else size
