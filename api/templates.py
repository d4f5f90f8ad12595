"""Templates before they are sent: lint, rendering for contacts, test sends, and what differs between versions."""

from __future__ import annotations

import time
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api import contacts
from api.definitions import Reader
from api.deps import Deps, deps
from api.reads import reading
from connectors.publish import newest
from flows.content import preview
from flows.content.lint import PREVIEW, lint
from flows.content.template import RenderFailed, Template, compile_template, render
from flows.definitions.catalogue import Catalogue, Published
from schemas.definitions import parse
from schemas.ids import uuid5
from schemas.records import Entry, Send, encode
from schemas.times import HOUR
from schemas.topics import SENDS

router = APIRouter(tags=["templates"])
KINDS: Final = ("email_template", "sms_template", "push_template", "webhook_template")
TEST_EXPIRES: Final = HOUR
Kind = Annotated[str, Query(description="where several kinds share the id: email_template, …")]
_UNKNOWN: Final[dict[int | str, dict[str, Any]]] = {404: {"description": "there is no such template or version"}}


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Draft(_In):
    """A template that need not be published yet."""

    body: dict[str, Any] | None = Field(None, description="in place of the version that stands")


class FindingOut(BaseModel):
    """One thing to look at."""

    severity: Literal["error", "warning"]
    code: str
    locale: str
    part: str
    message: str


class Lint(BaseModel):
    """`ok` where there is no error; warnings are for a person to judge."""

    ok: bool
    findings: list[FindingOut]


class RenderIn(Draft):
    """For `data`, else for a contact, else for the template's sample."""

    data: dict[str, Any] | None = Field(None, description="the variables; with a contact, what stands before its own")
    contact: str = Field("", max_length=200)
    locale: str = Field("", max_length=40)


class RenderedOut(BaseModel):
    """A message, or why there is none."""

    locale: str
    rendered: dict[str, Any] | None = Field(description="subject, html, text, links, data; of an SMS its segments")
    reason: str = Field(description="why the send would be skipped")


class CheckIn(Draft):
    """For the contacts whose ids begin with `prefix`, in their order."""

    data: dict[str, Any] = Field({}, description="what stands before their own traits, such as `entry`")
    prefix: str = Field("", max_length=200)
    cursor: str = Field("", max_length=2000)
    limit: int = Field(1000, ge=1, le=1000)


class FailureOut(BaseModel):
    """A contact whose message would be skipped."""

    contact: str
    reason: str


class Check(BaseModel):
    """How a template fares with many contacts."""

    checked: int
    failed: list[FailureOut]
    next: str | None = Field(description="cursor of the next contacts")


class TestIn(_In):
    """A test send, to an address that need not be a contact's."""

    to: str = Field(min_length=3, max_length=320, description="address, number or token, by the template's channel")
    contact: str = Field("test", min_length=1, max_length=200, description="under whose id it is kept")
    data: dict[str, Any] | None = Field(None, description="the variables; by default the template's sample")
    locale: str = Field("", max_length=40)


class Sent(BaseModel):
    """What becomes of it stands under `/v1/sends/{send}`."""

    send: str


class Diff(BaseModel):
    """A unified diff of the two versions, as YAML; empty where they are equal."""

    before: int
    after: int
    diff: str


def _published(catalogue: Catalogue, id: str, kind: str) -> Published:
    current = newest(catalogue)
    held = [found for k in KINDS if kind in ("", k) and (found := current.get(k, id)) is not None]
    if not held:
        raise HTTPException(404, f"there is no template {id}")
    if len(held) > 1:
        raise HTTPException(409, f"{id} is the id of {' and '.join(p.kind for p in held)}: say which with ?kind=")
    return held[0]


def _body(reader: Reader, id: str, kind: str, draft: dict[str, Any] | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """The draft, valid, or the version that stands; and the snippets. InvalidInput for a draft with faults."""
    with reader.open() as catalogue:
        snippets = {p.id: dict(p.body) for p in newest(catalogue).of("snippet")}
        if draft is None:
            return dict(_published(catalogue, id, kind).body), snippets
    whole = {"id": id} | draft
    parse(whole)
    if whole["kind"] not in KINDS:
        raise HTTPException(422, f"kind: {whole['kind']!r} must be one of {', '.join(KINDS)}")
    return whole, snippets


@router.post("/v1/templates/{id}/lint", responses=_UNKNOWN)
def lint_template(id: str, reader: Reader, draft: Draft | None = None, kind: Kind = "") -> Lint:
    """What would go wrong, in each locale."""
    body, snippets = _body(reader, id, kind, draft.body if draft else None)
    found = [FindingOut(**finding._asdict()) for finding in lint(body, snippets)]
    return Lint(ok=all(f.severity != "error" for f in found), findings=found)


@router.post("/v1/templates/{id}/render", responses=_UNKNOWN)
async def render_template(
    id: str,
    reader: Reader,
    request: Request,
    response: Response,
    asked: RenderIn,
    kind: Kind = "",
    deps: Deps = Depends(deps),
) -> RenderedOut:
    """The message as it would be sent, without tracking."""
    body, snippets = await deps.in_thread(_body, reader, id, kind, asked.body)
    template = compile_template(body, snippets)
    data, locale = asked.data, asked.locale
    if asked.contact:
        traits = (await contacts.contact(asked.contact, await reading(request, response))).traits
        data = preview.data_of(template, asked.contact, traits, asked.data or {})
        locale = locale or str(traits.get("locale") or "")
    return _rendered(template, body.get("sample", {}) if data is None else data, locale)


def _rendered(template: Template, data: dict[str, Any], locale: str) -> RenderedOut:
    spoken = template.content(locale).locale
    try:
        rendered = render(template, data, locale, PREVIEW, track=False)
    except RenderFailed as fault:
        return RenderedOut(locale=spoken, rendered=None, reason=str(fault))
    return RenderedOut(locale=spoken, rendered=preview.shown(template, rendered), reason="")


@router.post("/v1/templates/{id}/check", responses=_UNKNOWN)
async def check_template(
    id: str,
    reader: Reader,
    request: Request,
    response: Response,
    asked: CheckIn,
    kind: Kind = "",
    deps: Deps = Depends(deps),
) -> Check:
    """Render it for up to a thousand contacts and list those whose message would be skipped."""
    body, snippets = await deps.in_thread(_body, reader, id, kind, asked.body)
    template = compile_template(body, snippets)
    page = await contacts.contacts(asked.prefix, asked.limit, asked.cursor, await reading(request, response))
    people = [(seen.contact, seen.traits) for seen in page.contacts]
    found = await deps.in_thread(lambda: list(preview.failures(template, people, asked.data)))
    failed = [FailureOut(contact=f.contact, reason=f.reason) for f in found]
    return Check(checked=len(people), failed=failed, next=page.next)


@router.post("/v1/templates/{id}/test", status_code=202, responses=_UNKNOWN)
async def send_test(id: str, reader: Reader, asked: TestIn, kind: Kind = "", deps: Deps = Depends(deps)) -> Sent:
    """Send the version that stands to an address, now: whatever consent, caps and quiet hours say of a contact."""
    published = await deps.in_thread(_current, reader, id, kind)
    sample: dict[str, Any] = published.body.get("sample", {})
    send = _test_send(published, asked, sample if asked.data is None else asked.data, time.time_ns() // 1_000_000)
    await deps.append([Entry(SENDS, send.contact, encode(send))])
    return Sent(send=send.id)


def _current(reader: Reader, id: str, kind: str) -> Published:
    with reader.open() as catalogue:
        return _published(catalogue, id, kind)


def _test_send(published: Published, asked: TestIn, data: dict[str, Any], now: int) -> Send:
    """In the template's own class: delivery refuses marketing in a transactional message."""
    template = compile_template(published.body)
    return Send(
        id=uuid5("test", published.kind, published.id, published.version, asked.to, now),
        contact=asked.contact,
        at=now,
        expires=now + TEST_EXPIRES,
        channel=template.channel,
        to=asked.to,
        template=published.id,
        template_version=published.version,
        locale=asked.locale,
        message_class="transactional" if template.message_class == "transactional" else "marketing",
        campaign="test",
        data=data,
    )


@router.get("/v1/templates/{id}/diff", responses=_UNKNOWN)
def diff_versions(id: str, reader: Reader, before: int, after: int, kind: Kind = "") -> Diff:
    """What differs between two versions."""
    with reader.open() as catalogue:
        held = [k for k in KINDS if kind in ("", k) and {before, after} <= catalogue.versions.get((k, id), {}).keys()]
        if not held:
            raise HTTPException(404, f"there is no template {id} with the versions {before} and {after}")
        known = catalogue.versions[held[0], id]
        names = f"{id} version {before}", f"{id} version {after}"
        text = preview.difference(known[before].body, known[after].body, names)
    return Diff(before=before, after=after, diff=text)
