"""Providers' webhooks. The signature is checked over the raw body before anything of it is read; without one: 401.

A provider repeats what is not answered with 2xx, and sends out of order; ids make a repetition the same fact.
"""

from __future__ import annotations

import time
from typing import Final

from fastapi import APIRouter, Depends, HTTPException, Request
from prometheus_client import Counter

from api.bodies import read_body
from api.deps import Deps, deps
from connectors import dead_letters
from flows.delivery.outcomes import event_entries
from schemas.records import Entry
from sinks.providers.sendgrid_events import SIGNATURE_HEADER, TIMESTAMP_HEADER, Row, is_signed, read

_LIMIT: Final = 8 << 20  # SendGrid posts some hundred KB at most
_WINDOW_S: Final = 600  # a signature older or newer than this is a replay
_ROWS = Counter("waxwing_hook_rows_total", "Rows of providers' webhooks", ["provider", "fate"])

router = APIRouter(tags=["webhooks"])


@router.post("/hooks/sendgrid", summary="SendGrid's signed event webhook")
async def sendgrid(request: Request, deps: Deps = Depends(deps)) -> dict[str, int]:
    """Answered once the events are durable. What cannot be read becomes a dead letter, the rest stands."""
    body = await read_body(request, _LIMIT)
    _check(request, deps.settings.sendgrid_webhook_key, body, time.time())
    now = time.time_ns() // 1_000_000
    entries, counts = _entries(read(body), now)
    if entries:
        await deps.append(entries)
    for fate, count in counts.items():
        _ROWS.labels("sendgrid", fate).inc(count)
    return counts


def _check(request: Request, key: str, body: bytes, now_s: float) -> None:
    """HTTPException 401 for what SendGrid did not sign, or did not sign just now; 503 where no key is set."""
    if not key:
        raise HTTPException(503, "set WAXWING_SENDGRID_WEBHOOK_KEY to SendGrid's verification key: nothing was read")
    signature, timestamp = request.headers.get(SIGNATURE_HEADER, ""), request.headers.get(TIMESTAMP_HEADER, "")
    if not is_signed(key, signature, timestamp, body):
        raise HTTPException(401, "the signature does not fit this body: SendGrid did not send it so")
    if not timestamp.isascii() or not timestamp.isdigit() or abs(int(timestamp) - now_s) > _WINDOW_S:
        raise HTTPException(401, f"signed at {timestamp!r}, more than {_WINDOW_S} s from now: a replay")


def _entries(rows: list[Row], now: int) -> tuple[list[Entry], dict[str, int]]:
    entries: list[Entry] = []
    counts = {"taken": 0, "ignored": 0, "unreadable": 0}
    for row in rows:
        if row.event is not None:
            entries += event_entries(row.event, now)
            counts["taken"] += 1
        elif row.fault:
            entries.append(dead_letters.entry_of(dead_letters.from_bytes("hook:sendgrid", row.fault, row.raw, now)))
            counts["unreadable"] += 1
        else:
            counts["ignored"] += 1
    return entries, counts
