"""Reads of a segment's members. The definitions themselves are `api.definitions`' business."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.csv import CSV, as_csv
from api.pages import Cursor, Limit, page, place_of
from api.reads import Reading, reading
from api.surroundings import Defined, InBatch, defined
from flows.segments.sql.audience import CHANNELS, members_of
from flows.segments.sql.run import Ask
from schemas.definitions.condition_tree import InSegment
from schemas.times import DAY, HOUR, from_ms, to_ms

router = APIRouter(tags=["segments"])
STEPS = {"hour": HOUR // 1000, "day": DAY // 1000}
ABSENT: Final[dict[int | str, dict[str, Any]]] = {
    404: {"description": "there is no such segment"},
    409: {"description": "it is published and not current yet: `detail` and `hydration` say how far it is"},
}
FAR = 4_102_444_800_000  # 2100-01-01


class Count(BaseModel):
    """How many are in a segment."""

    segment: str
    members: int
    reachable: dict[str, int] | None = Field(description="how many of them can be reached, by channel")
    reachable_at: AwareDatetime | None = Field(None, description="as of when; counted anew after half a minute")
    in_batch: list[InBatch] = Field([], description="what of the segment is computed on a schedule")


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


async def known(segment: str, read: Reading, defined: Defined) -> int:
    """How many members the segment has; 404 for one that never was, NotYet for one that is not current yet."""
    await run_in_threadpool(defined.check_whole, segment, read.fresh.watermark)
    row = await read.first("segment_count", f"there is no segment {segment!r}", segment=segment)
    return int(row["members"])


@router.get("/v1/segments/{segment}/count", responses=ABSENT)
async def count(
    segment: str,
    reach: Annotated[bool, Query(description="whether to count those who can be reached, which reads history")] = True,
    read: Reading = Depends(reading),
    defined: Defined = Depends(defined),
) -> Count:
    """How many contacts are in the segment, and how many of them can be reached."""
    members, at = await known(segment, read, defined), read.fresh.watermark
    in_batch = await read.work(lambda ask: defined.in_batch([InSegment(segment)], at))
    if not reach:
        return Count(segment=segment, members=members, reachable=None, in_batch=in_batch)
    if not members:
        return Count(segment=segment, members=0, reachable=dict.fromkeys(CHANNELS, 0), in_batch=in_batch)

    def reached(ask: Ask) -> tuple[int, dict[str, int]]:
        return at, members_of(ask, segment, at, defined.given([], at, ask)).reachable

    of, reachable = await read.kept(("reachable", segment), reached)
    return Count(segment=segment, members=members, reachable=reachable, reachable_at=from_ms(of), in_batch=in_batch)


@router.get("/v1/segments/{segment}/members", responses=ABSENT)
async def members(
    segment: str,
    limit: Limit = 100,
    cursor: Cursor = "",
    read: Reading = Depends(reading),
    defined: Defined = Depends(defined),
) -> Members:
    """Who is in the segment, by page."""
    (after,) = place_of(cursor, tuple[str], ("",))
    await known(segment, read, defined)
    rows = await read.rows("segment_members", segment=segment, after=after, limit=limit + 1)
    found, following = page(rows, limit, lambda row: (row["contact"],))
    return Members(members=[Member(**row) for row in found], next=following)


@router.get("/v1/segments/{segment}/members.csv", response_class=Response, responses={200: CSV, **ABSENT})
async def export(
    segment: str, response: Response, read: Reading = Depends(reading), defined: Defined = Depends(defined)
) -> StreamingResponse:
    """All members as CSV: contact, since, version."""
    await known(segment, read, defined)
    rows = await read.once("segment_everyone", segment=segment)
    lines = ((row["contact"], row["since"], row["version"]) for row in rows)
    return as_csv(f"{segment}.csv", ("contact", "since", "version"), lines, response)


@router.get("/v1/segments/{segment}/history", responses=ABSENT)
async def history(
    segment: str,
    interval: Literal["hour", "day"] = "day",
    since: Annotated[AwareDatetime | None, Query(description="ISO 8601; the beginning by default")] = None,
    until: Annotated[AwareDatetime | None, Query(description="ISO 8601; now by default")] = None,
    limit: Limit = 1000,
    read: Reading = Depends(reading),
    defined: Defined = Depends(defined),
) -> History:
    """How many entered and left, by hour or day in UTC."""
    await known(segment, read, defined)
    rows = await read.rows(
        "segment_history",
        segment=segment,
        step=STEPS[interval],
        **{"from": to_ms(since) if since else 0, "to": to_ms(until) if until else FAR},
        limit=limit,
    )
    return History(segment=segment, interval=interval, history=[Flips(**row) for row in rows])
