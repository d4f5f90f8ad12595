"""What is wrong, or may be, with a template before it is launched: looked at in each of its locales.

An error would harm the message or its receivers; a warning is for a person to judge. What a rendering alone can show is
told by the template's `sample`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from flows.content.links import Links
from flows.content.parts import Content
from flows.content.sms import length_of
from flows.content.snippets import Bodies
from flows.content.template import Rendered, RenderFailed, Template, compile_template, render
from flows.delivery.origin import Origin

GMAIL_CLIPS: Final = 102 * 1024  # bytes of HTML; https://support.google.com/mail: "[Message clipped]"
LONG_SUBJECT: Final = 60  # characters that most programs show
LONG_PUSH: Final = 178  # characters that a lock screen shows of title and text
MANY_SEGMENTS: Final = 3
_HOST: Final = re.compile(r"^(localhost|[\w-]+(\.[\w-]+)+|\[[0-9a-f:]+\])$", re.IGNORECASE)
_TAG: Final = re.compile(r"\{\{|\}\}|\{%|%\}|\{ \{|\*\|[\w:]+\|\*|%%\w+%%|\[\[\w+\]\]|\{[a-z]+_[a-z_]+\}")
_SCHEMES: Final = ("http", "https", "mailto", "tel", "sms")
PREVIEW: Final = Links("https://links.example", b"preview", Origin("preview", "sample", "email"))


class Finding(NamedTuple):
    """One thing to look at. `part` is the part of the message, `locale` empty for all of them."""

    severity: Literal["error", "warning"]
    code: str
    locale: str
    part: str
    message: str

    def __str__(self) -> str:
        place = " ".join(filter(None, (self.locale, self.part)))
        return f"{self.severity}: {place}: {self.message} ({self.code})"


def lint(body: Mapping[str, Any], snippets: Bodies | None = None) -> list[Finding]:
    """Everything found in a template that `schemas.definitions.parse` takes, errors first."""
    template = compile_template(body, snippets)
    if template.fault:
        return [Finding("error", "unusable", "", "", template.fault)]
    sample = body.get("sample", {})
    found = [f for content in (template.base, *template.locales.values()) for f in _locale(template, content, sample)]
    return sorted(dict.fromkeys(found), key=lambda f: (f.severity, f.locale, f.part))


def _locale(template: Template, content: Content, sample: Mapping[str, Any]) -> Iterator[Finding]:
    if template.channel == "email" and template.message_class == "marketing":
        yield from _way_out(content)
    try:
        rendered = render(template, sample, content.locale, PREVIEW, track=template.channel == "sms")
    except RenderFailed as fault:
        what = "give the variable a default, or a value in `sample`" if "is missing" in str(fault) else "see `sample`"
        yield Finding("error", "does_not_render", content.locale, "", f"{fault}; {what}")
        return
    yield from _words(template.channel, content.locale, rendered)
    match template.channel:
        case "email":
            yield from _email(content, rendered)
        case "sms":
            yield from _sms(content.locale, rendered.text)
        case "push" if len(rendered.subject) + len(rendered.text) > LONG_PUSH:
            message = (
                f"title and text have {len(rendered.subject) + len(rendered.text)} characters, {LONG_PUSH} are shown"
            )
            yield Finding("warning", "long_push", content.locale, "body", message)


def _way_out(content: Content) -> Iterator[Finding]:
    if "footer" in content.sources:
        message = "marketing without {{ unsubscribe_url }}: a plain line with it is put at the end"
        yield Finding("warning", "no_unsubscribe", content.locale, "html", message)


def _words(channel: str, locale: str, rendered: Rendered) -> Iterator[Finding]:
    """Merge tags of another language, or cut in two: they would be sent as they are."""
    if channel == "webhook":
        return
    for part in ("subject", "text"):
        if found := _TAG.search(getattr(rendered, part)):
            message = f"{found[0]!r} would be sent as it is: a merge tag is written {{{{ first_name }}}}"
            yield Finding("error", "broken_merge_tag", locale, part, message)


def _email(content: Content, rendered: Rendered) -> Iterator[Finding]:
    locale, size = content.locale, len(rendered.html.encode())
    if size > GMAIL_CLIPS:
        message = f"{size // 1024} KB; Gmail cuts off what is above {GMAIL_CLIPS // 1024} KB"
        yield Finding("error", "too_large", locale, "html", message)
    if len(rendered.subject) > LONG_SUBJECT:
        message = f"{len(rendered.subject)} characters; most programs show {LONG_SUBJECT}"
        yield Finding("warning", "long_subject", locale, "subject", message)
    if "preheader" not in content.sources:
        message = "without one, inboxes show the first words of the body beside the subject"
        yield Finding("warning", "no_preheader", locale, "preheader", message)
    if len(rendered.text.strip()) < 20:
        yield Finding("warning", "little_text", locale, "text", "hardly any words besides images")
    page = _Page()
    page.feed(rendered.html)
    for code, message in page.faults:
        yield Finding("error", code, locale, "html", message)


def _sms(locale: str, text: str) -> Iterator[Finding]:
    length = length_of(text)
    if length.outside:
        message = f"{length.outside[:10]!r} makes it UCS-2: 70 characters a segment in place of 160"
        yield Finding("warning", "ucs2", locale, "body", message)
    if length.segments > MANY_SEGMENTS:
        message = f"{length.units} units take {length.segments} segments, each of them charged"
        yield Finding("warning", "many_segments", locale, "body", message)


class _Page(HTMLParser):
    """What the elements of a page lack."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a" and "href" in values and (fault := link_fault(values["href"] or "")):
            self.faults.append(("broken_link", fault))
        elif tag == "img":
            source = values.get("src") or ""
            if "alt" not in values:
                self.faults.append(
                    ("no_alt", f'the image {source[:80]!r} has no alt text; alt="" where it is decoration')
                )
            if urlsplit(source).scheme not in ("https", "http", "cid"):
                self.faults.append(
                    ("broken_image", f"the image's address {source[:80]!r} is none that a mail program opens")
                )
        elif tag in ("script", "form", "iframe", "object", "embed", "video"):
            self.faults.append(("unsupported", f"<{tag}> does not work in mail programs"))


def link_fault(href: str) -> str:
    """What is wrong with the address of a link; empty where nothing is."""
    href = href.strip()
    if href.startswith("#") and len(href) > 1:
        return ""
    try:
        parts = urlsplit(href)
    except ValueError as fault:
        return f"the link {href[:80]!r} is no address: {fault}"
    if not href or href == "#":
        return "a link leads nowhere"
    if parts.scheme not in _SCHEMES:
        return f"the link {href[:80]!r} is no whole address; begin it with https://"
    if parts.scheme in ("http", "https") and (not _HOST.match(parts.hostname or "") or " " in href):
        return f"the link {href[:80]!r} is no address"
    return ""
