"""The figures of the whole installation: what `waxwing run --for` prints and its table shows."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from api.reads import Reading, reading

router = APIRouter(tags=["reports"])


class Members(BaseModel):
    """A segment's figure."""

    members: int


class Runs(BaseModel):
    """A journey's figures: `exited` counts all runs that ended, `completed` those of them at an exit node."""

    entered: int
    active: int
    completed: int
    exited: int


class Messages(BaseModel):
    """planned = sent + skipped + failed + unknown + queued."""

    planned: int
    sent: int
    skipped: int
    failed: int
    unknown: int
    queued: int
    delivered: int
    opened: int
    clicked: int


class Summary(BaseModel):
    """Where everything stands."""

    events: int = Field(description="facts; ticks and the like are none")
    contacts: int
    segments: dict[str, Members]
    journeys: dict[str, Runs]
    messages: Messages
    revenue_minor: dict[str, dict[str, int]] = Field(description="campaign -> currency -> minor units")
    dead_letters: int
    watermark_age_ms: int = Field(description="how far ClickHouse is behind the log's clock")


@router.get("/v1/summary")
async def summary(read: Reading = Depends(reading)) -> Summary:
    """The figures of the whole installation."""
    totals, segments, journeys, messages, revenue = await asyncio.gather(
        *(read.rows(f"summary_{part}") for part in ("totals", "segments", "journeys", "messages", "revenue"))
    )
    earned: dict[str, dict[str, int]] = {}
    for row in revenue:
        earned.setdefault(row["campaign"], {})[row["currency"]] = row["amount_minor"]
    return Summary(
        **totals[0],
        segments={row["id"]: Members(members=row["members"]) for row in segments},
        journeys={row.pop("id"): Runs(**row) for row in map(dict, journeys)},
        messages=Messages(**messages[0]),
        revenue_minor=earned,
        watermark_age_ms=max(0, await asyncio.to_thread(read.log.now) - read.fresh.watermark),
    )
