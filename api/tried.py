"""What simulations of journeys and of campaigns share: what is asked, what stands around, over which history."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal

from fastapi import HTTPException
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.surroundings import Defined
from connectors import publish
from flows.campaigns.references import conditions, read_campaign
from flows.contact.replay import Line
from flows.definitions.catalogue import Published
from flows.journeys.answering import Answers, Rates
from schemas.definitions.condition_tree import InSnapshot, leaves
from schemas.definitions.mentions import mentions
from schemas.errors import InvalidInput
from schemas.times import from_ms, to_ms
from sinks.history_query import HistoryQuery

SHOWN: Final = 1_000  # sends, and skips, that an answer names
_one_at_a_time: Final = threading.Lock()


class RatesIn(BaseModel):
    """Shares, 0 to 1: delivered of those sent, opened and clicked of those delivered."""

    model_config = ConfigDict(extra="forbid")
    delivered: float = Field(1.0, ge=0, le=1)
    opened: float = Field(0.0, ge=0, le=1)
    clicked: float = Field(0.0, ge=0, le=1)


class TriedIn(BaseModel):
    """Over which part of the history, and how."""

    model_config = ConfigDict(extra="forbid")
    draft: bool = Field(False, description="try the draft that was saved")
    definitions: list[dict[str, Any]] = Field([], max_length=100, description="drafts of what it refers to")
    until: AwareDatetime | None = Field(None, description="let time pass until then; by default the watermark")
    outcomes: Literal["measured", "none"] | dict[str, RatesIn] = Field(
        "measured", description="how contacts answer: as measured in the past, not at all, or by channel(/template)"
    )
    share: float = Field(100, gt=0, le=100, description="percent of the contacts, by hash")
    imported: Literal["lived", "imported"] = Field(
        "lived", description="history that was imported: as if it had come when it happened, or as it came"
    )
    alone: bool = Field(False, description="the other journeys do not run alongside: what they did is in the history")


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """A simulation takes a core: 409 while there is another."""
    if not _one_at_a_time.acquire(blocking=False):
        raise HTTPException(409, "a simulation is under way; try again when it is done")
    try:
        yield
    finally:
        _one_at_a_time.release()


def check(defined: Defined, drafts: Sequence[dict[str, Any]], tried: dict[str, Any] | None) -> None:
    """InvalidInput with every fault of the drafts; a template that is nowhere does not stop a simulation."""
    bodies = [*drafts, *([tried] if tried else [])]
    places = [f"{body.get('kind')} {body.get('id')}" for body in bodies]
    faults = publish.validate(drafts, places)
    faults += [v for v in publish.unknown(defined.reader, bodies, places) if not v.path.endswith("template")]
    if faults:
        raise InvalidInput("the simulation", faults)


class Past:
    """The history that is tried over, and what stood around: the definitions that are active at `at`, drafts in their
    place. `rates` None: nobody answers."""

    def __init__(self, given: TriedIn, at: int, defined: Defined, history: HistoryQuery):
        self._given, self._defined, self._history = given, defined, history
        self.until = at if given.until is None else to_ms(given.until)
        self.others = _others(defined.active(at), given.definitions)
        self.rates = self._rates()

    def answers(self) -> Answers | None:
        """Those who answer, afresh."""
        return None if self.rates is None else Answers(self.rates)

    def members(self, tried: Published) -> dict[str, frozenset[str]]:
        """The members of every snapshot that a condition names, of what is tried or of what stands around it."""
        named = _snapshots_named([tried, *self.others])
        found = [p for p in self.others if p.kind == "snapshot" and p.id in named]
        return {p.id: self._defined.store.get(str(p.body["file"])) for p in found}

    def places(self, partition: int, path: str) -> Mapping[str, bytes]:
        """A file of a ranking."""
        return self._defined.past.get(path)

    def lines(self) -> Iterable[Line]:
        """The records, in the order of the log."""
        self._history.records = 0
        return self._history.lines(self.until, self._given.imported == "lived", self._given.share)

    def told(self) -> dict[str, Any]:
        """What it was, for the answer."""
        rates = None if self.rates is None else {name: r._asdict() for name, r in sorted(self.rates.items())}
        said = {"records": self._history.records, "until": from_ms(self.until).isoformat()}
        return said | {"share": self._given.share, "outcomes": rates}

    def _rates(self) -> Mapping[str, Rates] | None:
        outcomes = self._given.outcomes
        if outcomes == "none":
            return None
        if outcomes == "measured":
            return self._history.rates()
        return {name: Rates(**rates.model_dump()) for name, rates in outcomes.items()}


def shortened(found: dict[str, Any]) -> dict[str, Any]:
    """The first sends and skips, and how many there are."""
    lists = {name: found[name][:SHOWN] for name in ("sends", "skips")}
    return {**found, **lists, **{f"{name}_total": len(found[name]) for name in ("sends", "skips")}}


def _others(active: list[Published], definitions: Sequence[Mapping[str, Any]]) -> list[Published]:
    drafts = {(body["kind"], body["id"]): body for body in definitions if "kind" in body and "id" in body}
    kept = [p for p in active if (p.kind, p.id) not in drafts]
    return kept + [Published(kind, id, 1, body, 0) for (kind, id), body in drafts.items()]


def _snapshots_named(published: Iterable[Published]) -> set[str]:
    found: set[str] = set()
    for p in published:
        match p.kind:
            case "journey" | "segment":
                found |= {mention.id for mention in mentions(p.body) if mention.kind == "snapshot"}
            case "campaign":
                asked = [leaf for c in conditions(read_campaign(p.body)).values() for leaf in leaves(c)]
                found |= {leaf.snapshot for leaf in asked if isinstance(leaf, InSnapshot)}
            case _:
                pass
    return found
