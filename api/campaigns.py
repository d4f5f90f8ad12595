"""Campaigns: what each is at, what a launch would do, and launch, pause, resume, cancel.

They are written like every definition: PUT publishes, and nothing goes before a launch. What does not fit how things
stand (a stale audience, a segment that warms up, a second launch) is a 409 that says why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.definitions import BY, DefinitionOut, Files, Reader, definition_out, find
from api.deps import Deps, deps
from api.launcher import Launcher, campaign_phase, phase
from api.pages import Cursor, Limit, page, place_of
from api.reads import Reading, Rows, reading
from api.surroundings import Defined, defined
from api.watermark import HEADER
from connectors.publish import newest
from flows.campaigns.firings import next_firing
from flows.campaigns.launch import Launch, is_launched, launches
from flows.campaigns.references import read_campaign
from flows.definitions.catalogue import Snapshot
from schemas.definitions.campaign import Campaign, Recurring
from schemas.errors import Refusal
from schemas.times import format_instant, from_ms

router = APIRouter(tags=["campaigns"])
_KIND: Final = ("campaign",)
_ACT: Final[dict[int | str, dict[str, Any]]] = {404: {}, 409: {"description": "how things stand speaks against it"}}


class Messages(BaseModel):
    """planned = sent + skipped + failed + unknown + queued; those who wait for their release are planned and queued."""

    planned: int = 0
    sent: int = 0
    skipped: int = 0
    failed: int = 0
    unknown: int = 0
    queued: int = 0


class Totals(Messages):
    """And what people did."""

    delivered: int = 0
    opened: int = 0
    clicked: int = 0
    bounced: int = 0
    complained: int = 0
    unsubscribed: int = 0


class LaunchOut(BaseModel):
    """A launch: a broadcast's, a firing's, or what lets a recurring or triggered campaign act."""

    id: str
    campaign_version: int
    phase: str = Field(description="scheduled, running, paused, cancelled, missed or done")
    reason: str = Field(description="why it was paused or cancelled, where that was said")
    audience: int = Field(description="how many were frozen")
    excluded: int = Field(description="how many the exclusions kept out")
    as_of: AwareDatetime | None = Field(description="everything logged before had been counted for the audience")
    begins: AwareDatetime | None = Field(description="the first release, of those who are left")
    ends: AwareDatetime | None = Field(description="the last one")
    missed: int = Field(description="firings that were written off with this one")
    messages: Messages | None


class CampaignOut(DefinitionOut):
    """A campaign as it was written, and what it is at."""

    phase: str = Field(description="draft before its launch; else scheduled, running, paused, cancelled or done")
    reason: str
    next_firing: AwareDatetime | None = Field(description="of a recurring campaign that runs")
    messages: Totals | None = Field(description="null where this process has no warehouse")
    skips: dict[str, int] = Field({}, description="reason -> messages that were skipped or refused")
    launches: list[LaunchOut] = Field([], description="the latest firings first")


class CampaignLine(BaseModel):
    """A campaign in a list."""

    id: str
    name: str
    type: str
    version: int
    phase: str
    messages: Totals | None


class CampaignPage(BaseModel):
    """Some of a list, by id."""

    items: list[CampaignLine]
    next: str | None


class Reason(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field("", max_length=500)


async def launcher(request: Request, reader: Reader, files: Files, defined: Defined = Depends(defined)) -> Launcher:
    """One for the app."""
    found: Launcher | None = getattr(request.app.state, "launcher", None)
    if found is None:
        deps: Deps = request.app.state.deps
        progress = request.app.state.reads.queries["progress"] if request.app.state.reads else ""
        found = request.app.state.launcher = Launcher(deps.log, reader, defined.store.get, files, progress)
    return found


async def reading_if_any(request: Request, response: Response) -> Reading | None:
    """None where there is no warehouse to read from: what was written is on the log."""
    try:
        return await reading(request, response)
    except HTTPException as fault:
        if fault.status_code != 503:
            raise
        return None


# --- what there is ---------------------------------------------------------------------------------------------------


@router.get("/v1/campaigns")
async def list_campaigns(
    reader: Reader,
    cursor: Cursor = "",
    limit: Limit = 100,
    read: Reading | None = Depends(reading_if_any),
    deps: Deps = Depends(deps),
) -> CampaignPage:
    """Every campaign with its messages."""
    after = place_of(cursor, tuple[str], ("",))[0]
    now = deps.log.now()
    with reader.open() as catalogue:
        standing = [p for p in newest(catalogue).standing("campaign") if p.id > after][: limit + 1]
        found: Rows = [
            {"id": p.id, "name": p.body.get("name", ""), "type": p.body["type"], "version": p.version}
            | {"phase": campaign_phase(catalogue, p.id, now)}
            for p in standing
        ]
    shown, following = page(found, limit, lambda row: (row["id"],))
    totals = await _totals([row["id"] for row in shown], read)
    return CampaignPage(items=[CampaignLine(**row, messages=totals.get(row["id"])) for row in shown], next=following)


async def _totals(ids: list[str], read: Reading | None) -> dict[str, Totals]:
    if read is None:
        return {}
    rows = await read.rows("campaign_totals", campaigns=ids) if ids else []
    return dict.fromkeys(ids, Totals()) | {row["campaign"]: Totals(**row) for row in rows}


@router.get("/v1/campaigns/{id}", response_model=CampaignOut, responses={404: {}})
async def campaign(
    id: str,
    reader: Reader,
    files: Files,
    version: int | None = None,
    launches_shown: Annotated[int, Query(ge=0, le=1000, alias="launches")] = 50,
    read: Reading | None = Depends(reading_if_any),
    deps: Deps = Depends(deps),
) -> Response:
    """The version that stands, or another; what it is at; its launches and messages."""
    now = deps.log.now()
    with reader.open() as catalogue:
        published = find(catalogue, _KIND, id, version)
        out = definition_out(catalogue, published, files)
        snapshot, at = newest(catalogue), campaign_phase(catalogue, id, now)
        said = {p.id: _launch_out(launch, now) for p, launch in launches(catalogue, id)}
        reason = said[id].reason if id in said else ""
    await _count(id, said, read)
    at = said[id].phase if id in said else at
    made = read_campaign(published.body)
    told = CampaignOut(
        **out.model_dump(),
        phase=at,
        reason=reason,
        next_firing=_next_firing(made, snapshot, now),
        messages=(await _totals([id], read)).get(id),
        skips=await _skips(id, read),
        launches=sorted(said.values(), key=lambda launch: launch.id, reverse=True)[:launches_shown],
    )
    headers = {"ETag": f'"{out.version}"'} | ({HEADER: format_instant(read.fresh.watermark)} if read else {})
    return JSONResponse(told.model_dump(mode="json"), 200, headers)


async def _count(id: str, said: dict[str, LaunchOut], read: Reading | None) -> None:
    """Add to each launch what became of its messages. As long as somebody waits, for the end of quiet hours it may be,
    it is not done."""
    if read is None:
        return
    released: dict[str, int] = {}
    for row in await read.rows("campaign_launch_totals", campaign=id):
        found = said.get(row["launch"])
        if found is not None:
            released[found.id] = row["planned"]
            found.messages = _with_waiting(found, Messages(**row))
    for launch in said.values():
        if launch.phase == "done" and launch.audience > released.get(launch.id, 0):
            launch.phase = "running"


async def _skips(id: str, read: Reading | None) -> dict[str, int]:
    rows = await read.rows("campaign_skips", campaign=id) if read else []
    return {row["reason"]: row["messages"] for row in rows}


def _launch_out(launch: Launch, now: int) -> LaunchOut:
    is_release = launch.audience > 0
    messages = Messages(planned=launch.audience, queued=launch.audience)
    return LaunchOut(
        id=launch.id,
        campaign_version=launch.version,
        phase=phase(launch, now),
        reason=launch.reason,
        audience=launch.audience,
        excluded=launch.excluded,
        as_of=from_ms(launch.as_of) if launch.as_of else None,
        begins=from_ms(launch.begins) if is_release else None,
        ends=from_ms(launch.ends) if is_release else None,
        missed=launch.missed,
        messages=messages if is_release else None,
    )


def _with_waiting(launch: LaunchOut, messages: Messages) -> Messages:
    waiting = max(0, launch.audience - messages.planned)
    return messages.model_copy(update={"planned": messages.planned + waiting, "queued": messages.queued + waiting})


def _next_firing(campaign: Campaign, snapshot: Snapshot, now: int) -> AwareDatetime | None:
    if not isinstance(campaign.schedule, Recurring) or not is_launched(snapshot, campaign.id):
        return None
    workspace = snapshot.get("workspace", "default")
    zone = "UTC" if workspace is None else str(workspace.body.get("timezone", "UTC"))
    return from_ms(next_firing(campaign.schedule, now, zone).at)


# --- acts ------------------------------------------------------------------------------------------------------------


class Done(BaseModel):
    """What the campaign is at now."""

    id: str
    phase: str
    audience: int = Field(0, description="how many were frozen, of a broadcast")
    excluded: int = 0
    begins: AwareDatetime | None = None
    ends: AwareDatetime | None = None


def _done(reader: Reader, id: str, now: int) -> Done:
    with reader.open() as catalogue:
        found = next((launch for p, launch in launches(catalogue, id) if p.id == id), None)
        at = campaign_phase(catalogue, id, now)
    if found is None or not found.files:
        return Done(id=id, phase=at)
    begins, ends = from_ms(found.begins), from_ms(found.ends)
    return Done(id=id, phase=at, audience=found.audience, excluded=found.excluded, begins=begins, ends=ends)


def _known(reader: Reader, id: str) -> None:
    """404 where there is no such campaign; 409 where it is a draft still."""
    with reader.open() as catalogue:
        is_known, is_draft = ("campaign", id) in catalogue.versions, ("campaign", id) in catalogue.drafts
    if not is_known and is_draft:
        raise Refusal(f"campaign {id} is a draft: publish it first")
    if not is_known:
        raise HTTPException(404, f"there is no campaign {id}")


@router.post("/v1/campaigns/{id}/launch", responses=_ACT)
async def launch(
    id: str, reader: Reader, launcher: Launcher = Depends(launcher), read: Reading = Depends(reading)
) -> Done:
    """Freeze the audience of a broadcast and release it as scheduled; let the other types begin."""
    _known(reader, id)
    await read.work(lambda ask: launcher.launch(ask, id, BY))
    return _done(reader, id, read.log.now())


def _act(act: str) -> Callable[..., Any]:
    """An endpoint that takes a reason and does what its name says."""

    async def endpoint(
        id: str,
        reader: Reader,
        why: Reason = Reason(),
        launcher: Launcher = Depends(launcher),
        deps: Deps = Depends(deps),
    ) -> Done:
        _known(reader, id)
        await deps.in_thread(getattr(launcher, act), id, why.reason, BY)
        return _done(reader, id, deps.log.now())

    endpoint.__name__ = act
    return endpoint


for _name, _says in (
    ("pause", "Hold back whoever is not released yet; fire and trigger nothing."),
    ("resume", "Go on where the pause has stopped it, at the same rate."),
    ("cancel", "Skip whoever is not released yet, for good."),
):
    router.add_api_route(
        f"/v1/campaigns/{{id}}/{_name}", _act(_name), methods=["POST"], responses=_ACT, description=_says
    )
