"""The CRM's side over HTTP, for a CRM that can call but has no client for the log: its change records in, its commands
out."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from api.bodies import read_body
from api.deps import Deps, deps
from api.problems import problem
from connectors import dead_letters
from connectors.crm_mapping import read_record
from connectors.log import Log
from schemas.errors import InvalidInput, UnreadableRecord, Violation
from schemas.records import Entry, decode_crm_command
from schemas.topics import CRM, CRM_COMMANDS

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


class Commands(BaseModel):
    """Some commands, each contact's in order; with the cursor `next` come those after them, once there are any."""

    items: list[dict[str, Any]] = Field(description="id, contact, at (ms), command, data; of a journey its node")
    next: str


@router.get("/v1/crm/commands")
async def commands(
    deps: Annotated[Deps, Depends(deps)],
    cursor: Annotated[str, Query(max_length=20_000, description="where the last answer ended; empty: the first")] = "",
    limit: Annotated[int, Query(ge=1, le=5_000)] = 500,
) -> Commands:
    """What the CRM is asked and told. A command may come again, with the same `id`; carry it out once."""
    return await deps.in_thread(_commands, deps.log, cursor, limit)


def _commands(log: Log, cursor: str, limit: int) -> Commands:
    offsets = _offsets(log, cursor)
    items: list[dict[str, Any]] = []
    for partition, offset in enumerate(offsets):
        found = log.read(CRM_COMMANDS, partition, offset, limit - len(items)) if len(items) < limit else []
        items += (msgspec.to_builtins(decode_crm_command(record.value)) for record in found)
        offsets[partition] = found[-1].offset + 1 if found else offset
    return Commands(items=items, next="-".join(map(str, offsets)))


def _offsets(log: Log, cursor: str) -> list[int]:
    """Where to read on in each partition; what is no longer held is passed over."""
    begins = [log.begin(CRM_COMMANDS, n) for n in range(log.partitions(CRM_COMMANDS))]
    if not cursor:
        return begins
    parts = cursor.split("-")
    if len(parts) != len(begins) or not all(part.isascii() and part.isdigit() for part in parts):
        raise InvalidInput("crm commands", [Violation("cursor", "is none of ours: leave it out to begin anew")])
    return [max(int(part), begin) for part, begin in zip(parts, begins, strict=True)]


def _records(body: bytes) -> list[bytes]:
    """The records of a list, else the body as it is: one record, or nothing that can be read."""
    try:
        return [bytes(raw) for raw in _decode_list(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [body]
