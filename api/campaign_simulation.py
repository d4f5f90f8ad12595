"""What a campaign, or a draft of one, would have done: the retained history through the production fold."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, HTTPException
from pydantic import AwareDatetime, Field

from api.reads import Reading, reading
from api.surroundings import Defined, defined
from api.tried import Past, TriedIn, check, one_at_a_time, shortened
from connectors.publish import newest
from flows.campaigns.references import read_campaign
from flows.campaigns.trial import CampaignTrial
from flows.definitions.catalogue import Catalogue, Published
from schemas.errors import InvalidInput, Violation
from schemas.times import to_ms
from sinks.history_query import HistoryQuery

router = APIRouter(tags=["campaigns"])


class SimulateCampaignIn(TriedIn):
    """What is tried, launched when, over which part of the history."""

    campaign: dict[str, Any] | None = Field(None, description="the draft; by default the version that stands")
    at: AwareDatetime | None = Field(
        None, description="launch it then; by default a broadcast at the watermark, others before the first record"
    )


@router.post("/v1/campaigns/{id}/simulate", responses={404: {}, 409: {}, 422: {}})
async def simulate(
    id: str,
    given: SimulateCampaignIn,
    read: Reading = Depends(reading),
    defined: Defined = Depends(defined),
) -> dict[str, Any]:
    """Who would get it and when, who not and why, sends a day, by zone, channel and template; nothing is written.

    The audience is frozen as of the launch, or of each firing. Journeys run alongside, in place of what they did, so
    that caps count what they send; unless it is tried `alone`. Without `until` time passes until every message that
    waits has gone. `sends` and `skips` name the first 1,000.
    """
    with one_at_a_time():
        at = read.fresh.watermark
        return await read.work(lambda ask: _simulate(id, given, at, defined, HistoryQuery(ask)))


def _simulate(id: str, given: SimulateCampaignIn, at: int, defined: Defined, history: HistoryQuery) -> dict[str, Any]:
    with defined.reader.open() as catalogue:
        campaign = _campaign(catalogue, id, given)
    check(defined, given.definitions, dict(campaign.body))
    past = Past(given, at, defined, history)
    trial = CampaignTrial(campaign, past.others, past.answers(), past.members(campaign), given.alone, past.places)
    launched = None if given.at is None else to_ms(given.at)
    found = trial.run(past.lines(), launched, None if given.until is None else past.until)
    return shortened(found) | {"history": past.told()}


def _campaign(catalogue: Catalogue, id: str, given: SimulateCampaignIn) -> Published:
    """The draft that is given or was saved, else the version that stands."""
    stands = newest(catalogue).newest("campaign", id)
    if given.campaign is None and not given.draft:
        if stands is None:
            raise HTTPException(404, f"there is no campaign {id!r} that stands")
        return stands
    written = given.campaign
    if given.draft:
        saved = catalogue.drafts.get(("campaign", id))
        if saved is None:
            raise HTTPException(404, f"there is no draft of campaign {id!r}")
        written = dict(saved.body)
    body: dict[str, Any] = {"kind": "campaign", "id": id, **(written or {})}
    if body["kind"] != "campaign" or body["id"] != id:
        raise InvalidInput(f"campaign {id}", [Violation("campaign.id", f"must be campaign {id!r}, as in the address")])
    read_campaign(body)
    return Published("campaign", id, catalogue.latest_version("campaign", id) + 1, body, 0)
