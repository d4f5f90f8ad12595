"""Templates: what is said, by channel and locale. Their texts are Jinja2, in the part that `markup` allows.

What all of them may carry: `when`, conditions by name, for dynamic blocks (`{% if when.gold %}`); `sample`, the data
that previews, lint and `waxwing template render` use. A message is rendered from its send's data, so a condition in
`when` looks at traits and at the event that opened the run; what asks for the contact's history belongs in a journey's
branch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from schemas.definitions.base import Body, Strict, register
from schemas.definitions.conditions import ConditionJson
from schemas.definitions.markup import faults, mjml_to_html
from schemas.definitions.rendered_conditions import check_rendered


def _source(text: str) -> str:
    if found := faults(text):
        raise ValueError("; ".join(found))
    return text


def _line(text: str) -> str:
    if "\n" in text.strip() or "\r" in text.strip():
        raise ValueError("must be a single line: a line break would begin another header")
    return text


def _mjml(text: str) -> str:
    mjml_to_html(text if "<mjml" in text else f"<mjml><mj-body>{text}</mj-body></mjml>")
    return text


Source = Annotated[str, AfterValidator(_source)]
Line = Annotated[str, AfterValidator(_source), AfterValidator(_line)]
Mjml = Annotated[str, AfterValidator(_source), AfterValidator(_mjml)]
Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
Block = Annotated[ConditionJson, AfterValidator(check_rendered)]
MessageClass = Literal["marketing", "transactional"]
CONTENT: Final = "content"  # what a layout includes: the message itself


class Template(Body):
    """What templates of all channels share. `locale` is the language of its own words."""

    message_class: MessageClass = Field(default="marketing", alias="class")
    locale: Locale = "en"
    when: Mapping[Name, Block] = {}
    sample: Mapping[str, Any] = {}


class Utm(Strict):
    """What is added to the links of an email. Campaign and medium are by default the campaign's id and `email`."""

    source: str = Field(min_length=1, max_length=100)
    medium: str = Field(default="email", max_length=100)
    campaign: str = Field(default="", max_length=100)
    content: str = Field(default="", max_length=100)
    term: str = Field(default="", max_length=100)


class EmailContent(Strict):
    """The parts of an email that a locale may say in its own words; what it leaves out is taken from the template."""

    subject: Line = ""
    preheader: Line = ""
    mjml: Mjml = ""
    html: Source = ""
    text: Source = ""

    @model_validator(mode="after")
    def _one_body(self) -> EmailContent:
        if self.mjml and self.html:
            raise ValueError("give mjml or html, not both")
        return self


@register
class EmailTemplate(Template):
    """`email_template`: MJML or HTML; the plain-text part is made from it unless `text` is given.

    `layout` is the id of a snippet that includes `content`: the body is put there. `utm` is added to its links.
    Marketing email that has no `{{ unsubscribe_url }}` gets a plain line with it at its end.
    """

    KIND: ClassVar[str] = "email_template"
    kind: Literal["email_template"]
    subject: Line = Field(min_length=1)
    preheader: Line = ""
    layout: str = ""
    mjml: Mjml = ""
    html: Source = ""
    text: Source = ""
    utm: Utm | None = None
    locales: Mapping[Locale, EmailContent] = {}

    @model_validator(mode="after")
    def _one_body(self) -> EmailTemplate:
        if bool(self.mjml) == bool(self.html):
            raise ValueError("give its body as mjml or as html: one of them")
        if self.mjml and not self.layout and "<mjml" not in self.mjml and "include" not in self.mjml:
            raise ValueError("this MJML cannot be read: it begins with <mjml>, unless a layout holds it")
        return self


class SmsContent(Strict):
    """The text of one locale."""

    body: Source = Field(min_length=1)


@register
class SmsTemplate(Template):
    """`sms_template`: one text."""

    KIND: ClassVar[str] = "sms_template"
    kind: Literal["sms_template"]
    body: Source = Field(min_length=1)
    locales: Mapping[Locale, SmsContent] = {}


class PushContent(Strict):
    """The words of one locale; what it leaves out is taken from the template."""

    title: Line = ""
    body: Source = ""


@register
class PushTemplate(Template):
    """`push_template`: a title, a text, and data for the app, each value a template."""

    KIND: ClassVar[str] = "push_template"
    kind: Literal["push_template"]
    title: Line = Field(min_length=1)
    body: Source = Field(min_length=1)
    data: Mapping[str, Source] = {}
    locales: Mapping[Locale, PushContent] = {}


@register
class WebhookTemplate(Template):
    """`webhook_template`: the body and headers of a call. A body of JSON escapes what is put into it by itself:
    `{"name": "{{ name }}", "total": {{ total }}, "items": {{ items | json }}}`.
    """

    KIND: ClassVar[str] = "webhook_template"
    kind: Literal["webhook_template"]
    message_class: MessageClass = Field(default="transactional", alias="class")
    content_type: Literal["application/json", "text/plain"] = "application/json"
    headers: Mapping[HeaderName, Line] = {}
    body: Source = Field(min_length=1)


class SnippetContent(Strict):
    """A snippet in one locale; what it leaves out is taken from the snippet."""

    mjml: Source = ""
    html: Source = ""
    text: Source = ""


@register
class Snippet(Body):
    """`snippet`: what several templates share. `{% include "footer" %}` puts in its `mjml` where the including part is
    MJML, its `html` where it is HTML, else its `text`. One that includes `content` is a layout.
    """

    KIND: ClassVar[str] = "snippet"
    kind: Literal["snippet"]
    locale: Locale = "en"
    mjml: Source = ""
    html: Source = ""
    text: Source = ""
    locales: Mapping[Locale, SnippetContent] = {}

    @model_validator(mode="after")
    def _some_form(self) -> Snippet:
        if not (self.mjml or self.html or self.text):
            raise ValueError("give it as mjml, html or text: at least one of them")
        if self.id == CONTENT:
            raise ValueError(f"{CONTENT!r} is what a layout includes; choose another id")
        return self
