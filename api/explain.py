"""Why a contact is in a segment, or is not: its whole history through the production fold."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from api.answers import deep
from api.contact_path import CONTACT
from api.reads import Reading, reading
from api.surroundings import Defined, defined
from connectors.surroundings import conditions_reached, frozen
from flows.contact import why
from flows.contact.replay import Line
from flows.segments.order import reached
from flows.segments.sql.given import given_by
from schemas.definitions.condition_tree import InSegment, references
from schemas.records import Record
from schemas.times import format_instant

router = APIRouter(tags=["contacts"])


class Recorded(BaseModel):
    """What the stream has said: the last flip up to the instant."""

    member: bool
    since: AwareDatetime | None = Field(description="when it last entered or left; null where it never did")
    version: int = Field(description="the segment's version by which; 0 where it never did")


class Explanation(BaseModel):
    """Each node of a segment's condition, for one contact at one instant."""

    contact: str
    ids: list[str] = Field(description="whose records these are: the contact's, and those merged into it")
    segment: str
    version: int
    at: AwareDatetime
    member: bool
    next_change: AwareDatetime | None = Field(description="when a leaf can change by itself, at the earliest")
    recorded: Recorded
    agrees: bool = Field(description="whether what was recorded is what the history comes to")
    why: dict[str, Any] = Field(
        description="`is`, `truth` and `parts` of groups; of leaves what they ask and know, the `events` that decided, "
        "of `decided_by` in all the latest, and `next_change`"
    )


@router.get(f"/v1/contacts/{CONTACT}/explain", response_model=Explanation, responses={404: {}, 409: {}})
async def explain(
    contact: str,
    segment: Annotated[str, Query(description="a segment's id")],
    response: Response,
    read: Reading = Depends(reading),
    defined: Defined = Depends(defined),
) -> Response:
    """Why the contact is in the segment, or is not."""
    at = read.fresh.watermark
    ids = await _ids(contact, read)
    rows = await read.once("contact_records", contacts=ids, at=at)
    records = [Record(row["offset"], row["logged_at"], row["contact"], row["raw"].encode()) for row in rows]
    if not records:
        raise HTTPException(404, f"nothing is known of contact {contact!r}")
    said = await read.once("recorded_membership", contact=contact, segment=segment, at=at)
    found = await read.work(lambda ask: _why(contact, segment, why.read_lines(records), at, defined))
    recorded = Recorded(**said[0]) if said else Recorded(member=False, since=None, version=0)
    agrees = recorded.member == found["member"]
    return deep(Explanation(contact=contact, ids=ids, recorded=recorded, agrees=agrees, **found), response.headers)


async def _ids(contact: str, read: Reading) -> list[str]:
    """The contact, and all that became a part of it, directly or through others."""
    found, todo = {contact}, [contact]
    while todo:
        rows = await read.rows("merged_into", contacts=sorted(todo))
        todo = [row["source"] for row in rows if row["source"] not in found]
        found.update(todo)
    return sorted(found)


def _why(contact: str, segment: str, lines: list[Line], at: int, defined: Defined) -> dict[str, Any]:
    """The tree; 404 for a segment that does not stand, 409 where the contact is a part of another."""
    defined.segment(segment, at)
    published = defined.active(at)
    segments = given_by([p.body for p in published]).segments
    asks = {id: references(condition) for id, condition in segments.items() if condition is not None}
    needed = reached(asks, [segment])
    asked = conditions_reached(segments, [InSegment(segment)])
    kept = [p for p in published if p.kind != "segment" or p.id in needed]
    run = why.replayed(lines, kept, frozen(published, asked, defined.store.get), defined.place_in, at)
    state = run.open(contact)
    if state is None:
        raise HTTPException(404, f"no event of contact {contact!r} was logged by {format_instant(at)}")
    if state.merged_into:
        raise HTTPException(409, f"{contact!r} is a part of contact {state.merged_into!r}: ask for that one")
    return why.why(contact, segment, lines, run, at)
