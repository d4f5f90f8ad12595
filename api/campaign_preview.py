"""What a launch would do now: how many it would reach, whom it would leave out, some of its messages, what speaks
against it. Nothing is written.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field

from api.campaign_audience import Stores, preview, refusals, staleness
from api.contacts import Seen, with_traits
from api.definitions import JsonBody, Reader, find
from api.deps import Deps, deps
from api.reads import Reading, reading
from api.surroundings import Defined, defined
from connectors.publish import newest
from flows.campaigns.references import campaign_faults, read_campaign
from flows.content.lint import PREVIEW
from flows.content.preview import data_of, shown
from flows.content.template import RenderFailed, compile_template, render
from flows.definitions.catalogue import Snapshot
from schemas.definitions.campaign import Campaign
from schemas.errors import InvalidInput
from schemas.times import from_ms

router = APIRouter(tags=["campaigns"])
_KIND: Final = ("campaign",)
_BODY: Final = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


class Sample(BaseModel):
    """One contact's message, by each template that it may get."""

    contact: str
    template: str
    channel: str
    rendered: dict[str, Any] | None
    reason: str = Field(description="why it would be skipped")


class PreviewOut(BaseModel):
    """What a launch would do now, by what is in the warehouse. Nothing is written."""

    at: AwareDatetime
    planned: int
    excluded: int
    reachable: dict[str, int] = Field(description="by channel, of those who are planned")
    reachable_any: int = Field(description="on one of the campaign's channels at least")
    refusals: list[str] = Field(description="why a launch would be refused now")
    samples: list[Sample]


@router.post("/v1/campaigns/preview", openapi_extra=_BODY)
async def preview_draft(
    body: JsonBody,
    reader: Reader,
    read: Reading = Depends(reading),
    defined: Defined = Depends(defined),
    deps: Deps = Depends(deps),
) -> PreviewOut:
    """Of a campaign that need not be published: its audience, and messages to some of it."""
    whole = {"kind": "campaign", "id": "draft"} | body
    campaign = read_campaign(whole)
    with reader.open() as catalogue:
        snapshot = newest(catalogue)
    if faults := campaign_faults(whole, {key: p.body for key, p in snapshot.current.items()}):
        raise InvalidInput(f"campaign {campaign.id}", faults)
    return await _preview(campaign, snapshot, read, defined, deps)


@router.get("/v1/campaigns/{id}/preview", responses={404: {}})
async def preview_standing(
    id: str,
    reader: Reader,
    read: Reading = Depends(reading),
    defined: Defined = Depends(defined),
    deps: Deps = Depends(deps),
) -> PreviewOut:
    """The same of the version that stands."""
    with reader.open() as catalogue:
        published, snapshot = find(catalogue, _KIND, id), newest(catalogue)
    return await _preview(read_campaign(published.body), snapshot, read, defined, deps)


async def _preview(campaign: Campaign, snapshot: Snapshot, read: Reading, defined: Defined, deps: Deps) -> PreviewOut:
    at, published = read.fresh.watermark, list(snapshot.current.values())
    stores = Stores(defined.store.get, defined.past.get)
    found = await read.work(lambda ask: preview(ask, campaign, published, at, stores))
    rows = await read.rows("contacts_seen", contacts=found.sample)
    samples = await deps.in_thread(_samples, campaign, snapshot, await with_traits(rows, read))
    return PreviewOut(
        at=from_ms(at),
        planned=found.planned,
        excluded=found.excluded,
        reachable=found.reachable,
        reachable_any=found.any_channel,
        refusals=[*refusals(campaign, snapshot), *staleness(at, read.log.now())],
        samples=samples,
    )


def _samples(campaign: Campaign, snapshot: Snapshot, people: list[Seen]) -> list[Sample]:
    """Each template for each of the people, on the first of the campaign's channels that has it."""
    snippets = {p.id: p.body for p in snapshot.of("snippet")}
    made = []
    for id in dict.fromkeys(campaign.content.templates().values()):
        held = [(c, p) for c in campaign.content.order if (p := snapshot.get(f"{c}_template", id)) is not None]
        for channel, published in held[:1]:
            template = compile_template(published.body, snippets)
            for seen in people:
                data = data_of(template, seen.contact, seen.traits, {"entry": dict(campaign.content.data)})
                sample = Sample(contact=seen.contact, template=id, channel=channel, rendered=None, reason="")
                try:
                    rendered = render(template, data, str(seen.traits.get("locale") or ""), PREVIEW, track=False)
                    sample.rendered = shown(template, rendered)
                except RenderFailed as fault:
                    sample.reason = str(fault)
                made.append(sample)
    return made
