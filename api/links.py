"""The links in messages: open pixel, click, unsubscribe, view in a browser. Who holds a signed link may follow it.

A GET changes no consent, however often scanners follow it: unsubscribing takes a POST, by the form or by the one-click
POST of RFC 8058, https://www.rfc-editor.org/rfc/rfc8058.
"""

from __future__ import annotations

import re
import time
from base64 import b64decode
from html import escape
from threading import Lock
from typing import Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from api.bodies import read_body
from api.deps import Deps, deps
from flows.content.library import Library
from flows.content.links import BadToken, Links, Purpose, Token, verify
from flows.content.template import RenderFailed, render
from flows.delivery.origin import Origin
from flows.delivery.outcomes import Outcome, ProviderEvent, consent_entry, event_entries
from infra.link_key import base_url, link_key
from schemas.records import Send, decode_send
from schemas.topics import SENDS

router = APIRouter(tags=["links"])

_PIXEL: Final = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_FORM_LIMIT: Final = 4_096
_HEADERS: Final = {"Cache-Control": "no-store, private", "Referrer-Policy": "no-referrer"}
_PAGE_HEADERS: Final = _HEADERS | {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src https:; form-action 'self'",
    "X-Robots-Tag": "noindex",
}
_MACHINES: Final = re.compile(
    r"bot\b|crawl|spider|preview|scan|barracuda|proofpoint|mimecast|safelinks|headless|python|curl|wget|go-http|java/",
    re.IGNORECASE,
)
_LIBRARY_LOCK: Final = Lock()


def _token(purpose: Purpose, text: str, deps: Deps) -> Token:
    try:
        return verify(link_key(deps.settings), purpose, text)
    except BadToken as fault:
        raise HTTPException(404, str(fault)) from None


def is_machine(request: Request) -> bool:
    """Whether a program rather than a person followed the link, as far as its request says so."""
    agent = request.headers.get("user-agent", "")
    ahead = request.headers.get("sec-purpose", "") + request.headers.get("purpose", "")
    return not agent or "prefetch" in ahead or _MACHINES.search(agent) is not None


async def _tell(request: Request, deps: Deps, outcome: Outcome, origin: Origin, url: str = "") -> None:
    """One fact a second and link, however often it is asked for."""
    now = time.time_ns() // 1_000_000
    told = ProviderEvent(outcome, f"link:{url}:{now // 1000}", now, origin, url=url, machine=is_machine(request))
    await deps.append(event_entries(told, now, "link"))


@router.get("/o/{token}", summary="Open pixel")
async def opened(token: str, request: Request, deps: Deps = Depends(deps)) -> Response:
    """A transparent GIF; the message was opened."""
    await _tell(request, deps, "opened", _token("o", token, deps).origin)
    return Response(_PIXEL, media_type="image/gif", headers=_HEADERS)


@router.get("/c/{token}", summary="Click")
async def clicked(token: str, request: Request, deps: Deps = Depends(deps)) -> Response:
    """On to the target that stands in the signed token; a link was clicked."""
    said = _token("c", token, deps)
    await _tell(request, deps, "clicked", said.origin, said.extra)
    return RedirectResponse(said.extra, 302, _HEADERS)


@router.get("/u/{token}", summary="Unsubscribe: the form")
async def unsubscribe_form(token: str, deps: Deps = Depends(deps)) -> Response:
    """Asks; changes nothing."""
    origin = _token("u", token, deps).origin
    topic = "" if origin.topic == "default" else f" about <b>{escape(origin.topic)}</b>"
    return _page(
        "Unsubscribe",
        f"<p>You will get no more {escape(origin.channel)} messages{topic} from us.</p>"
        '<form method="post"><button name="scope" value="topic">Unsubscribe</button>'
        '<button class="quiet" name="scope" value="all">From everything</button></form>',
    )


@router.post("/u/{token}", summary="Unsubscribe")
async def unsubscribe(token: str, request: Request, deps: Deps = Depends(deps)) -> Response:
    """From the message's topic, or with `scope=all` from the channel; also the one-click POST of mail programs."""
    origin = _token("u", token, deps).origin
    fields = parse_qs((await read_body(request, _FORM_LIMIT)).decode("utf-8", "replace"))
    now = time.time_ns() // 1_000_000
    id = f"link:{now // 1000}"
    entries = event_entries(ProviderEvent("unsubscribed", id, now, origin), now, "link")
    if fields.get("scope") == ["all"] and origin.topic != "default":
        entries.append(consent_entry(origin, id, "default", "link", now, now))
    await deps.append(entries)
    return _page("Unsubscribed", "<p>Done. You will not hear from us about this again.</p>")


@router.get("/m/{token}", summary="View in a browser")
def view(token: str, request: Request, deps: Deps = Depends(deps)) -> Response:
    """The message as it was sent, without its tracking; 404 once the log no longer holds it."""
    said = _token("m", token, deps)
    send = _send(deps, said)
    template = _library(request, deps).find(send.channel, send.template, send.template_version)
    if template is None:
        raise HTTPException(404, "this message can no longer be shown")
    settings = deps.settings
    links = Links(base_url(settings), link_key(settings), said.origin, said.extra)
    try:
        rendered = render(template, send.data, send.locale, links, track=False)
    except RenderFailed as fault:
        raise HTTPException(404, f"this message can no longer be shown: {fault}") from None
    return HTMLResponse(rendered.html, headers=_PAGE_HEADERS)


def _send(deps: Deps, said: Token) -> Send:
    partition, _, offset = said.extra.partition(":")
    records = deps.log.read(SENDS, int(partition), int(offset), 1)
    send = decode_send(records[0].value) if records else None
    if send is None or send.id != said.origin.send:
        raise HTTPException(404, "this message can no longer be shown")
    return send


def _library(request: Request, deps: Deps) -> Library:
    with _LIBRARY_LOCK:
        library: Library | None = getattr(request.app.state, "library", None)
        if library is None:
            library = request.app.state.library = Library()
        library.refresh(deps.log.read)
        return library


def _page(title: str, body: str) -> Response:
    style = (
        "body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem;color:#1f2933}"
        "button{font:inherit;padding:.6rem 1.2rem;border:0;border-radius:.4rem;background:#0b5cad;color:#fff"
        ";margin-right:.6rem}"
        "button.quiet{background:#e4e7eb;color:#1f2933}"
    )
    html = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{style}</style><h1>{escape(title)}</h1>{body}</html>"
    )
    return HTMLResponse(html, headers=_PAGE_HEADERS)
