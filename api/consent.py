"""Consent as operators and forms state it, what was ever said of it, and lists of addresses that get nothing.

What is said is a fact in `events`, like a contact's own; the fold decides what stands. A list is kept by the addresses'
own keys, so it holds for whoever has one of them, or will.
"""

from __future__ import annotations

import re
import time
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from api.contacts import Reach, contact
from api.deps import Deps, deps
from api.reads import Reading, reading
from connectors.segment_spec import entry_of, read_event
from schemas.definitions.policy import Addressed
from schemas.definitions.simple import Channel
from schemas.facts import ADDRESS_KEY, ADDRESS_SUPPRESSED, CONSENT_CHANGED
from schemas.ids import address_hash, uuid5
from schemas.records import Entry, Event, encode
from schemas.topics import EVENTS

router = APIRouter(tags=["consent"])
LARGEST_LIST: Final = 10_000
_HASH: Final = re.compile(r"[0-9a-fA-F]{64}")
Text = Annotated[str, Field(max_length=500)]
Status = Literal["subscribed", "unsubscribed", "pending"]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Statement(_In):
    """What a contact has said of a topic on a channel. The same with the same `at` is one fact."""

    contact: str = Field(min_length=1, max_length=200)
    channel: Channel
    topic: str = Field("default", min_length=1, max_length=100, description="`default` is the channel itself")
    status: Status
    at: AwareDatetime | None = Field(None, description="when it was said; by default now")
    source: Text = Field("api", description="where it was said: a form, a call, …")
    text_version: Text = Field("", description="of the words that were agreed to")
    proof: Text = Field("", description="what shows that it was said")


class Kept(BaseModel):
    """Durable; what it leads to is read a moment later."""

    id: str


class Said(BaseModel):
    """One thing that was said."""

    at: AwareDatetime
    channel: str
    topic: str
    status: str
    source: str
    text_version: str
    proof: str


class ConsentOut(BaseModel):
    """What stands, by channel, and everything that was said, the latest first."""

    contact: str
    consent: dict[str, Reach]
    said: list[Said]


class SuppressionList(_In):
    """Addresses to which nothing goes any more, of any class."""

    channel: Addressed
    addresses: list[Annotated[str, Field(min_length=1, max_length=4_096)]] = Field(
        min_length=1, max_length=LARGEST_LIST, description="as they are, or SHA-256 (hex) of them, with `hashed`"
    )
    hashed: bool = False
    reason: Text = "list"

    @model_validator(mode="after")
    def _are_hashes(self) -> SuppressionList:
        if self.hashed and (wrong := [a for a in self.addresses if not _HASH.fullmatch(a.strip())]):
            raise ValueError(f"{wrong[0]!r:.80} is no SHA-256 in hex: 64 digits")
        return self


class Listed(BaseModel):
    """How many different addresses the list has."""

    suppressed: int


@router.post("/v1/consent", summary="State a contact's consent")
async def state(said: Statement, deps: Deps = Depends(deps)) -> Kept:
    """Answered once it is durable. A withdrawal takes back what is planned and waits to be handed over."""
    now = time.time_ns() // 1_000_000
    at = now if said.at is None else round(said.at.timestamp() * 1000)
    properties = said.model_dump(include={"channel", "topic", "status", "source", "text_version", "proof"})
    id = uuid5("consent", said.contact, said.channel, said.topic, said.status, at)
    raw = {"type": CONSENT_CHANGED, "userId": said.contact, "messageId": id, "timestamp": at}
    event = read_event({**raw, "properties": {k: v for k, v in properties.items() if v}}, now, trusted=True)
    await deps.append([entry_of(event)])
    return Kept(id=id)


@router.get("/v1/consent", summary="A contact's consent and its history")
async def consent(
    of: Annotated[str, Query(alias="contact", max_length=200)], read: Reading = Depends(reading)
) -> ConsentOut:
    """What stands and what was said of it, with its proofs."""
    known = await contact(of, read)
    return ConsentOut(
        contact=of, consent=known.consent, said=[Said(**row) for row in await read.rows("consent_said", contact=of)]
    )


@router.post("/v1/suppressions", summary="Suppress a list of addresses")
async def suppress(given: SuppressionList, deps: Deps = Depends(deps)) -> Listed:
    """Answered once it is durable. It holds for everyone who has one of the addresses, and takes back what waits."""
    now = time.time_ns() // 1_000_000
    digests = {a.strip().lower() if given.hashed else address_hash(a) for a in given.addresses}
    await deps.append([_listed(given, digest, now) for digest in sorted(digests)])
    return Listed(suppressed=len(digests))


def _listed(given: SuppressionList, digest: str, now: int) -> Entry:
    said = {"channel": given.channel, "address_hash": digest, "reason": given.reason}
    event = Event(ADDRESS_SUPPRESSED, uuid5("list", given.channel, digest, now), now, properties=said, received_at=now)
    return Entry(EVENTS, ADDRESS_KEY + digest, encode(event))
