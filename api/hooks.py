"""Providers' webhooks. Who calls is checked over the raw body before anything of it is read; without proof: 401.

    POST /hooks/…   proof                                                    secret (WAXWING_SECRET_…)
    sendgrid        ECDSA over timestamp and body                            the setting sendgrid_webhook_key
    postmark        the address's user and password (Postmark signs nothing) POSTMARK_HOOK: `user:password`
    ses             SNS's certificate, and the expected topic                SES_HOOK: the topic's ARN
    twilio          HMAC over address and form                               TWILIO_HOOK: the account's auth token
    telnyx          Ed25519 over timestamp and body                          TELNYX_HOOK: Telnyx's public key
    onesignal       the stream's bearer token (OneSignal signs nothing)      ONESIGNAL_HOOK: the token

Where the secret is not set the hook is closed: 503. A provider repeats what is not answered with 2xx, and sends out of
order; ids make a repetition the same fact. What a provider had for certain settles a send whose end was unknown.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, HTTPException, Request
from prometheus_client import Counter

from api.bodies import read_body
from api.deps import Deps, deps
from connectors import dead_letters
from connectors.log import Log
from flows.delivery.fallback import by_channel
from flows.delivery.origin import Origin, origin_of, unseal
from flows.delivery.outcomes import event_entries, settling_entries
from infra.link_key import base_url, link_key
from schemas.errors import UnreadableRecord
from schemas.records import Entry, decode_send
from schemas.times import DAY, format_instant, parse_instant
from schemas.topics import SENDS
from sinks.providers import (
    onesignal_events,
    postmark_events,
    sendgrid_events,
    ses_events,
    sns,
    telnyx_events,
    twilio_events,
)
from sinks.providers.certificates import Certificates
from sinks.providers.hook_rows import Row
from sinks.providers.onesignal_events import Place
from sinks.providers.secrets import Secrets, variable_of
from sinks.providers.told import count

_LIMIT: Final = 8 << 20  # SendGrid posts some hundred KB at most
_WINDOW_S: Final = 600  # a signature older or newer than this is a replay
_SNS_WINDOW_S: Final = 4_000  # SNS tries again for up to an hour, with the same timestamp
_ONESIGNAL_WINDOW_MS: Final = DAY  # it tries again "a few times with increasing delays"; ids are remembered as long
_ROWS = Counter("waxwing_hook_rows_total", "Rows of providers' webhooks", ["provider", "fate"])

router = APIRouter(tags=["webhooks"])


async def certificates(request: Request) -> Certificates:
    """SNS's certificates, fetched once each."""
    found: Certificates | None = getattr(request.app.state, "certificates", None)
    if found is None:
        found = request.app.state.certificates = Certificates()
    return found


@router.post("/hooks/sendgrid", summary="SendGrid's signed event webhook")
async def sendgrid(request: Request, deps: Deps = Depends(deps)) -> dict[str, int]:
    """Answered once the events are durable. What cannot be read becomes a dead letter, the rest stands."""
    body = await read_body(request, _LIMIT)
    key = deps.settings.sendgrid_webhook_key
    if not key:
        raise HTTPException(503, "set WAXWING_SENDGRID_WEBHOOK_KEY to SendGrid's verification key: nothing was read")
    signature, timestamp = _headers(request, sendgrid_events.SIGNATURE_HEADER, sendgrid_events.TIMESTAMP_HEADER)
    _require(sendgrid_events.is_signed(key, signature, timestamp, body), "SendGrid")
    _require_recent(timestamp)
    return await _take(deps, "sendgrid", sendgrid_events.read(body))


@router.post("/hooks/postmark", summary="Postmark's webhooks")
async def postmark(request: Request, deps: Deps = Depends(deps)) -> dict[str, int]:
    """One event a call; the webhook's address has to begin with `https://user:password@`."""
    body = await read_body(request, _LIMIT)
    [header] = _headers(request, "Authorization")
    _require(postmark_events.is_known(_secret("postmark"), header), "Postmark")
    return await _take(deps, "postmark", postmark_events.read(body, _now()))


@router.post("/hooks/telnyx", summary="Telnyx's signed webhooks")
async def telnyx(request: Request, deps: Deps = Depends(deps)) -> dict[str, int]:
    """One event a call, at the address that its message named."""
    body = await read_body(request, _LIMIT)
    signature, timestamp = _headers(request, telnyx_events.SIGNATURE_HEADER, telnyx_events.TIMESTAMP_HEADER)
    _require(telnyx_events.is_signed(_secret("telnyx"), signature, timestamp, body), "Telnyx")
    _require_recent(timestamp)
    return await _take(deps, "telnyx", telnyx_events.read(body, _origin(request, deps)))


@router.post("/hooks/twilio", summary="Twilio's status callbacks")
async def twilio(request: Request, deps: Deps = Depends(deps)) -> dict[str, int]:
    """One event a call, at the address that its message named."""
    body = await read_body(request, _LIMIT)
    url = f"{base_url(deps.settings)}/hooks/twilio?{request.url.query}"
    form = parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
    [signature] = _headers(request, twilio_events.SIGNATURE_HEADER)
    _require(twilio_events.is_signed(_secret("twilio"), signature, url, form), "Twilio")
    origin = _origin(request, deps)
    try:
        row = Row(body, twilio_events.normalise(dict(form), origin, _now()))
    except KeyError as fault:
        row = Row(body, fault=f"{fault.args[0]!r} is missing")
    return await _take(deps, "twilio", [row])


@router.post("/hooks/ses", summary="SES's events, brought by SNS")
async def ses(
    request: Request, deps: Deps = Depends(deps), certificates: Certificates = Depends(certificates)
) -> dict[str, int]:
    """One event a call. The subscription of the expected topic is confirmed by itself."""
    body, topic = await read_body(request, _LIMIT), _secret("ses")
    said = sns.read_notification(body)
    _require(said.TopicArn == topic and sns.is_certificate_url(said.SigningCertURL), "the expected topic of SNS")
    _require(sns.is_signed(said, await certificates.get(said.SigningCertURL)), "SNS")
    try:
        age_s = time.time() - parse_instant(said.Timestamp) / 1000
    except ValueError:
        age_s = float("inf")
    _require(abs(age_s) <= _SNS_WINDOW_S, "SNS just now")
    if said.Type == "SubscriptionConfirmation" and sns.is_subscribe_url(said.SubscribeURL):
        await certificates.visit(said.SubscribeURL or "")
    rows = ses_events.read(said.Message, said.MessageId) if said.Type == "Notification" else []
    return await _take(deps, "ses", rows)


@router.post("/hooks/onesignal", summary="OneSignal's event streams")
async def onesignal(request: Request, deps: Deps = Depends(deps)) -> dict[str, int]:
    """One event a call, of a stream whose body is as `sinks.providers.onesignal_events` has it."""
    body = await read_body(request, _LIMIT)
    [header] = _headers(request, "Authorization")
    _require(onesignal_events.is_known(_secret("onesignal"), header), "OneSignal")
    rows = await deps.in_thread(onesignal_events.read, body, partial(_origin_at, deps.log))
    for row in rows:
        if row.event is not None and abs(row.event.at - _now()) > _ONESIGNAL_WINDOW_MS:
            raise HTTPException(401, f"happened at {format_instant(row.event.at)}, more than a day from now: a replay")
    return await _take(deps, "onesignal", rows)


def _origin_at(log: Log, place: Place) -> Origin:
    """The origin of the push message that was made of the send at this place of the log."""
    is_there = place.partition < log.partitions(SENDS)
    records = log.read(SENDS, place.partition, place.offset, 1) if is_there else []
    send = decode_send(records[0].value) if records and records[0].offset == place.offset else None
    if send is None or send.id != place.send:
        raise UnreadableRecord(f"the log no longer holds send {place.send} at {place.partition}:{place.offset}")
    return origin_of(by_channel(send, "push"), place.provider)


def _secret(provider: str) -> str:
    """HTTPException 503 where it is not set: nothing is taken unproved."""
    name = f"{provider}-hook"
    if secret := Secrets().get(name):
        return secret
    raise HTTPException(503, f"set {variable_of(name)}, by which it is told who calls: nothing was read")


def _headers(request: Request, *names: str) -> list[str]:
    return [request.headers.get(name, "") for name in names]


def _require(proved: bool, whom: str) -> None:
    if not proved:
        raise HTTPException(401, f"the signature does not fit this body: {whom} did not send it so")


def _require_recent(timestamp: str) -> None:
    if not timestamp.isascii() or not timestamp.isdigit() or abs(int(timestamp) - time.time()) > _WINDOW_S:
        raise HTTPException(401, f"signed at {timestamp!r}, more than {_WINDOW_S} s from now: a replay")


def _origin(request: Request, deps: Deps) -> Origin:
    try:
        return unseal(link_key(deps.settings), request.query_params.get("o", ""))
    except UnreadableRecord as fault:
        raise HTTPException(401, f"o: {fault}") from None


def _now() -> int:
    return time.time_ns() // 1_000_000


async def _take(deps: Deps, provider: str, rows: list[Row]) -> dict[str, int]:
    """Durable when it returns; how many rows were taken, ignored, unreadable."""
    entries, counts = _entries(provider, rows, _now())
    if entries:
        await deps.append(entries)
    for fate, number in counts.items():
        _ROWS.labels(provider, fate).inc(number)
    return counts


def _entries(provider: str, rows: list[Row], now: int) -> tuple[list[Entry], dict[str, int]]:
    entries: list[Entry] = []
    counts = {"taken": 0, "ignored": 0, "unreadable": 0}
    for row in rows:
        if row.event is not None:
            count(provider, row.event)
            entries += event_entries(row.event, now) + settling_entries(row.event, now)
            counts["taken"] += 1
        elif row.fault:
            letter = dead_letters.from_bytes(f"hook:{provider}", row.fault, row.raw, now)
            entries.append(dead_letters.entry_of(letter))
            counts["unreadable"] += 1
        else:
            counts["ignored"] += 1
    return entries, counts
