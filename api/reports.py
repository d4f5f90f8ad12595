"""Reports: campaigns, attribution, funnels, models."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import AwareDatetime, BaseModel, Field

from api.pages import Limit
from api.reads import Reading, reading
from schemas.times import parse_duration, to_ms

router = APIRouter(tags=["reports"])
FAR = 4_102_444_800_000  # 2100-01-01
STEPS = 8

Since = Annotated[AwareDatetime | None, Query(description="ISO 8601, inclusive; the beginning by default")]
Until = Annotated[AwareDatetime | None, Query(description="ISO 8601, exclusive; without end by default")]


class Revenue(BaseModel):
    """What one attribution model credits, in one currency."""

    model: str
    currency: str
    amount_minor: int
    conversions: float = Field(description="sum of the shares")


class Campaign(BaseModel):
    """A campaign's messages and revenue: planned = sent + skipped + failed + unknown + queued, at every moment."""

    campaign: str = Field(description="a journey without a campaign counts under its id; empty: credited to nobody")
    planned: int
    sent: int = Field(description="a provider accepted it")
    skipped: int = Field(description="never handed over")
    failed: int = Field(description="refused for good")
    unknown: int = Field(description="an attempt whose end nobody knows")
    queued: int
    delivered: int
    opened: int = Field(description="by people; so clicked")
    clicked: int
    replied: int
    bounced: int
    complained: int
    unsubscribed: int
    revenue: list[Revenue]


class Campaigns(BaseModel):
    """Every campaign that planned a message or was credited."""

    campaigns: list[Campaign]


class Rate(BaseModel):
    """How one provider did with one domain of recipients. Numbers of messages, but for `retries`."""

    channel: str
    provider: str
    domain: str = Field(description="of the addresses; empty where they have none")
    attempted: int
    accepted: int
    refused: int
    retries: int
    unknown: int
    delivered: int
    bounced: int
    complained: int
    opened: int = Field(description="by people; so clicked")
    clicked: int
    bounce_rate: float = Field(description="of the accepted, 0 to 1; so complaint_rate")
    complaint_rate: float


class Rates(BaseModel):
    """Providers and domains, those with the most messages first."""

    rates: list[Rate]


class Credit(BaseModel):
    """What one place of a message was credited by one model, in one currency."""

    model: str
    campaign: str = Field(description="empty: credited to nobody, so that the totals add up")
    journey: str
    node: str
    channel: str
    currency: str
    credits: int
    conversions: float = Field(description="sum of the shares")
    amount_minor: int


class Attribution(BaseModel):
    """Credits of conversions."""

    credits: list[Credit]


class Step(BaseModel):
    """A step of a funnel, and how many contacts came as far as this."""

    step: int
    event: str
    contacts: int


class Node(BaseModel):
    """A journey's node: the runs that came to it, those that rest there now, and the edges by which it was left."""

    node: str
    runs: int
    waiting: int
    branches: dict[str, int]


class Funnel(BaseModel):
    """A funnel over events, or the nodes of a journey."""

    steps: list[Step] = []
    nodes: list[Node] = []


class ModelVersion(BaseModel):
    """A version of a model and its metrics, each measured before learning from an example."""

    model: str
    version: int
    active_from: AwareDatetime
    examples: int
    metrics: dict[str, float]


class Models(BaseModel):
    """Versions of models, the latest first."""

    models: list[ModelVersion]


def span_of(since: AwareDatetime | None, until: AwareDatetime | None) -> dict[str, int]:
    """The parameters of a span, in ms."""
    return {"from": to_ms(since) if since else 0, "to": to_ms(until) if until else FAR}


@router.get("/v1/reports/campaigns")
async def campaigns(
    campaign: Annotated[str, Query(max_length=200, description="one campaign; all by default")] = "",
    read: Reading = Depends(reading),
) -> Campaigns:
    """Messages by status and revenue, a row a campaign."""
    rows = await read.rows("campaigns", campaign=campaign)
    return Campaigns(campaigns=[Campaign(**row) for row in rows])


@router.get("/v1/reports/delivery")
async def delivery(
    provider: Annotated[str, Query(max_length=200, description="one provider; all by default")] = "",
    domain: Annotated[str, Query(max_length=253, description="one domain of recipients; all by default")] = "",
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    read: Reading = Depends(reading),
) -> Rates:
    """What providers accepted, refused and bounced, by domain; of messages planned on the days (UTC) of the span."""
    rows = await read.rows("delivery", provider=provider, domain=domain.lower(), limit=limit, **span_of(since, until))
    return Rates(rates=[_rate(row) for row in rows])


def _rate(row: dict[str, Any]) -> Rate:
    accepted = max(1, row["accepted"])
    return Rate(**row, bounce_rate=row["bounced"] / accepted, complaint_rate=row["complained"] / accepted)


@router.get("/v1/reports/attribution")
async def attribution(
    model: Annotated[str, Query(max_length=200, description="one attribution model; all by default")] = "",
    since: Since = None,
    until: Until = None,
    read: Reading = Depends(reading),
) -> Attribution:
    """Credited revenue by model, campaign, journey, node and channel; by when the conversion happened."""
    rows = await read.rows("attribution", model=model, **span_of(since, until))
    return Attribution(credits=[Credit(**row) for row in rows])


@router.get("/v1/reports/funnel")
async def funnel(
    steps: Annotated[list[str], Query(max_length=STEPS, description="names of events, in order")] = [],  # noqa: B006
    within: Annotated[str, Query(description="from the first step to the last, as in 7d")] = "30d",
    journey: Annotated[str, Query(max_length=200, description="in place of steps: a journey's nodes")] = "",
    since: Since = None,
    until: Until = None,
    read: Reading = Depends(reading),
) -> Funnel:
    """How many contacts did the steps in order; or how many runs came to each node of a journey."""
    if bool(journey) == bool(steps) or "" in steps:
        raise HTTPException(422, "give either steps (names of events) or a journey")
    if journey:
        return Funnel(nodes=[Node(**row) for row in await read.rows("journey_nodes", journey=journey)])
    rows = await read.rows("funnel", steps=steps, window=window_of(within), **span_of(since, until))
    counts = {row["step"]: row["contacts"] for row in rows}
    return Funnel(steps=[Step(step=i, event=e, contacts=counts.get(i, 0)) for i, e in enumerate(steps, 1)])


def window_of(within: str) -> int:
    """The milliseconds of a duration; 422 for what is none, or not longer than nothing."""
    try:
        window = parse_duration(within)
    except ValueError as fault:
        raise HTTPException(422, f"within: {fault}") from None
    if window <= 0:
        raise HTTPException(422, f"within: {within!r} must be longer than nothing")
    return window


@router.get("/v1/models")
async def models(
    model: Annotated[str, Query(max_length=200, description="one model; all by default")] = "",
    limit: Limit = 100,
    read: Reading = Depends(reading),
) -> Models:
    """The versions of the models that score, with their metrics."""
    return Models(models=[ModelVersion(**row) for row in await read.rows("models", model=model, limit=limit)])
