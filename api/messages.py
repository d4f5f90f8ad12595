"""Reads of one message: its whole life."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter, Depends
from fastapi.concurrency import run_in_threadpool
from pydantic import AwareDatetime, BaseModel, Field

from api.contacts import subjects
from api.definitions import Reader
from api.reads import Reading, Rows, reading
from connectors.publish import CatalogueReader
from flows.campaigns.reducer import DUPLICATE
from flows.delivery.planning import Intent, verdicts
from flows.policy import reducer as policy
from flows.policy.caps import Planned
from schemas.times import parse_instant

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


class Asked(BaseModel):
    """One thing that planning asked of the contact before the message might go; the first that failed decided."""

    check: str
    passed: bool
    reason: str = Field(description="why it was skipped, where this did not pass; else empty")
    value: str = Field(description="what was found")


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
    verdicts: list[Asked] = Field(description="of planning, in order, as the contact was then")
    log: list[Said]
    credits: list[Credited]


@router.get("/v1/sends/{send}", responses={404: {"description": "no such message was planned"}})
async def message(send: str, reader: Reader, read: Reading = Depends(reading)) -> Message:
    """One message: what was asked and planned, each attempt, what came of it, and what it earned."""
    found = await read.first("message", f"no message {send!r} was planned", send=send)
    planned = await read.rows("message_planned", contact=found["contact"], send=send)
    log = await read.rows("message_log", send=send)
    credits = await read.rows("message_credits", contact=found["contact"], send=send)
    more = {} if not planned else {name: planned[0][name] for name in ("address", "expires")}
    data = msgspec.json.decode(planned[0]["data"] or "{}") if planned else {}
    fields = {name: value for name, value in found.items() if name in Message.model_fields}
    return Message(
        **fields,
        **more,
        data=data,
        verdicts=await _verdicts(found, planned, reader, read),
        log=[Said(**row) for row in log],
        credits=[Credited(**row) for row in credits],
    )


async def _verdicts(found: dict[str, Any], planned: Rows, reader: CatalogueReader, read: Reading) -> list[Asked]:
    """What planning asked, from the records that it had then. A skipped message has no request, but its change."""
    skip: Rows = []
    if planned:
        topic, message_class = planned[0]["topic"], planned[0]["message_class"]
    else:
        skip = await read.rows("message_skip", contact=found["contact"], send=found["send"])
        topic = skip[0]["topic"] if skip else "default"
        message_class = await run_in_threadpool(_class_of, reader, found["journey"], found["version"])
    at = parse_instant(found["planned_at"])
    subject = (await subjects([found["contact"]], read, at))[found["contact"]]
    counted = await read.rows(
        "messages_counted", contact=found["contact"], send=found["send"], at=at, before=bool(planned)
    )
    subject.state.get(policy.SECTION).planned = [Planned(**row) for row in counted]
    intent = _intent(found, topic, message_class)
    asked = [
        Asked(check=v.check, passed=v.passed, reason="" if v.passed else v.reason, value=v.value)
        for v in verdicts(subject, intent, found["channel"], at)
    ]
    if skip and skip[0]["reason"] == DUPLICATE:
        held = f"{skip[0]['holder']} has the message"
        asked.append(Asked(check="one message an address", passed=False, reason=DUPLICATE, value=held))
    return asked


def _intent(found: dict[str, Any], topic: str, message_class: str) -> Intent:
    """As far as verdicts ask."""
    return Intent(
        journey=found["journey"],
        version=found["version"],
        run=found["run"],
        entry="",
        node=found["node"],
        occurrence=0,
        channels=(found["channel"],),
        template=found["template"],
        topic=topic,
        message_class="transactional" if message_class == "transactional" else "marketing",
        campaign=found["campaign"],
    )


def _class_of(reader: CatalogueReader, journey: str, version: int) -> str:
    with reader.open() as catalogue:
        published = catalogue.versions.get(("journey", journey), {}).get(version)
    return "marketing" if published is None else str(published.body.get("class", "marketing"))
