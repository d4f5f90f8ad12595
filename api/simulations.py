"""What a journey, or a draft of one, would have done: the retained history through the production fold."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Final, Literal

from fastapi import APIRouter, Depends, HTTPException
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.reads import Reading, reading
from api.surroundings import Defined, defined
from connectors import publish
from connectors.publish import newest
from connectors.surroundings import frozen
from flows.definitions.catalogue import Catalogue, Published
from flows.journeys.answering import Answers, Rates
from flows.journeys.trial import Outcome, Trial, compared
from flows.segments.sql.given import given_by
from schemas.definitions.base import parse
from schemas.definitions.condition_tree import Condition
from schemas.errors import InvalidInput, Violation
from schemas.times import from_ms, to_ms
from sinks.history_query import HistoryQuery

router = APIRouter(tags=["journeys"])
SHOWN: Final = 1_000  # sends, and skips, that an answer names
_one_at_a_time: Final = threading.Lock()


class RatesIn(BaseModel):
    """Shares, 0 to 1: delivered of those sent, opened and clicked of those delivered."""

    model_config = ConfigDict(extra="forbid")
    delivered: float = Field(1.0, ge=0, le=1)
    opened: float = Field(0.0, ge=0, le=1)
    clicked: float = Field(0.0, ge=0, le=1)


class SimulateIn(BaseModel):
    """What is tried, over which part of the history."""

    model_config = ConfigDict(extra="forbid")
    journey: dict[str, Any] | None = Field(None, description="the draft; by default the version that stands")
    draft: bool = Field(False, description="try the draft that was saved")
    definitions: list[dict[str, Any]] = Field([], max_length=100, description="drafts of what it refers to")
    until: AwareDatetime | None = Field(None, description="let time pass until then; by default the watermark")
    outcomes: Literal["measured", "none"] | dict[str, RatesIn] = Field(
        "measured", description="how contacts answer: as measured in the past, not at all, or by channel(/template)"
    )
    against: Literal["live"] | None = Field(None, description="also try what stands, and say the difference")
    share: float = Field(100, gt=0, le=100, description="percent of the contacts, by hash")
    imported: Literal["lived", "imported"] = Field(
        "lived", description="history that was imported: as if it had come when it happened, or as it came"
    )
    samples: int = Field(5, ge=0, le=100, description="runs that are told whole")
    alone: bool = Field(False, description="the other journeys do not run alongside: what they did is in the history")


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
    if not _one_at_a_time.acquire(blocking=False):
        raise HTTPException(409, "a simulation is under way; try again when it is done")
    try:
        at = read.fresh.watermark
        return await read.work(lambda ask: _simulate(id, given, at, defined, HistoryQuery(ask)))
    finally:
        _one_at_a_time.release()


def _simulate(id: str, given: SimulateIn, at: int, defined: Defined, history: HistoryQuery) -> dict[str, Any]:
    with defined.reader.open() as catalogue:
        given = _with_saved(catalogue, id, given)
        live, draft = newest(catalogue).newest("journey", id), _draft(catalogue, id, given)
    if live is None and (given.journey is None or given.against):
        raise HTTPException(404, f"there is no journey {id!r} that stands")
    others = _others(defined.active(at), given)
    _check(defined, given)
    until = at if given.until is None else to_ms(given.until)
    rates = _rates(given, history)
    tried = _Tried(given, others, rates, until, defined, history)
    outcome = tried.run(draft or live)
    found = _shown(outcome) | {"history": _history(given, history, until, rates)}
    return found | ({"against": compared(outcome, tried.run(live))} if given.against else {})


class _Tried:
    """What both sides of a comparison share."""

    def __init__(
        self,
        given: SimulateIn,
        others: list[Published],
        rates: Mapping[str, Rates] | None,
        until: int,
        defined: Defined,
        history: HistoryQuery,
    ):
        self._given, self._others, self._rates, self._until = given, others, rates, until
        self._defined, self._history = defined, history

    def run(self, journey: Published | None) -> Outcome:
        """One version over the whole history."""
        assert journey is not None
        answers = None if self._rates is None else Answers(self._rates)
        snapshots = frozen(self._others, _conditions(self._others), self._defined.store.get)
        places = self._defined.past.get
        trial = Trial(
            journey,
            self._others,
            answers,
            snapshots,
            self._given.samples,
            lambda _, path: places(path),
            self._given.alone,
        )
        self._history.records = 0
        lines = self._history.lines(self._until, self._given.imported == "lived", self._given.share)
        return trial.run(lines, self._until)


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


def _check(defined: Defined, given: SimulateIn) -> None:
    """InvalidInput with every fault of the drafts; a template that is nowhere does not stop a simulation."""
    bodies = [*given.definitions, *([given.journey] if given.journey else [])]
    places = [f"{body.get('kind')} {body.get('id')}" for body in bodies]
    faults = publish.validate(given.definitions, places)
    faults += [v for v in publish.unknown(defined.reader, bodies, places) if not v.path.endswith(".template")]
    if faults:
        raise InvalidInput("the simulation", faults)


def _others(active: list[Published], given: SimulateIn) -> list[Published]:
    drafts = {(body["kind"], body["id"]): body for body in given.definitions if "kind" in body and "id" in body}
    kept = [p for p in active if (p.kind, p.id) not in drafts]
    return kept + [Published(kind, id, 1, body, 0) for (kind, id), body in drafts.items()]


def _conditions(published: list[Published]) -> list[Condition]:
    return [c for c in given_by([p.body for p in published]).segments.values() if c is not None]


def _rates(given: SimulateIn, history: HistoryQuery) -> Mapping[str, Rates] | None:
    if given.outcomes == "none":
        return None
    if given.outcomes == "measured":
        return history.rates()
    return {name: Rates(**rates.model_dump()) for name, rates in given.outcomes.items()}


def _history(given: SimulateIn, history: HistoryQuery, until: int, rates: Mapping[str, Rates] | None) -> dict[str, Any]:
    told = None if rates is None else {name: r._asdict() for name, r in sorted(rates.items())}
    return {"records": history.records, "until": from_ms(until).isoformat(), "share": given.share, "outcomes": told}


def _shown(outcome: Outcome) -> dict[str, Any]:
    summary = outcome.summary
    lists = {name: summary[name][:SHOWN] for name in ("sends", "skips")}
    totals = {f"{name}_total": len(summary[name]) for name in ("sends", "skips")}
    return {**summary, **lists, **totals, **outcome.report, "answers": outcome.answers}
