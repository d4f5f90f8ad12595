"""Reads of one message: its whole life."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field

from api.reads import Reading, reading

router = APIRouter(tags=["messages"])


class Said(BaseModel):
    """One thing that was said of a message: by the ledger (`attempt`), or as an outcome (`event`)."""

    at: AwareDatetime
    source: str
    status: str
    number: int = Field(description="of the attempt; 0 for an outcome")
    channel: str
    provider: str
    provider_id: str
    reason: str
    url: str
    machine: bool = Field(description="an open or click by no person")


class Credited(BaseModel):
    """A conversion, or a part of one, credited to the message."""

    at: AwareDatetime
    model: str
    version: int
    conversion: str = Field(description="id of the event")
    event: str
    amount_minor: int
    currency: str
    share: float


class Message(BaseModel):
    """A planned message and what became of it. Exactly one of sent, skipped, failed, unknown, queued is its status."""

    send: str
    contact: str
    campaign: str = Field(description="the journey, where it has no campaign")
    journey: str
    version: int
    node: str
    run: str
    channel: str
    template: str
    variant: str
    status: str
    reason: str = Field(description="why it was skipped or refused")
    planned_at: AwareDatetime
    sent_at: AwareDatetime | None
    delivered_at: AwareDatetime | None
    opened_at: AwareDatetime | None
    clicked_at: AwareDatetime | None
    address: str = Field("", description="where it was to go; empty for one that was skipped at once")
    expires: AwareDatetime | None = None
    data: dict[str, Any] = Field({}, description="what its template was given")
    log: list[Said]
    credits: list[Credited]


@router.get("/v1/sends/{send}", responses={404: {"description": "no such message was planned"}})
async def message(send: str, read: Reading = Depends(reading)) -> Message:
    """One message: what was planned, each attempt, what came of it, and what it earned."""
    found = await read.first("message", f"no message {send!r} was planned", send=send)
    planned = await read.rows("message_planned", contact=found["contact"], send=send)
    log = await read.rows("message_log", send=send)
    credits = await read.rows("message_credits", contact=found["contact"], send=send)
    more = {} if not planned else {name: planned[0][name] for name in ("address", "expires")}
    data = msgspec.json.decode(planned[0]["data"] or "{}") if planned else {}
    fields = {name: value for name, value in found.items() if name in Message.model_fields}
    return Message(
        **fields, **more, data=data, log=[Said(**row) for row in log], credits=[Credited(**row) for row in credits]
    )
