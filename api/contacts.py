"""Reads about one contact: who it is, what it is in, and everything that happened to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, Field

from api.contact_path import CONTACT
from api.pages import Cursor, Limit, page, place_of
from api.reads import Reading, reading
from flows.consent import reducer as consent
from flows.contact.active import Definitions
from flows.contact.subject import Subject
from flows.warehouse.subject import subject_of
from schemas.records import Definition, Record, encode
from schemas.times import parse_instant

router = APIRouter(tags=["contacts"])
END = (1 << 62, "")  # of the timeline, which goes back in time
RUNS = 100  # of a contact, the latest
_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"description": "nothing is known of such a contact"}}


class Seen(BaseModel):
    """A contact in a list."""

    contact: str
    first_seen: AwareDatetime
    last_seen: AwareDatetime
    traits: dict[str, Any] = Field(description="merged key by key, each by the latest that was said of it")


class Contacts(BaseModel):
    """A page of contacts, in the order of their ids."""

    contacts: list[Seen]
    next: str | None = Field(description="cursor of the next page; null on the last")


class Reach(BaseModel):
    """Whether and how the contact can be reached on a channel."""

    address: str
    reachable: bool = Field(description="has an address, not suppressed, and has not left the channel")
    suppressed: bool
    topics: dict[str, str] = Field(description="what was last said of each topic; `default` is the channel itself")


class Membership(BaseModel):
    """A segment that the contact is in."""

    segment: str
    since: AwareDatetime
    version: int


class Score(BaseModel):
    """A model's last score of the contact, 0 to 100."""

    model: str
    score: float
    version: int
    at: AwareDatetime


class Execution(BaseModel):
    """A run of a journey."""

    journey: str
    run: str
    version: int
    entry: str = Field(description="the entry key, where the journey has one")
    node: str = Field(description="where it was last seen")
    entered_at: AwareDatetime
    exited_at: AwareDatetime | None
    exit_reason: str


class HeldOut(BaseModel):
    """A universal holdout that the contact is in."""

    holdout: str
    salt: str = Field(description="of the draw")
    since: AwareDatetime


class Contact(Seen):
    """All that is known of a contact now."""

    timezone: str
    merged_into: str = Field(description="the contact of which this id has become a part; else empty")
    consent: dict[str, Reach] = Field(description="by channel")
    segments: list[Membership]
    scores: list[Score]
    journeys: list[Execution]
    holdouts: list[HeldOut] = Field(description="the universal holdouts that keep marketing away from it")


class Moment(BaseModel):
    """One thing that happened: an event, a conclusion of the fold, a planned message, an attempt to deliver it."""

    at: AwareDatetime
    source: str = Field(description="event, change, send or attempt")
    kind: str = Field(description="the event's name, or what kind of conclusion or attempt it is")
    id: str
    detail: dict[str, Any]


class Timeline(BaseModel):
    """A page of a contact's timeline, the latest first."""

    contact: str
    timeline: list[Moment]
    next: str | None = Field(description="cursor of the next page; null on the last")


class Scores(BaseModel):
    """The last score of each model that has one for the contact."""

    contact: str
    scores: list[Score]


async def _known(contact: str, read: Reading) -> dict[str, Any]:
    return await read.first("contact", f"nothing is known of contact {contact!r}", contact=contact)


async def subjects(contacts: list[str], read: Reading, at: int | None = None) -> dict[str, Subject]:
    """Each contact's profile and consent at an instant, or now, folded as the contacts flow folds them."""
    definitions = Definitions()
    for row in await read.rows("profile_definitions"):
        act = Definition(row["kind"], row["id"], row["op"], row["version"], msgspec.json.decode(row["body"] or "{}"))
        definitions.apply(Record(row["offset"], row["logged_at"], "", encode(act)))
    records: dict[str, list[Record]] = {contact: [] for contact in contacts}
    for row in await read.rows("profile_events", contacts=contacts):
        record = Record(row["offset"], row["logged_at"], row["contact"], row["raw"].encode())
        if at is None or record.logged_at <= at:
            records[row["contact"]].append(record)
    now = read.fresh.watermark if at is None else at
    return {contact: subject_of(contact, found, definitions, now) for contact, found in records.items()}


async def with_traits(rows: Sequence[Mapping[str, Any]], read: Reading) -> list[Seen]:
    """Contacts, each with what its records say of it."""
    known = await subjects([row["contact"] for row in rows], read)
    return [Seen(**row, traits=known[row["contact"]].traits()) for row in rows]


def _reach(subject: Subject) -> dict[str, Reach]:
    said = subject.state.get(consent.SECTION).said
    return {
        channel: Reach(
            address=subject.address(channel),
            reachable=subject.reachable(channel),
            suppressed=subject.suppressed(channel),
            topics={topic: last.status for topic, last in said.get(channel, {}).items()},
        )
        for channel in consent.ADDRESS_TRAITS
    }


@router.get("/v1/contacts")
async def contacts(
    prefix: Annotated[str, Query(max_length=200, description="what their ids begin with")] = "",
    limit: Limit = 100,
    cursor: Cursor = "",
    read: Reading = Depends(reading),
) -> Contacts:
    """Everyone of whom anything is known, by page."""
    (after,) = place_of(cursor, tuple[str], ("",))
    rows = await read.rows("contacts", after=after, prefix=prefix, limit=limit + 1)
    found, following = page(rows, limit, lambda row: (row["contact"],))
    return Contacts(contacts=await with_traits(found, read), next=following)


@router.get(f"/v1/contacts/{CONTACT}", responses=_UNKNOWN)
async def contact(contact: str, read: Reading = Depends(reading)) -> Contact:
    """Profile, consent, memberships, scores and journeys of one contact."""
    seen = await _known(contact, read)
    subject = (await subjects([contact], read))[contact]
    return Contact(
        **seen,
        traits=subject.traits(),
        timezone=subject.zone,
        merged_into=subject.state.merged_into,
        consent=_reach(subject),
        segments=[Membership(**row) for row in await read.rows("contact_segments", contact=contact)],
        scores=[Score(**row) for row in await read.rows("contact_scores", contact=contact)],
        journeys=[Execution(**row) for row in await read.rows("contact_runs", contact=contact, limit=RUNS)],
        holdouts=[HeldOut(**row) for row in await read.rows("contact_holdouts", contact=contact)],
    )


@router.get(f"/v1/contacts/{CONTACT}/timeline", responses=_UNKNOWN)
async def timeline(contact: str, limit: Limit = 100, cursor: Cursor = "", read: Reading = Depends(reading)) -> Timeline:
    """Events, flips, steps, scores, messages and credits in one list, the latest first."""
    before, place = place_of(cursor, tuple[int, str], END)
    await _known(contact, read)
    rows = await read.rows("timeline", contact=contact, before=before, before_place=place, limit=limit + 1)
    found, following = page(rows, limit, lambda row: (parse_instant(row["at"]), row["place"]))
    moments = [Moment(**{**row, "detail": msgspec.json.decode(row["detail"] or "{}")}) for row in found]
    return Timeline(contact=contact, timeline=moments, next=following)


@router.get(f"/v1/scores/{CONTACT}", responses=_UNKNOWN)
async def scores(contact: str, read: Reading = Depends(reading)) -> Scores:
    """The contact's last scores."""
    await _known(contact, read)
    return Scores(contact=contact, scores=[Score(**row) for row in await read.rows("contact_scores", contact=contact)])
