"""Segment's HTTP API: https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/

A call is answered once its records are durable. The admin key in place of the write key lets an operator state
Waxwing's own facts, `receivedAt` and `historical`. The short addresses are those of browsers' SDKs.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import Counter, Histogram

from api.auth import basic_user, is_admin, is_key
from api.bodies import read_body
from api.deps import Deps, deps
from api.problems import problem
from connectors.calls import BATCH, Received, receive, write_key_of
from connectors.segment_spec import BATCH_LIMIT

CALLS: Final = {"track": "t", "identify": "i", "page": "p", "screen": "s", "group": "g", "alias": "a", BATCH: "b"}
PATHS: Final = frozenset(f"/v1/{name}" for pair in CALLS.items() for name in pair)
_NAMED_FAULTS: Final = 100  # of a batch's, in the answer

_EVENTS = Counter("waxwing_events_received_total", "Events that are durable", ["call"])
_LETTERS = Counter("waxwing_events_set_aside_total", "Events or bodies that became dead letters", ["call"])
_SECONDS = Histogram(
    "waxwing_ingest_append_seconds", "From a body read to its records durable", buckets=(0.001, 0.005, 0.02, 0.1, 1, 10)
)

router = APIRouter(tags=["ingest"])


def _is_trusted(request: Request, deps: Deps, body: bytes) -> bool:
    """False for an SDK, True for an operator; 401 for anybody else. Being on this machine is not enough here."""
    settings = deps.settings
    user = basic_user(request)
    if user is None and settings.admin_key.get_secret_value() and is_admin(request, settings.admin_key):
        return True
    if not is_key(write_key_of(body) if user is None else user, settings.write_key):
        raise HTTPException(
            401, "send the write key as the user of basic authentication", {"WWW-Authenticate": 'Basic realm="waxwing"'}
        )
    return False


def _answer(request: Request, call: str, received: Received) -> Response:
    if not received.faults:
        return JSONResponse({"success": True})
    if not received.events and (call != BATCH or received.letters[0].source == f"http:{BATCH}"):
        return problem(request, 400, f"{received.faults[0].reason}; kept as dead letter {received.letters[0].id}")
    faults = [{"index": f.position, "message": f.reason} for f in received.faults[:_NAMED_FAULTS]]
    return JSONResponse({"success": True, "set_aside": len(received.faults), "errors": faults})


def _endpoint(call: str) -> Callable[..., Awaitable[Response]]:
    events, letters = _EVENTS.labels(call), _LETTERS.labels(call)

    async def endpoint(request: Request, deps: Deps = Depends(deps)) -> Response:
        body = await read_body(request, BATCH_LIMIT)
        trusted = _is_trusted(request, deps, body)
        received = receive(call, body, time.time_ns() // 1_000_000, trusted)
        with _SECONDS.time():
            await deps.append(received.entries)
        events.inc(len(received.events))
        letters.inc(len(received.letters))
        return _answer(request, call, received)

    return endpoint


def _body_of(call: str) -> dict[str, Any]:
    """What the OpenAPI page says of a call's body, which is read without a model, for speed."""
    one: dict[str, Any] = {"userId": "ann", "timestamp": "2026-01-31T09:00:00Z", "messageId": "m-1"}
    if call == BATCH:
        example: dict[str, Any] = {"batch": [{"type": "track", "event": "order_completed", **one}]}
    else:
        example = one | ({"event": "order_completed", "properties": {"total": 12.5}} if call == "track" else {})
    content = {"application/json": {"schema": {"type": "object"}, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


for _call, _short in CALLS.items():
    _made = _endpoint(_call)
    _summary = f"Segment's `{_call}`: answered once durable"
    router.add_api_route(f"/v1/{_call}", _made, methods=["POST"], summary=_summary, openapi_extra=_body_of(_call))
    router.add_api_route(f"/v1/{_short}", _made, methods=["POST"], include_in_schema=False)
