"""Experiments: the splits of a journey whose shares move, their arms' figures up to now, and what was decided."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

from fastapi import APIRouter, Depends, HTTPException
from pydantic import AwareDatetime, BaseModel, Field

from api.definitions import Reader
from api.reads import Reading, reading
from connectors.publish import CatalogueReader
from flows.campaigns.journey import journey_id
from flows.experiments.judge import Seen, evidence
from flows.experiments.running import Running, running
from flows.segments.sql.run import Ask
from schemas.definitions.campaign import Campaign
from schemas.definitions.journey import Journey
from schemas.definitions.node import EventMatch
from schemas.times import format_instant
from sinks.experiment_query import Question, seen

router = APIRouter(tags=["journeys"])


class ArmFigures(BaseModel):
    """An arm: contacts by their first pass; its rate with an interval of 95%, and how likely it is the best."""

    name: str
    share: float = Field(description="percent of those who come now")
    passed: int = Field(description="contacts that took it")
    samples: int = Field(description="those of them that are watched for long enough")
    successes: int
    rate: float
    low: float = Field(description="the interval's lower end (Wilson)")
    high: float
    best: float = Field(description="probability that its rate is the highest (uniform priors)")


class DecisionMade(BaseModel):
    """The decision by which contacts are assigned now."""

    version: int
    active_from: str
    method: Literal["winner", "bandit", "hand"]
    reason: str
    arms: list[dict[str, Any]] = Field(description="the shares, and the figures at the decision")


class ExperimentRead(BaseModel):
    """A split whose shares a rule moves."""

    node: str
    rule: Literal["winner", "bandit"]
    metric: str
    versions: list[int] = Field(description="the journey's versions whose split has this form: their figures add up")
    first_at: str | None = Field(description="when the first contact passed")
    status: Literal["running", "decided", "withdrawn"]
    decision: DecisionMade | None
    arms: list[ArmFigures]


class Experiments(BaseModel):
    """The experiments of the current version of a journey, or of the one that a campaign runs as, by node."""

    journey: str
    at: AwareDatetime
    experiments: list[ExperimentRead]


@router.get("/v1/journeys/{id}/experiments", responses={404: {}})
async def experiments(id: str, catalogue: Reader, read: Reading = Depends(reading)) -> Experiments:
    """What became of each arm, and what was decided."""
    return await _experiments(Journey.KIND, id, id, catalogue, read)


@router.get("/v1/campaigns/{id}/experiments", responses={404: {}})
async def of_campaign(id: str, catalogue: Reader, read: Reading = Depends(reading)) -> Experiments:
    """The same of a campaign's arms: a split of the journey that it runs as."""
    return await _experiments(Campaign.KIND, id, journey_id(id), catalogue, read)


async def _experiments(kind: str, id: str, journey: str, catalogue: CatalogueReader, read: Reading) -> Experiments:
    at = read.fresh.watermark
    with catalogue.open() as known:
        if (kind, id) not in known.versions:
            raise HTTPException(404, f"there is no {kind} {id!r}")
        found = list(running(known, journey))
    told = []
    for one in found:
        question = Question(journey, one.split, one.versions, at)
        told.append(_read(one, await read.work(partial(_seen, question))))
    return Experiments(journey=journey, at=format_instant(at), experiments=told)


def _seen(question: Question, ask: Ask) -> Seen:
    return seen(ask, question)


def _read(one: Running, figures: Seen) -> ExperimentRead:
    rule = one.split.rule
    assert rule is not None
    written = {arm.name: arm.share for arm in one.split.arms}
    shares = {arm["name"]: arm["share"] for arm in one.current.body["arms"]} if one.current else written
    passed = {arm.name: arm.passed for arm in figures.arms}
    return ExperimentRead(
        node=one.split.id,
        rule="winner" if one.split.winner is not None else "bandit",
        metric=rule.metric.model_dump_json(by_alias=True) if isinstance(rule.metric, EventMatch) else rule.metric,
        versions=list(one.versions),
        first_at=None if figures.first_at is None else format_instant(figures.first_at),
        status=_status(one),
        decision=_decision(one),
        arms=[
            ArmFigures(share=shares.get(arm["name"], 0.0), passed=passed[arm["name"]], **arm)
            for arm in evidence(figures)
        ],
    )


def _status(one: Running) -> Literal["running", "decided", "withdrawn"]:
    if one.current is None:
        return "running" if one.latest is None else "withdrawn"
    return "running" if one.split.bandit is not None and not one.is_in_hand else "decided"


def _decision(one: Running) -> DecisionMade | None:
    made = one.current
    if made is None:
        return None
    body = made.body
    return DecisionMade(
        version=made.version,
        active_from=format_instant(made.since),
        method=body.get("method", "hand"),
        reason=body.get("reason", ""),
        arms=body["arms"],
    )
