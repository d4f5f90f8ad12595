"""Compiled templates, and rendering: pure, so that the same data gives the same message anywhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any, Final, NamedTuple

import jinja2
import msgspec
from jinja2 import UndefinedError

from flows.content.environment import Budget, compile_part, render_part, variables
from flows.content.links import Links
from flows.content.text import text_of
from schemas.definitions.markup import CALLS, mjml_to_html
from schemas.errors import TerminalError

SYSTEM: Final = frozenset({"unsubscribe_url", "view_url"})  # given by delivery, not by the contact
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_GAP: Final = re.compile(r"\n[ \t]*\n\s*\n")  # left by branches that were not taken
_BODY: Final = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_PARTS: Final = {
    "email": ("subject", "preheader", "mjml", "html", "text"),
    "sms": ("body",),
    "push": ("title", "body"),
}


class RenderFailed(TerminalError):
    """A message that cannot be made of this template and data: which variable is missing, or what is wrong."""


class Rendered(NamedTuple):
    """A message's words. `links` are the targets of its links, as they were before tracking; `data` is for apps."""

    subject: str = ""
    html: str = ""
    text: str = ""
    links: tuple[str, ...] = ()
    data: Mapping[str, str] = {}


class Content:
    """A template in one locale. Its parts are compiled when first rendered."""

    def __init__(self, channel: str, locale: str, sources: Mapping[str, str], data: Mapping[str, str]):
        self.channel, self.locale, self.sources, self.data_sources = channel, locale, sources, data

    @property
    def names(self) -> set[str]:
        """The variables that it reads."""
        found: set[str] = set()
        for source in (*self.sources.values(), *self.data_sources.values()):
            found |= variables(source)
        return found

    @cached_property
    def parts(self) -> Mapping[str, jinja2.Template]:
        """Every part by name: subject, html and text of an email; title, body, and `data.…` of the others."""
        if self.channel == "email":
            html = self._html()
            text = self.sources.get("text") or text_of(html)
            return {
                "subject": compile_part(self.sources["subject"]),
                "html": compile_part(html, html=True),
                "text": compile_part(text),
            }
        parts = {name: compile_part(source) for name, source in self.sources.items()}
        return parts | {f"data.{name}": compile_part(source) for name, source in self.data_sources.items()}

    def _html(self) -> str:
        html = mjml_to_html(self.sources["mjml"]) if self.sources.get("mjml") else self.sources["html"]
        if preheader := self.sources.get("preheader"):
            hidden = f'<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">{preheader}</div>'
            body = _BODY.search(html)
            at = body.end() if body else 0
            html = html[:at] + hidden + html[at:]
        return html


class Template:
    """A template of one version: `names` are the top-level variables that it reads in any of its locales."""

    def __init__(self, body: Mapping[str, Any]):
        self.id: str = body["id"]
        self.channel: str = body["kind"].removesuffix("_template")
        self.message_class: str = body.get("class", "marketing")
        self.base = _content(self.channel, body, {}, body.get("locale", "en"))
        self.locales = {
            _folded(name): _content(self.channel, body, said, name) for name, said in body.get("locales", {}).items()
        }
        contents = (self.base, *self.locales.values())
        self.names = frozenset[str]().union(*(c.names for c in contents)) - SYSTEM - CALLS

    def content(self, locale: str) -> Content:
        """The words for a locale: `de-CH`, else `de`, else the template's own."""
        wanted = _folded(locale)
        while wanted:
            if wanted in self.locales:
                return self.locales[wanted]
            wanted = wanted.rpartition("-")[0]
        return self.base


def _folded(locale: str) -> str:
    return locale.replace("_", "-").lower()


def _content(channel: str, body: Mapping[str, Any], said: Mapping[str, Any], locale: str) -> Content:
    sources = {part: said.get(part) or body.get(part, "") for part in _PARTS[channel]}
    if said.get("html"):
        sources["mjml"] = ""
    if (said.get("html") or said.get("mjml")) and not said.get("text"):
        sources["text"] = ""  # the words of another locale's body would contradict this one's
    return Content(channel, locale, {k: v for k, v in sources.items() if v}, body.get("data", {}))


def compile_template(body: Mapping[str, Any]) -> Template:
    """The template of a definition's body, as it was published. Equal bodies are compiled once."""
    return _compiled(msgspec.json.encode(body))


@lru_cache(1024)
def _compiled(body: bytes) -> Template:
    return Template(msgspec.json.decode(body))


def render(
    template: Template, data: Mapping[str, Any], locale: str = "", links: Links | None = None, track: bool = True
) -> Rendered:
    """The message in the words of the locale; RenderFailed says why there is none.

    Amounts and dates are written as the locale has them where the template speaks its language.
    """
    content = template.content(locale)
    values = {**data, "_budget": Budget(), "_locale": _format_locale(content.locale, locale)}
    values["unsubscribe_url"] = links.unsubscribe_url if links else ""
    values["view_url"] = links.view_url if links else ""
    texts: dict[str, str] = {}
    for name, part in content.parts.items():
        try:
            texts[name] = render_part(part, values)
        except UndefinedError as e:
            raise RenderFailed(str(e.message).replace(" is undefined", " is missing")) from None
        except Exception as e:  # whatever a template does with its data, only this message is lost
            raise RenderFailed(f"{name}: {e}") from None
    return _rendered(template.channel, texts, links if track else None)


def _format_locale(spoken: str, wanted: str) -> str:
    same = _folded(spoken).partition("-")[0] == _folded(wanted).partition("-")[0]
    return wanted if same else spoken


def _rendered(channel: str, texts: Mapping[str, str], links: Links | None) -> Rendered:
    match channel:
        case "email":
            html, targets = links.track(texts["html"]) if links else (texts["html"], ())
            return Rendered(_header(texts["subject"]), html, _GAP.sub("\n\n", texts["text"]).strip() + "\n", targets)
        case "push":
            data = {name[5:]: text for name, text in texts.items() if name.startswith("data.")}
            return Rendered(_header(texts["title"]), "", texts["body"], (), data)
        case _:
            return Rendered(text=texts["body"])


def _header(text: str) -> str:
    line = text.strip()
    if _CONTROL.search(line):
        raise RenderFailed("subject: holds a line break or a control character, which would begin another header")
    if not line:
        raise RenderFailed("subject: is empty")
    return line
