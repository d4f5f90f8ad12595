"""What a file is, told by its first bytes alone: its name and what its sender says of it are not asked."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MB: Final = 1024 * 1024


class FileType(NamedTuple):
    """`inline` where a browser may show it in its place: it cannot hold a script. `limit` in bytes."""

    ending: str
    media_type: str
    inline: bool
    limit: int


PNG: Final = FileType("png", "image/png", True, 10 * MB)
JPEG: Final = FileType("jpg", "image/jpeg", True, 10 * MB)
GIF: Final = FileType("gif", "image/gif", True, 10 * MB)
WEBP: Final = FileType("webp", "image/webp", True, 10 * MB)
MP4: Final = FileType("mp4", "video/mp4", True, 25 * MB)
WEBM: Final = FileType("webm", "video/webm", True, 25 * MB)
PDF: Final = FileType("pdf", "application/pdf", False, 25 * MB)
SVG: Final = FileType("svg", "image/svg+xml", False, 1 * MB)
HTML: Final = FileType("html", "text/html; charset=utf-8", False, 1 * MB)
TYPES: Final = {t.ending: t for t in (PNG, JPEG, GIF, WEBP, MP4, WEBM, PDF, SVG, HTML)}
IMAGES: Final = frozenset({PNG, JPEG, GIF, WEBP})
LARGEST: Final = max(t.limit for t in TYPES.values())

_MAGIC: Final = (
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"\xff\xd8\xff", JPEG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"%PDF-", PDF),
    (b"\x1a\x45\xdf\xa3", WEBM),
)
_BRANDS: Final = frozenset({b"isom", b"iso2", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"dash"})
_LEAD: Final = re.compile(
    rb"^(\xef\xbb\xbf)?(\s|<\?xml[^>]*>|<!--.*?-->|<!doctype\s+svg[^>\[]*(\[.*?\])?\s*>)*", re.I | re.S
)
_HEAD: Final = 4_096


def type_of(data: bytes) -> FileType | None:
    """The type of a file's bytes; None for what is not taken.

    >>> type_of(b"GIF89a...").media_type, type_of(b"MZ...")
    ('image/gif', None)
    """
    for magic, found in _MAGIC:
        if data.startswith(magic):
            return found
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    if data[4:8] == b"ftyp" and data[8:12] in _BRANDS:
        return MP4
    return _markup(data[:_HEAD])


def _markup(head: bytes) -> FileType | None:
    lead = _LEAD.match(head)
    start = head[lead.end() if lead else 0 :][:20].lower()
    if start.startswith(b"<svg"):
        return SVG
    return HTML if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<script")) else None
