"""How a journey does: its runs by version and node, and its conversion against those who were held out."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query
from fastapi.concurrency import run_in_threadpool
from pydantic import AwareDatetime, BaseModel, Field

from api.definitions import Reader
from api.reads import Reading, Rows, reading
from api.reports import Since, Until, span_of, window_of
from connectors.publish import CatalogueReader, newest
from flows.experiments.statistics import Rate, difference, wilson
from schemas.definitions.journey import Journey
from schemas.times import format_duration, format_instant

router = APIRouter(tags=["journeys"])


class NodeRuns(BaseModel):
    """A node: runs that came to it, rest there now, left it by each branch, ended there for each reason."""

    node: str
    runs: int
    waiting: int
    branches: dict[str, int]
    exited: dict[str, int]


class VersionRuns(BaseModel):
    """The runs that entered a version, wherever migrations have moved them since; but for `running`."""

    version: int
    entered: int
    active: int
    running: int = Field(description="runs in progress that are on this version now, wherever they entered")
    completed: int = Field(description="came to an exit node")
    exited: dict[str, int] = Field(description="all that ended, by reason")
    nodes: list[NodeRuns]


class MovedRuns(BaseModel):
    """Runs that a migration took from a node of one version to a node of another."""

    migration: str
    at: AwareDatetime
    from_version: int
    to_version: int
    from_node: str
    to_node: str
    runs: int


class Group(BaseModel):
    """Contacts that were let in, or held out; by their first entry."""

    contacts: int
    so_far: int = Field(description="those of them that have reached the goal within the window until now")
    watched: int = Field(description="those whose window is over: the rate is theirs")
    conversions: int = Field(description="those of the watched that reached the goal within the window")
    rate: float
    low: float = Field(description="the rate's interval of 95% (Wilson)")
    high: float


class Conversion(BaseModel):
    """What the journey does for its goal: the rate of those let in less that of those held out."""

    window: str = Field(description="from the first entry")
    since: AwareDatetime | None = Field(description="when the first one was held out: earlier entries are not compared")
    entered: Group
    held_out: Group
    difference: float | None = Field(description="of the rates; null where one of the groups is empty")
    low: float | None = Field(description="its interval of 95% (Newcombe, method 10)")
    high: float | None
    lift: float | None = Field(description="the difference over the rate of those held out")


class JourneyReport(BaseModel):
    """A journey's runs that entered in the span, and its conversion."""

    journey: str
    at: AwareDatetime
    versions: list[VersionRuns]
    moved: list[MovedRuns] = Field(description="what migrations did within the span, in order")
    refused: dict[str, int] = Field(description="entries by the reason for which they were refused")
    conversion: Conversion | None = Field(description="null where the journey has no goal")


@router.get("/v1/reports/journeys", responses={404: {}})
async def journeys(
    reader: Reader,
    journey: Annotated[str, Query(max_length=200, description="its id")],
    window: Annotated[str, Query(description="in which the goal counts, as in 7d; the journey's own by default")] = "",
    since: Since = None,
    until: Until = None,
    read: Reading = Depends(reading),
) -> JourneyReport:
    """Entered, in progress, completed and exited by version and node; conversion against the held out."""
    at, span = read.fresh.watermark, span_of(since, until)
    body = await run_in_threadpool(_body_of, reader, journey)
    versions = await read.rows("journey_versions", journey=journey, **span)
    running = await read.rows("journey_version_running", journey=journey, **span)
    nodes = await read.rows("journey_version_nodes", journey=journey, **span)
    moved = await read.rows("journey_moved", journey=journey, **span)
    refused = await read.rows("journey_refused", journey=journey, **span)
    length = window_of(window or body.get("goal_window", "30d"))
    conversion = None
    if body.get("goal") is not None:
        rows = await read.once("journey_conversion", journey=journey, window=length, at=at, **span)
        conversion = _conversion(rows, length)
    return JourneyReport(
        journey=journey,
        at=format_instant(at),
        versions=_versions(versions, running, nodes),
        moved=[MovedRuns(**row) for row in moved],
        refused={row["reason"]: row["entries"] for row in refused},
        conversion=conversion,
    )


def _versions(entered: Rows, running: Rows, nodes: Rows) -> list[VersionRuns]:
    """By number; also those to which runs were only moved."""
    told = {row["version"]: row for row in entered}
    now = {row["version"]: row["running"] for row in running}
    none = {"entered": 0, "active": 0, "completed": 0, "exited": {}}
    return [
        VersionRuns(
            **(none | told.get(version, {}) | {"version": version}),
            running=now.get(version, 0),
            nodes=[NodeRuns(**node) for node in nodes if node["version"] == version],
        )
        for version in sorted(told.keys() | now.keys())
    ]


def _body_of(reader: CatalogueReader, journey: str) -> dict[str, Any]:
    """What stands, or stood last; 404 for what was never published."""
    with reader.open() as catalogue:
        known = catalogue.versions.get((Journey.KIND, journey))
        if not known:
            raise HTTPException(404, f"there is no journey {journey!r}")
        stands = newest(catalogue).newest(Journey.KIND, journey)
        return dict((stands or known[max(known)]).body)


def _conversion(rows: Rows, window: int) -> Conversion:
    groups = {bool(row["is_held"]): row for row in rows}
    held, let_in = _rate(groups.get(True)), _rate(groups.get(False))
    is_comparable = bool(held.samples and let_in.samples)
    found = difference(let_in, held) if is_comparable else None
    return Conversion(
        window=format_duration(window),
        since=format_instant(groups[True]["since"]) if True in groups else None,
        entered=_group(groups.get(False)),
        held_out=_group(groups.get(True)),
        difference=let_in.value - held.value if is_comparable else None,
        low=found.low if found else None,
        high=found.high if found else None,
        lift=let_in.value / held.value - 1 if is_comparable and held.value else None,
    )


def _rate(row: dict[str, Any] | None) -> Rate:
    return Rate(row["watched"], row["converted_watched"]) if row else Rate(0, 0)


def _group(row: dict[str, Any] | None) -> Group:
    rate = _rate(row)
    interval = wilson(rate)
    return Group(
        contacts=row["contacts"] if row else 0,
        so_far=row["so_far"] if row else 0,
        watched=rate.samples,
        conversions=rate.successes,
        rate=rate.value,
        low=interval.low,
        high=interval.high,
    )
