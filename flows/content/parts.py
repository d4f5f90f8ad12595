"""The parts of a template in one locale: their sources with snippets put in, and the compiled parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

import jinja2

from flows.content.environment import Form, compile_part, variables
from flows.content.locales import folded, language
from flows.content.snippets import Bodies, Expander
from flows.content.text import text_of
from schemas.definitions.markup import mjml_to_html

PARTS: Final = {
    "email": ("subject", "preheader", "mjml", "html", "text"),
    "sms": ("body",),
    "push": ("title", "body"),
    "webhook": ("body",),
}
_BODY: Final = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_UNSUBSCRIBE: Final = {"en": "Unsubscribe", "de": "Abmelden", "fr": "Se désabonner"}
_FOOTER: Final = (
    '{{% if unsubscribe_url %}}<p style="font:12px Arial,sans-serif;color:#697586;text-align:center">'
    '<a href="{{{{ unsubscribe_url }}}}" style="color:#697586">{word}</a></p>{{% endif %}}'
)
_FOOTER_TEXT: Final = "\n\n{{% if unsubscribe_url %}}{word}: {{{{ unsubscribe_url }}}}{{% endif %}}"
_PREHEADER: Final = '<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">{}</div>'


class Content:
    """A template in one locale. Its parts are compiled when first rendered."""

    def __init__(self, channel: str, locale: str, sources: Mapping[str, str], form: Form = "plain"):
        self.channel, self.locale, self.sources, self._form = channel, locale, sources, form

    @property
    def names(self) -> set[str]:
        """The variables that it reads."""
        return set[str]().union(*map(variables, self.sources.values()))

    @cached_property
    def parts(self) -> Mapping[str, jinja2.Template]:
        """Every part by name: subject, html and text of an email; title, body, and `data.…` of the others."""
        if self.channel != "email":
            form = self._form
            return {
                name: compile_part(text, form if name == "body" else "plain") for name, text in self.sources.items()
            }
        html = self.html
        return {
            "subject": compile_part(self.sources["subject"]),
            "html": compile_part(html, "html"),
            "text": compile_part(self.sources.get("text") or text_of(html)),
        }

    @property
    def html(self) -> str:
        """An email's HTML, its template tags in place."""
        html = self.sources.get("html", "")
        if "mjml" in self.sources:  # screen readers choose their voice by `lang`, and read the title first
            html = mjml_to_html(self.sources["mjml"]).replace('lang="und"', f'lang="{self.locale}"')
            html = html.replace("<title></title>", f"<title>{self.sources['subject']}</title>", 1)
        if preheader := self.sources.get("preheader"):
            body = _BODY.search(html)
            at = body.end() if body else 0
            html = html[:at] + _PREHEADER.format(preheader) + html[at:]
        if footer := self.sources.get("footer"):
            end = html.lower().rfind("</body")
            at = end if end >= 0 else len(html)
            html = html[:at] + footer + html[at:]
        return html


def contents_of(channel: str, body: Mapping[str, Any], snippets: Bodies, marketing: bool) -> dict[str, Content]:
    """The words by folded locale, the template's own under ""; ValueError where it cannot be used."""
    own = body.get("locale", "en")
    said = {"": (own, {})} | {folded(name): (name, words) for name, words in body.get("locales", {}).items()}
    form: Form = "json" if channel == "webhook" and body.get("content_type") != "text/plain" else "plain"
    return {
        key: Content(channel, locale, _sources(channel, body, words, Expander(snippets, locale), marketing), form)
        for key, (locale, words) in said.items()
    }


def _sources(
    channel: str, body: Mapping[str, Any], words: Mapping[str, Any], expander: Expander, marketing: bool
) -> dict[str, str]:
    sources = {part: words.get(part) or body.get(part, "") for part in PARTS[channel]}
    if words.get("html"):
        sources["mjml"] = ""
    if (words.get("html") or words.get("mjml")) and not words.get("text"):
        sources["text"] = ""  # the words of another locale's body would contradict this one's
    made = {
        part: _expanded(expander, part, source, body.get("layout", "")) for part, source in sources.items() if source
    }
    if channel == "email" and marketing:
        _let_leave(made, expander.locale)
    extra = body.get("data" if channel == "push" else "headers", {})
    return made | {f"data.{name}": expander.expand(source, "text") for name, source in extra.items()}


def _expanded(expander: Expander, part: str, source: str, layout: str) -> str:
    if part not in ("mjml", "html"):
        return expander.expand(source, "text")
    return expander.within(layout, source, part) if layout else expander.expand(source, part)


def _let_leave(sources: dict[str, str], locale: str) -> None:
    """Marketing never goes without a way to leave it: what has none gets a plain line at its end."""
    word = _UNSUBSCRIBE.get(language(locale), _UNSUBSCRIBE["en"])
    if "unsubscribe_url" not in variables(sources.get("mjml") or sources["html"]):
        sources["footer"] = _FOOTER.format(word=word)
    if "text" in sources and "unsubscribe_url" not in variables(sources["text"]):
        sources["text"] += _FOOTER_TEXT.format(word=word)
