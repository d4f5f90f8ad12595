"""The CRM's change records over HTTP, for a CRM that can call but not write to a log."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from api.bodies import read_body
from api.deps import Deps, deps
from api.problems import problem
from connectors import dead_letters
from connectors.crm_mapping import read_record
from schemas.errors import UnreadableRecord
from schemas.records import Entry
from schemas.topics import CRM

BODY_LIMIT: Final = 4 * 1024 * 1024
_EXAMPLE: Final[dict[str, Any]] = {
    "entity": "contact",
    "op": "updated",
    "id": "p1",
    "at": "2026-01-31T09:00:00Z",
    "data": {"email": "ann@example.com"},
    "previous": {"email": None},
}
_CONTENT: Final = {"application/json": {"schema": {"type": ["object", "array"]}, "example": _EXAMPLE}}

router = APIRouter(tags=["ingest"])
_decode_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


@router.post("/v1/crm", openapi_extra={"requestBody": {"required": True, "content": _CONTENT}})
async def take_records(request: Request, deps: Annotated[Deps, Depends(deps)]) -> Response:
    """One change record, or a list of them. Answered once durable; what cannot be read is set aside whole."""
    body = await read_body(request, BODY_LIMIT)
    records, now = _records(body), deps.log.now()
    entries: list[Entry] = []
    faults: list[dict[str, Any]] = []
    for index, data in enumerate(records):
        try:
            entries.append(Entry(CRM, read_record(data).id, data))
        except UnreadableRecord as refused:
            letter = dead_letters.from_bytes(dead_letters.CRM_SOURCE, str(refused), data, now)
            entries.append(dead_letters.entry_of(letter))
            faults.append({"index": index, "message": str(refused)})
    await deps.append(entries)
    if faults and records == [body]:
        return problem(request, 400, f"{faults[0]['message']}; kept as a dead letter")
    return JSONResponse({"success": True, "set_aside": len(faults), "errors": faults})


def _records(body: bytes) -> list[bytes]:
    """The records of a list, else the body as it is: one record, or nothing that can be read."""
    try:
        return [bytes(raw) for raw in _decode_list(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [body]
