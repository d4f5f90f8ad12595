"""The plain-text part of an email, made from its HTML. Template tags in it are words like any other."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

from schemas.definitions.markup import Protected

_BLOCKS: Final = frozenset(
    [
        "p",
        "div",
        "table",
        "tr",
        "ul",
        "ol",
        "blockquote",
        "section",
        "article",
        "header",
        "footer",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
    ]
)
_SILENT: Final = frozenset({"head", "style", "script", "title"})
_HIDDEN: Final = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_VOID: Final = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden: list[str] = []  # the open elements from the outermost hidden one on
        self._href, self._label = "", 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if self._hidden or tag in _SILENT or _HIDDEN.search(values.get("style") or ""):
            if tag not in _VOID:
                self._hidden.append(tag)
        elif tag == "a":
            self._href, self._label = (values.get("href") or "").strip(), len(self.pieces)
        elif tag == "br":
            self.pieces.append("\n")
        elif tag == "hr":
            self.pieces.append("\n\n---\n\n")
        elif tag == "li":
            self.pieces.append("\n- ")
        elif tag == "img" and values.get("alt"):
            self.pieces.append(values["alt"] or "")
        elif tag in _BLOCKS:
            self.pieces.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            while self._hidden and self._hidden.pop() != tag:
                pass
        elif tag == "a":
            label = "".join(self.pieces[self._label :]).strip()
            if self._href and not self._href.startswith("#") and self._href != label:
                self.pieces.append(f" ({self._href})")
            self._href = ""
        elif tag in _BLOCKS:
            self.pieces.append("\n\n")
        elif tag == "td":
            self.pieces.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.pieces.append(re.sub(r"\s+", " ", data))


def text_of(html: str) -> str:
    """The words of an HTML source, its links in brackets behind them; template tags stay in place.

    >>> text_of('<h1>Hi {{ name }}</h1><p>Read <a href="{{ url }}">more</a></p>')
    'Hi {{ name }}\\n\\nRead more ({{ url }})\\n'
    """
    protected = Protected(html)
    words = _Words()
    words.feed(protected.text)
    words.close()
    lines = "\n".join(line.strip() for line in "".join(words.pieces).split("\n"))
    return protected.restore(re.sub(r"\n{3,}", "\n\n", lines).strip()) + "\n"
