"""What a journey, or a draft of one, would have done: the retained history through the production fold."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, Depends, HTTPException
from pydantic import Field

from api.reads import Reading, reading
from api.surroundings import Defined, defined
from api.tried import Past, TriedIn, check, one_at_a_time, shortened
from connectors.publish import newest
from flows.definitions.catalogue import Catalogue, Published
from flows.journeys.trial import Outcome, Trial, compared
from schemas.definitions.base import parse
from schemas.errors import InvalidInput, Violation
from sinks.history_query import HistoryQuery

router = APIRouter(tags=["journeys"])


class SimulateIn(TriedIn):
    """What is tried, over which part of the history."""

    journey: dict[str, Any] | None = Field(None, description="the draft; by default the version that stands")
    against: Literal["live"] | None = Field(None, description="also try what stands, and say the difference")
    samples: int = Field(5, ge=0, le=100, description="runs that are told whole")


@router.post("/v1/journeys/{id}/simulate", responses={404: {}, 409: {}, 422: {}})
async def simulate(
    id: str,
    given: SimulateIn,
    read: Reading = Depends(reading),
    defined: Defined = Depends(defined),
) -> dict[str, Any]:
    """Entries, visits, edges, ends, sends, skips, durations and sample runs; one simulation at a time.

    The definitions that stand are active from before the first record. The other journeys run alongside, in place of
    what they did, so that caps count what they send; unless it is tried `alone`. Campaigns do not run a second time:
    what they did is part of the history. `sends` and `skips` name the first 1,000.
    """
    with one_at_a_time():
        at = read.fresh.watermark
        return await read.work(lambda ask: _simulate(id, given, at, defined, HistoryQuery(ask)))


def _simulate(id: str, given: SimulateIn, at: int, defined: Defined, history: HistoryQuery) -> dict[str, Any]:
    with defined.reader.open() as catalogue:
        given = _with_saved(catalogue, id, given)
        live, draft = newest(catalogue).newest("journey", id), _draft(catalogue, id, given)
    if live is None and (given.journey is None or given.against):
        raise HTTPException(404, f"there is no journey {id!r} that stands")
    check(defined, given.definitions, given.journey)
    past = Past(given, at, defined, history)
    outcome = _tried(past, draft or live, given)
    found = shortened({**outcome.summary, **outcome.report, "answers": outcome.answers}) | {"history": past.told()}
    return found | ({"against": compared(outcome, _tried(past, live, given))} if given.against else {})


def _tried(past: Past, journey: Published | None, given: SimulateIn) -> Outcome:
    """One version over the whole history."""
    assert journey is not None
    members = past.members(journey)
    trial = Trial(journey, past.others, past.answers(), members, given.samples, past.places, given.alone)
    return trial.run(past.lines(), past.until)


def _with_saved(catalogue: Catalogue, id: str, given: SimulateIn) -> SimulateIn:
    """The draft that was saved, where it is asked for."""
    if not given.draft:
        return given
    saved = catalogue.drafts.get(("journey", id))
    if saved is None:
        raise HTTPException(404, f"there is no draft of journey {id!r}")
    return given.model_copy(update={"journey": dict(saved.body)})


def _draft(catalogue: Catalogue, id: str, given: SimulateIn) -> Published | None:
    """The draft, as the version that it would be."""
    if given.journey is None:
        return None
    body = {"kind": "journey", "id": id, **given.journey}
    if body["kind"] != "journey" or body["id"] != id:
        raise InvalidInput(f"journey {id}", [Violation("journey.id", f"must be journey {id!r}, as in the address")])
    parse(body)
    return Published("journey", id, catalogue.latest_version("journey", id) + 1, body, 0)
