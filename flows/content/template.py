"""Compiled templates, and rendering: pure, so that the same data gives the same message anywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import jinja2
import msgspec
from jinja2 import UndefinedError

from flows.content.blocks import Ask, compile_blocks, names
from flows.content.environment import Budget, render_part
from flows.content.links import Links
from flows.content.locales import chain, language
from flows.content.parts import Content, contents_of
from flows.content.short_links import shorten
from flows.content.snippets import Bodies, needed
from schemas.definitions.markup import CALLS
from schemas.errors import TerminalError

SYSTEM: Final = frozenset({"unsubscribe_url", "preferences_url", "view_url"})  # given by delivery, not by the contact
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_GAP: Final = re.compile(r"\n[ \t]*\n\s*\n")  # left by branches that were not taken


class RenderFailed(TerminalError):
    """A message that cannot be made of this template and data: which variable is missing, or what is wrong."""


class Rendered(NamedTuple):
    """A message's words. `links` are the targets of its links, as they were before tracking; `data` is for apps.

    Of a webhook `text` is the body and `data` the headers.
    """

    subject: str = ""
    html: str = ""
    text: str = ""
    links: tuple[str, ...] = ()
    data: Mapping[str, str] = {}


class Template:
    """A template of one version: `names` are the top-level variables that it reads in any of its locales.

    One that cannot be used, because it is no template or asks for a snippet that is not there, says why in `fault`;
    rendering it fails with that.
    """

    def __init__(self, body: Mapping[str, Any], snippets: Bodies):
        self.id: str = str(body.get("id", ""))
        self.channel: str = str(body.get("kind", "")).removesuffix("_template")
        self.message_class: str = body.get("class", "transactional" if self.channel == "webhook" else "marketing")
        self.utm: Mapping[str, str] = body.get("utm") or {}
        self.content_type: str = body.get("content_type", "application/json")
        self.fault = ""
        self.names: frozenset[str] = frozenset()
        self.base = Content(self.channel, "en", {})
        self.locales: dict[str, Content] = {}
        self.blocks: dict[str, Ask] = {}
        try:
            self._compile(body, snippets)
        except Exception as fault:  # whatever stands on the log: delivery skips what it cannot use, and says why
            self.fault = " ".join(str(fault).split()) or type(fault).__name__

    def _compile(self, body: Mapping[str, Any], snippets: Bodies) -> None:
        found = contents_of(self.channel, body, snippets, self.message_class == "marketing")
        self.base, self.locales = found.pop(""), found
        self.blocks = compile_blocks(body.get("when", {}))
        read = names(body.get("when", {})).union(*(c.names for c in (self.base, *found.values())))
        self.names = frozenset(read - SYSTEM - CALLS - {"when"})

    def content(self, locale: str) -> Content:
        """The words for a locale: `de-CH`, else `de`, else the template's own."""
        return next((self.locales[name] for name in chain(locale) if name in self.locales), self.base)


def compile_template(body: Mapping[str, Any], snippets: Bodies | None = None) -> Template:
    """The template of a definition's body, as it was published, with the snippets that were current then.

    Never raises: see `Template.fault`. Equal bodies with equal snippets are compiled once.
    """
    used = needed(body, snippets) if snippets else {}
    return _compiled(msgspec.json.encode(body), msgspec.json.encode(used))


@lru_cache(1024)
def _compiled(body: bytes, snippets: bytes) -> Template:
    return Template(msgspec.json.decode(body), msgspec.json.decode(snippets))


def render(
    template: Template, data: Mapping[str, Any], locale: str = "", links: Links | None = None, track: bool = True
) -> Rendered:
    """The message in the words of the locale; RenderFailed says why there is none.

    Amounts and dates are written as the locale has them where the template speaks its language.
    """
    if template.fault:
        raise RenderFailed(template.fault)
    content = template.content(locale)
    values = {**data, "_budget": Budget(), "_locale": _format_locale(content.locale, locale)}
    for name in SYSTEM:
        values[name] = getattr(links, name) if links else ""
    try:
        values["when"] = {name: ask(data) for name, ask in template.blocks.items()}
        parts = content.parts
    except Exception as e:
        raise RenderFailed(str(e)) from None
    texts = {name: _text(name, part, values) for name, part in parts.items()}
    return _rendered(template, texts, links if track else None)


def _text(name: str, part: jinja2.Template, values: Mapping[str, Any]) -> str:
    try:
        return render_part(part, values)
    except UndefinedError as e:
        raise RenderFailed(str(e.message).replace(" is undefined", " is missing")) from None
    except Exception as e:  # whatever a template does with its data, only this message is lost
        raise RenderFailed(f"{name}: {e}") from None


def _format_locale(spoken: str, wanted: str) -> str:
    return wanted if language(spoken) == language(wanted) else spoken


def _rendered(template: Template, texts: Mapping[str, str], links: Links | None) -> Rendered:
    data = {name[5:]: text for name, text in texts.items() if name.startswith("data.")}
    match template.channel:
        case "email":
            html, targets = links.track(texts["html"], template.utm) if links else (texts["html"], ())
            text = _GAP.sub("\n\n", texts["text"]).strip() + "\n"
            return Rendered(_header(texts["subject"], "subject"), html, text, targets)
        case "push":
            return Rendered(_header(texts["title"], "title"), "", texts["body"], (), data)
        case "webhook":
            headers = {name: _header(text, f"header {name}") for name, text in data.items()}
            return Rendered(text=_body(template, texts["body"]), data={"Content-Type": template.content_type} | headers)
        case _:
            text, targets = shorten(texts["body"], links, template.utm) if links else (texts["body"], ())
            return Rendered(text=text, links=targets)


def _header(text: str, name: str) -> str:
    line = text.strip()
    if _CONTROL.search(line):
        raise RenderFailed(f"{name}: holds a line break or a control character, which would begin another header")
    if not line:
        raise RenderFailed(f"{name}: is empty")
    return line


def _body(template: Template, text: str) -> str:
    if template.content_type == "application/json":
        try:
            msgspec.json.decode(text)
        except msgspec.DecodeError as fault:
            raise RenderFailed(f"body: is no JSON: {fault}") from None
    return text
