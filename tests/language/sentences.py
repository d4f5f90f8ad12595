"""LANGUAGE.md taken apart: its clauses. A case quotes each, or it is listed with the reason why none does."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SPACE = re.compile(r"\s+")
_END = re.compile(r"(?<=[.;])\s+(?=\S)")
_CODE = re.compile(r"`[^`]*`")


def plain(text: str) -> str:
    """The text with one space where there was any."""
    return _SPACE.sub(" ", text).strip()


def clauses(page: str) -> list[str]:
    """What the page says, in order: its sentences, and of each the parts between semicolons that are not enclosed."""
    found: list[str] = []
    for line in page.splitlines():
        text = plain(line.removeprefix("- "))
        if text and not text.startswith("#"):
            found += _parts(text)
    return found


def _parts(text: str) -> Iterator[str]:
    """Cut behind a full stop or a semicolon that stands outside of brackets and code."""
    begun = 0
    for end in _END.finditer(text):
        part = _CODE.sub("", text[begun : end.start()])
        if "`" not in part and part.count("(") == part.count(")"):
            yield text[begun : end.start()]
            begun = end.end()
    yield text[begun:]
