"""Templates: what is said, by channel and locale. Their texts are Jinja2, in the part that `markup` allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from schemas.definitions.base import Body, Strict, register
from schemas.definitions.markup import faults, mjml_to_html


def _source(text: str) -> str:
    if found := faults(text):
        raise ValueError("; ".join(found))
    return text


def _line(text: str) -> str:
    if "\n" in text.strip() or "\r" in text.strip():
        raise ValueError("must be a single line: a line break would begin another header")
    return text


def _mjml(text: str) -> str:
    mjml_to_html(text)
    return text


Source = Annotated[str, AfterValidator(_source)]
Line = Annotated[str, AfterValidator(_source), AfterValidator(_line)]
Mjml = Annotated[str, AfterValidator(_source), AfterValidator(_mjml)]
Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")]
MessageClass = Literal["marketing", "transactional"]


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
class EmailTemplate(Body):
    """`email_template`: MJML or HTML; the plain-text part is made from it unless `text` is given."""

    KIND: ClassVar[str] = "email_template"
    kind: Literal["email_template"]
    message_class: MessageClass = Field(default="marketing", alias="class")
    locale: Locale = "en"
    subject: Line = Field(min_length=1)
    preheader: Line = ""
    mjml: Mjml = ""
    html: Source = ""
    text: Source = ""
    locales: Mapping[Locale, EmailContent] = {}

    @model_validator(mode="after")
    def _one_body(self) -> EmailTemplate:
        if bool(self.mjml) == bool(self.html):
            raise ValueError("give its body as mjml or as html: one of them")
        return self


class SmsContent(Strict):
    """The text of one locale."""

    body: Source = Field(min_length=1)


@register
class SmsTemplate(Body):
    """`sms_template`: one text."""

    KIND: ClassVar[str] = "sms_template"
    kind: Literal["sms_template"]
    message_class: MessageClass = Field(default="marketing", alias="class")
    locale: Locale = "en"
    body: Source = Field(min_length=1)
    locales: Mapping[Locale, SmsContent] = {}


class PushContent(Strict):
    """The words of one locale; what it leaves out is taken from the template."""

    title: Line = ""
    body: Source = ""


@register
class PushTemplate(Body):
    """`push_template`: a title, a text, and data for the app, each value a template."""

    KIND: ClassVar[str] = "push_template"
    kind: Literal["push_template"]
    message_class: MessageClass = Field(default="marketing", alias="class")
    locale: Locale = "en"
    title: Line = Field(min_length=1)
    body: Source = Field(min_length=1)
    data: Mapping[str, Source] = {}
    locales: Mapping[Locale, PushContent] = {}
