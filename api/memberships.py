"""Reads of a segment's members. The definitions themselves are `api.definitions`' business."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, Field

from api.pages import Cursor, Limit, page, place_of
from api.reads import Reading, reading
from schemas.times import DAY, HOUR, to_ms

router = APIRouter(tags=["segments"])
STEPS = {"hour": HOUR // 1000, "day": DAY // 1000}
FAR = 4_102_444_800_000  # 2100-01-01


class Count(BaseModel):
    """How many are in a segment."""

    segment: str
    members: int


class Member(BaseModel):
    """A contact that is in a segment."""

    contact: str
    since: AwareDatetime = Field(description="when it last entered")
    version: int = Field(description="the segment's version that let it in")


class Members(BaseModel):
    """A page of members, in the order of their ids."""

    members: list[Member]
    next: str | None = Field(description="cursor of the next page; null on the last")


class Flips(BaseModel):
    """What happened to a segment in one interval that begins at `at`."""

    at: AwareDatetime
    entered: int
    left: int
    members: int = Field(description="members at the interval's end")


class History(BaseModel):
    """A segment over time: intervals in which anybody flipped, the oldest first."""

    segment: str
    interval: Literal["hour", "day"]
    history: list[Flips]


async def _known(segment: str, read: Reading) -> Count:
    return Count(**await read.first("segment_count", f"there is no segment {segment!r}", segment=segment))


@router.get("/v1/segments/{segment}/count", responses={404: {"description": "there is no such segment"}})
async def count(segment: str, read: Reading = Depends(reading)) -> Count:
    """How many contacts are in the segment."""
    return await _known(segment, read)


@router.get("/v1/segments/{segment}/members", responses={404: {"description": "there is no such segment"}})
async def members(segment: str, limit: Limit = 100, cursor: Cursor = "", read: Reading = Depends(reading)) -> Members:
    """Who is in the segment, by page."""
    (after,) = place_of(cursor, tuple[str], ("",))
    await _known(segment, read)
    rows = await read.rows("segment_members", segment=segment, after=after, limit=limit + 1)
    found, following = page(rows, limit, lambda row: (row["contact"],))
    return Members(members=[Member(**row) for row in found], next=following)


@router.get("/v1/segments/{segment}/history", responses={404: {"description": "there is no such segment"}})
async def history(
    segment: str,
    interval: Literal["hour", "day"] = "day",
    since: Annotated[AwareDatetime | None, Query(description="ISO 8601; the beginning by default")] = None,
    until: Annotated[AwareDatetime | None, Query(description="ISO 8601; now by default")] = None,
    limit: Limit = 1000,
    read: Reading = Depends(reading),
) -> History:
    """How many entered and left, by hour or day in UTC."""
    await _known(segment, read)
    rows = await read.rows(
        "segment_history",
        segment=segment,
        step=STEPS[interval],
        **{"from": to_ms(since) if since else 0, "to": to_ms(until) if until else FAR},
        limit=limit,
    )
    return History(segment=segment, interval=interval, history=[Flips(**row) for row in rows])
