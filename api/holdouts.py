"""Universal holdouts: whom each has held out by which salt, and what all marketing does against them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import AwareDatetime, BaseModel, Field

from api.reads import Reading, reading
from api.reports import Until, span_of
from flows.experiments.statistics import Rate, difference, wilson
from schemas.times import format_instant

router = APIRouter(tags=["reports"])


class Salt(BaseModel):
    """One draw of a holdout: a period's, or that of a salt that a person gave."""

    salt: str
    since: AwareDatetime = Field(description="when it held the first contact out")
    held: int = Field(description="contacts that it holds out now")
    let_go: int = Field(description="contacts that it held out once")


class HoldoutHistory(BaseModel):
    """The draws of a holdout, the latest first."""

    holdout: str
    salts: list[Salt]


class Share(BaseModel):
    """Contacts, and how many of them did the event."""

    contacts: int
    converted: int
    rate: float
    low: float = Field(description="the rate's interval of 95% (Wilson)")
    high: float


class HoldoutEffect(BaseModel):
    """The rate of those who get marketing less that of those who do not."""

    holdout: str
    salt: str
    since: AwareDatetime
    at: AwareDatetime
    event: str
    reached: Share
    held_out: Share
    difference: float | None = Field(description="null where one of the groups is empty")
    low: float | None = Field(description="its interval of 95% (Newcombe, method 10)")
    high: float | None
    lift: float | None = Field(description="the difference over the rate of those held out")


@router.get("/v1/holdouts/{id}/history")
async def history(id: str, read: Reading = Depends(reading)) -> HoldoutHistory:
    """Whom the holdout held out, by salt; nobody yet where it has never been active."""
    rows = await read.rows("holdout_salts", holdout=id)
    return HoldoutHistory(holdout=id, salts=[Salt(**row) for row in rows])


@router.get("/v1/reports/holdouts", responses={404: {}})
async def effect(
    holdout: Annotated[str, Query(max_length=200, description="its id")],
    event: Annotated[str, Query(max_length=200, min_length=1, description="the name of the event that is wanted")],
    salt: Annotated[str, Query(max_length=300, description="the draw; the latest by default")] = "",
    until: Until = None,
    read: Reading = Depends(reading),
) -> HoldoutEffect:
    """How many did the event, of those who are reached and of those held out, from the draw on."""
    salts = {row["salt"]: row for row in await read.rows("holdout_salts", holdout=holdout)}
    if not salts or (salt and salt not in salts):
        raise HTTPException(404, f"holdout {holdout!r} has held nobody out{f' by {salt!r}' if salt else ''}")
    drawn = salts[salt or next(iter(salts))]
    rows = await read.rows(
        "holdout_effect", holdout=holdout, salt=drawn["salt"], event=event, to=span_of(None, until)["to"]
    )
    rates = {bool(row["is_held"]): Rate(row["contacts"], row["converted"]) for row in rows}
    reached, held = rates.get(False, Rate(0, 0)), rates.get(True, Rate(0, 0))
    found = difference(reached, held) if reached.samples and held.samples else None
    return HoldoutEffect(
        holdout=holdout,
        salt=drawn["salt"],
        since=drawn["since"],
        at=format_instant(read.fresh.watermark),
        event=event,
        reached=_share(reached),
        held_out=_share(held),
        difference=reached.value - held.value if found else None,
        low=found.low if found else None,
        high=found.high if found else None,
        lift=reached.value / held.value - 1 if found and held.value else None,
    )


def _share(rate: Rate) -> Share:
    low, high = wilson(rate)
    return Share(contacts=rate.samples, converted=rate.successes, rate=rate.value, low=low, high=high)
