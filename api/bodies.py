"""Request bodies, bounded: neither a long body nor a small one that unpacks into a long one gets further."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec
from fastapi import HTTPException, Request

_GZIP = 16 + zlib.MAX_WBITS


async def read_body(request: Request, limit: int) -> bytes:
    """The body, unpacked where it is gzip; HTTPException 413 above `limit` bytes, 400 or 415 where it cannot be."""
    packed = bytearray()
    async for chunk in request.stream():
        packed += chunk
        if len(packed) > limit:
            raise _too_long(limit)
    match request.headers.get("content-encoding", "identity").lower():
        case "identity" | "":
            return bytes(packed)
        case "gzip" | "x-gzip":
            return unpack(bytes(packed), limit)
        case other:
            raise HTTPException(415, f"content-encoding {other!r} is not taken; send gzip or none")


def unpack(packed: bytes, limit: int) -> bytes:
    """What gzip bytes unpack to, never more than `limit` of it at once."""
    stream = zlib.decompressobj(_GZIP)
    try:
        body = stream.decompress(packed, limit + 1)
    except zlib.error as fault:
        raise HTTPException(400, f"the body is no gzip: {fault}") from None
    if len(body) > limit:
        raise _too_long(limit)
    if not stream.eof:
        raise HTTPException(400, "the body's gzip ends too early")
    return body


def as_object(body: bytes) -> dict[str, Any]:
    """A JSON object; HTTPException 400 where the body is none."""
    try:
        found = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise HTTPException(400, f"the body is no JSON object: {fault}") from None
    return found


def _too_long(limit: int) -> HTTPException:
    return HTTPException(413, f"the body has more than {limit} bytes")
