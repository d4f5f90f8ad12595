"""The links in messages: open pixel, click, unsubscribe and preferences, view in a browser. Who holds a signed link may
follow it.

A GET changes no consent, however often scanners follow it: unsubscribing takes a POST, by the form or by the one-click
POST of RFC 8058, https://www.rfc-editor.org/rfc/rfc8058. Opens and clicks are told with the verdict on who made them.
"""

from __future__ import annotations

import time
from base64 import b64decode
from threading import Lock
from typing import Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api import contacts, link_pages
from api.bodies import read_body
from api.deps import Deps, deps
from api.link_pages import HEADERS, PAGE_HEADERS, Choice
from api.reads import reading
from flows.content.library import Library
from flows.content.links import BadToken, Links, Purpose, Token, verify
from flows.content.preferences import choices, consent_entries
from flows.content.short_links import read_code, targets
from flows.content.template import Rendered, RenderFailed, Template, render
from flows.content.visits import Visit, judge
from flows.delivery.origin import Origin, origin_of
from flows.delivery.outcomes import Outcome, ProviderEvent, consent_entry, event_entries, followed_entry
from infra.link_key import base_url, link_key
from schemas.records import Send, decode_send
from schemas.topics import SENDS

router = APIRouter(tags=["links"])

_PIXEL: Final = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_GONE: Final = "this message can no longer be shown"
_FORM_LIMIT: Final = 16_384
_LIBRARY_LOCK: Final = Lock()


def _now() -> int:
    return time.time_ns() // 1_000_000


def _token(purpose: Purpose, text: str, deps: Deps) -> Token:
    try:
        return verify(link_key(deps.settings), purpose, text)
    except BadToken as fault:
        raise HTTPException(404, str(fault)) from None


async def _tell(request: Request, deps: Deps, outcome: Outcome, said: Token) -> None:
    """One fact a second, link and verdict, however often it is asked for. A click is told by the fold in a moment."""
    now = _now()
    purpose = f"{request.headers.get('sec-purpose', '')} {request.headers.get('purpose', '')}"
    visit = Visit(request.method, request.headers.get("user-agent", ""), purpose, now - said.at if said.at else -1)
    verdict = judge(visit)
    id = f"link:{said.extra}:{now // 1000}{':machine' if verdict.machine else ''}"
    event = ProviderEvent(outcome, id, now, said.origin, url=said.extra, reason=str(verdict), machine=verdict.machine)
    await deps.append([followed_entry(event, now)] if outcome == "clicked" else event_entries(event, now, "link"))


@router.head("/o/{token}", include_in_schema=False)
@router.get("/o/{token}", summary="Open pixel")
async def opened(token: str, request: Request, deps: Deps = Depends(deps)) -> Response:
    """A transparent GIF; the message was opened."""
    await _tell(request, deps, "opened", _token("o", token, deps))
    return Response(_PIXEL, media_type="image/gif", headers=HEADERS)


@router.head("/c/{token}", include_in_schema=False)
@router.get("/c/{token}", summary="Click")
async def clicked(token: str, request: Request, deps: Deps = Depends(deps)) -> Response:
    """On to the target that stands in the signed token; a link was clicked."""
    said = _token("c", token, deps)
    await _tell(request, deps, "clicked", said)
    return RedirectResponse(said.extra, 302, HEADERS)


@router.head("/s/{code}", include_in_schema=False)
@router.get("/s/{code}", summary="Click in a text message")
async def followed(code: str, request: Request, deps: Deps = Depends(deps)) -> Response:
    """On to the link of that number in the message; 404 once the log no longer holds it."""
    said = await deps.in_thread(_short, code, request, deps)
    await _tell(request, deps, "clicked", said)
    return RedirectResponse(said.extra, 302, HEADERS)


def _short(code: str, request: Request, deps: Deps) -> Token:
    """What the token of a long link would say."""
    try:
        partition, offset, number = read_code(link_key(deps.settings), code)
    except BadToken as fault:
        raise HTTPException(404, str(fault)) from None
    send = _send(deps, partition, offset)
    origin = origin_of(send, "")
    links = Links(base_url(deps.settings), b"", origin)
    template, rendered = _again(request, deps, send, links)
    there = targets(rendered.text, links, template.utm)
    if number >= len(there):
        raise HTTPException(404, _GONE)
    return Token("c", origin, there[number], send.at)


@router.get("/u/{token}", summary="Unsubscribe: the form")
def unsubscribe_form(token: str, request: Request, deps: Deps = Depends(deps)) -> Response:
    """Asks; changes nothing."""
    origin = _token("u", token, deps).origin
    found = _library(request, deps).catalogue.active(1 << 62).get("topic", origin.topic)
    name = "" if origin.topic == "default" else str((found.body.get("name") if found else "") or origin.topic)
    return link_pages.leave_page(link_pages.language_of(request), name, f"/u/{token}/preferences")


@router.post("/u/{token}", summary="Unsubscribe")
async def unsubscribe(token: str, request: Request, deps: Deps = Depends(deps)) -> Response:
    """From the message's topic, or with `scope=all` from the channel; also the one-click POST of mail programs."""
    origin = _token("u", token, deps).origin
    fields = await _form(request)
    now = _now()
    id = f"link:{now // 1000}"
    entries = event_entries(ProviderEvent("unsubscribed", id, now, origin), now, "link")
    if fields.get("scope") == ["all"] and origin.topic != "default":
        entries.append(consent_entry(origin, id, "default", "link", now, now))
    await deps.append(entries)
    return link_pages.left_page(link_pages.language_of(request))


@router.get("/u/{token}/preferences", summary="Preferences: the form")
async def preferences(token: str, request: Request, deps: Deps = Depends(deps)) -> Response:
    """The topics of the message's channel, as the contact has chosen them so far."""
    origin = _token("u", token, deps).origin
    said = await _said(request, deps, origin)
    return link_pages.preference_page(link_pages.language_of(request), _choices(request, deps, origin, said))


@router.post("/u/{token}/preferences", summary="Preferences")
async def choose(token: str, request: Request, deps: Deps = Depends(deps)) -> Response:
    """Keep what was chosen; what was not changed is not said again."""
    origin = _token("u", token, deps).origin
    fields = await _form(request)
    known = {choice.topic for choice in _choices(request, deps, origin, {})}
    had, had_not = (known & set(fields.get(name, [])) for name in ("had", "had_not"))
    wanted = set(fields.get("topic", []))
    before = {topic: topic in had for topic in had | had_not}
    changed = choices(before, {topic: topic in wanted for topic in before})
    await deps.append(consent_entries(origin, changed, _now()))
    return link_pages.saved_page(link_pages.language_of(request))


async def _form(request: Request) -> dict[str, list[str]]:
    return parse_qs((await read_body(request, _FORM_LIMIT)).decode("utf-8", "replace"))


async def _said(request: Request, deps: Deps, origin: Origin) -> dict[str, str]:
    """What the contact last said of each topic, as far as this process has a warehouse that tells."""
    if deps.reads is None:
        return {}
    try:
        found = await contacts.contact(origin.contact, await reading(request, Response()))
    except HTTPException:  # not there yet, or away: the topics' defaults stand in
        return {}
    reach = found.consent.get(origin.channel)
    return reach.topics if reach else {}


def _choices(request: Request, deps: Deps, origin: Origin, said: dict[str, str]) -> list[Choice]:
    """Every topic of the channel, the channel itself last. Whoever gets a message about a topic has said yes to it."""
    words = link_pages.WORDS[link_pages.language_of(request)]
    topics = _library(request, deps).catalogue.active(1 << 62).of("topic")
    found = {p.id: p.body for p in topics if p.body.get("channel", "email") == origin.channel}
    found = {id: body for id, body in sorted(found.items()) if id != "default"} | {"default": found.get("default", {})}
    return [
        Choice(
            id,
            words.channel if id == "default" else str(body.get("name") or id),
            words.channel_text if id == "default" else str(body.get("description", "")),
            said.get(id, "subscribed" if id in ("default", origin.topic) else body.get("default")) == "subscribed",
        )
        for id, body in found.items()
    ]


@router.get("/m/{token}", summary="View in a browser")
def view(token: str, request: Request, deps: Deps = Depends(deps)) -> Response:
    """The message as it was sent, without its tracking; 404 once the log no longer holds it."""
    said = _token("m", token, deps)
    partition, _, offset = said.extra.partition(":")
    send = _send(deps, int(partition), int(offset))
    if send.id != said.origin.send:
        raise HTTPException(404, _GONE)
    links = Links(base_url(deps.settings), link_key(deps.settings), said.origin, said.extra)
    return HTMLResponse(_again(request, deps, send, links)[1].html, headers=PAGE_HEADERS)


def _send(deps: Deps, partition: int, offset: int) -> Send:
    records = deps.log.read(SENDS, partition, offset, 1)
    if not records or records[0].offset != offset:
        raise HTTPException(404, _GONE)
    return decode_send(records[0].value)


def _again(request: Request, deps: Deps, send: Send, links: Links) -> tuple[Template, Rendered]:
    """The message of a send as it was made, without its tracking."""
    template = _library(request, deps).find(send.channel, send.template, send.template_version, send.at)
    if template is None:
        raise HTTPException(404, _GONE)
    try:
        return template, render(template, send.data, send.locale, links, track=False)
    except RenderFailed as fault:
        raise HTTPException(404, f"{_GONE}: {fault}") from None


def _library(request: Request, deps: Deps) -> Library:
    with _LIBRARY_LOCK:
        library: Library | None = getattr(request.app.state, "library", None)
        if library is None:
            library = request.app.state.library = Library()
        library.refresh(deps.log.read)
        return library
