"""Snippets and layouts: put into the sources of a template before anything else is done with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flows.content.locales import chain, folded
from schemas.definitions.markup import expand, includes
from schemas.definitions.template import CONTENT

MAX_DEPTH: Final = 8  # snippets within snippets
MAX_EXPANDED: Final = 512 * 1024  # characters
Bodies = Mapping[str, Mapping[str, Any]]  # the snippets that are current, by id


def needed(body: Mapping[str, Any], snippets: Bodies) -> Bodies:
    """Those of the snippets that a template, or what it includes, asks for."""
    found: dict[str, Mapping[str, Any]] = {}
    asked = references(body)
    while asked:
        id = asked.pop()
        if id in snippets and id not in found:
            found[id] = snippets[id]
            asked |= references(snippets[id])
    return dict(sorted(found.items()))


def references(body: Mapping[str, Any]) -> set[str]:
    """The ids that a template's or snippet's own parts include, and its layout."""
    found = {body["layout"]} if body.get("layout") else set[str]()
    for words in (body, *body.get("locales", {}).values()):
        sources = (value for value in words.values() if isinstance(value, str) and "include" in value)
        found = found.union(*map(includes, sources))
    return found - {CONTENT}


class Expander:
    """Puts snippets into the sources of one locale; ValueError says which is not there or goes round in a circle."""

    def __init__(self, snippets: Bodies, locale: str):
        self._snippets, self.locale = snippets, locale

    def expand(self, source: str, form: str, content: str | None = None, depth: int = 0) -> str:
        """The source of a part whose form is mjml, html or text; `content` is what a layout holds."""

        def find(id: str) -> str:
            if id == CONTENT:
                if content is None:
                    raise ValueError(f"{CONTENT!r} may be included by a layout alone")
                return content
            if depth >= MAX_DEPTH:
                raise ValueError(f"snippet {id!r} is included {MAX_DEPTH} deep: does it include itself?")
            return self.expand(self._words(id, form), form, None, depth + 1)

        expanded = expand(source, find)
        if len(expanded) > MAX_EXPANDED:
            raise ValueError(f"with its snippets a part has more than {MAX_EXPANDED} characters")
        return expanded

    def within(self, layout: str, content: str, form: str) -> str:
        """The content in its layout."""
        source = self._words(layout, form)
        if CONTENT not in includes(source):
            raise ValueError(f'snippet {layout!r} is no layout: its {form} has no {{% include "{CONTENT}" %}}')
        return self.expand(source, form, self.expand(content, form))

    def _words(self, id: str, form: str) -> str:
        snippet = self._snippets.get(id)
        if snippet is None:
            raise ValueError(f"there is no snippet {id!r}")
        locales = {folded(name): words for name, words in snippet.get("locales", {}).items()}
        for name in chain(self.locale):
            if name in locales and locales[name].get(form):
                return str(locales[name][form])
        if not snippet.get(form):
            raise ValueError(f"snippet {id!r} has no {form}")
        return str(snippet[form])
