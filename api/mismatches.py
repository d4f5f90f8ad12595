"""Why nobody matches, where a property holds text and a segment asks a number: counted in the history, leaf by leaf.

The fold counts the same as it goes, by leaf, in `waxwing_contacts_type_mismatches`; here it is told which property of
which event that is, also where the segment is young, and by which event it can be looked at.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.definitions import find
from api.memberships import ABSENT
from api.reads import Reading, reading
from api.surroundings import Defined, defined
from flows.definitions.catalogue import Published
from flows.segments.footprint import of_segment
from flows.segments.leaf import leaf_id
from flows.segments.numbers import numbers_asked
from schemas.definitions.conditions import canonical
from schemas.times import DAY, from_ms, to_ms

router = APIRouter(tags=["segments"])
_SINCE_DAYS = 30


class Mismatch(BaseModel):
    """A property of which a leaf asks a number, and that held something else."""

    leaf: str = Field(description="the leaf's id: metrics and `memory` of the segment name it so")
    asks: dict[str, Any] = Field(description="the leaf")
    event: str
    property: str
    events: int = Field(description="how many events held something else")
    value: str = Field(description="what the last of them held, as JSON")
    last_event: str = Field(description="the last of them, by its id")
    contact: str = Field(description="whose it is")
    at: AwareDatetime = Field(description="when it was logged")


class Mismatches(BaseModel):
    """What a segment met since an instant."""

    segment: str
    version: int
    since: AwareDatetime
    mismatches: list[Mismatch]


@router.get("/v1/segments/{segment}/mismatches", responses={404: ABSENT[404]})
async def mismatches(
    segment: str,
    since: Annotated[AwareDatetime | None, Query(description="ISO 8601; 30 days ago by default")] = None,
    read: Reading = Depends(reading),
    defined: Defined = Depends(defined),
) -> Mismatches:
    """Which properties held no number where the segment, as it stands, asks one: such an event does not fit."""
    stands = await run_in_threadpool(_standing, defined, segment)
    start = to_ms(since) if since else read.fresh.watermark - _SINCE_DAYS * DAY
    found = []
    for leaf in (footprint.leaf for footprint in of_segment(stands.body)):
        for event, path in numbers_asked(leaf):
            given = {"event": event.text, "begins": int(event.prefix), "path": path.split("."), "since": start}
            (row,) = await read.once("segment_mismatches", **given)
            if row["events"]:
                told = {"asks": msgspec.json.decode(canonical(leaf)), "event": event.text, "property": path}
                found.append(Mismatch(leaf=leaf_id(leaf), **told, **row))
    return Mismatches(segment=segment, version=stands.version, since=from_ms(start), mismatches=found)


def _standing(defined: Defined, segment: str) -> Published:
    with defined.reader.open() as catalogue:
        return find(catalogue, ["segment"], segment)
