"""What the routers about segments share: the definitions active at the watermark, and the files of snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, HTTPException, Request
from pydantic import AwareDatetime, BaseModel, Field

from api.definitions import Reader
from api.deps import Deps, deps
from api.hydration import hydration_of
from api.problems import NotYet
from connectors.publish import newest
from connectors.surroundings import active, conditions_reached, surroundings
from flows.definitions.catalogue import Published
from flows.segments.sql.given import Given, given_by
from flows.segments.sql.run import Ask
from schemas.definitions.condition_tree import Condition, rankings
from schemas.definitions.ranking import RESULT
from schemas.times import format_instant, from_ms
from sinks.past_store import PastStore
from sinks.snapshot_store import SnapshotStore


class InBatch(BaseModel):
    """A ranking that a segment asks about: its places are computed for everyone at once, on a schedule."""

    ranking: str
    computed_at: AwareDatetime | None = Field(description="as of when it was computed last; null where it never was")
    next_at: AwareDatetime | None = Field(description="as of when it is computed next")


@dataclass(frozen=True)
class Defined:
    """Reads definitions and the members of snapshots; both block, so it is for threads."""

    reader: Reader
    store: SnapshotStore
    past: PastStore

    def active(self, at: int) -> list[Published]:
        """The versions that are current at the instant."""
        return active(self.reader, at)

    def segment(self, id: str, at: int) -> Published:
        """A segment's version that is current at the instant; 404 where there is none."""
        found = next((p for p in self.active(at) if (p.kind, p.id) == ("segment", id)), None)
        if found is None:
            self.check_whole(id, at)
            raise HTTPException(404, f"there is no segment {id!r}")
        return found

    def check_whole(self, id: str, at: int) -> None:
        """NotYet of a segment that was published and is not current at the instant."""
        with self.reader.open() as catalogue:
            stands, was = newest(catalogue), catalogue.active(at).get("segment", id)
        found = stands.newest("segment", id)
        if found is None or was is not None:
            return
        name = f"segment {id!r} version {found.version} is published, and current"
        if found != stands.warming.get(("segment", id)):
            since = f"from {format_instant(found.since)} on; what is read is as of {format_instant(at)}"
            raise NotYet(f"{name} {since}", {})
        told = hydration_of(self.past, found)
        how_far = f"{told.stage}, {told.done:.0%} of everyone, {told.contacts} contacts with a past"
        raise NotYet(f"{name} once its past is known: {how_far}", {"hydration": told.model_dump()})

    def in_batch(self, conditions: Iterable[Condition], at: int) -> list[InBatch]:
        """The rankings that the conditions ask about, also through other segments."""
        published = self.active(at)
        segments = given_by([p.body for p in published]).segments
        named = set().union(*map(rankings, conditions_reached(segments, conditions)))
        results: dict[str, Mapping[str, Any]] = {p.id: p.body for p in published if p.kind == RESULT}
        return [_in_batch(id, results.get(id)) for id in sorted(named)]

    def place_in(self, partition: int, path: str) -> Mapping[str, bytes]:
        """Contact -> its place in a ranking, encoded."""
        return self.past.get(path)

    def given(self, conditions: Iterable[Condition], at: int, ask: Ask) -> Given:
        """What the conditions name."""
        return surroundings(self.active(at), conditions, at, self.store.get, self.past.get, ask)


def _in_batch(id: str, result: Mapping[str, Any] | None) -> InBatch:
    if result is None:
        return InBatch(ranking=id, computed_at=None, next_at=None)
    return InBatch(ranking=id, computed_at=from_ms(result["at"]), next_at=from_ms(result["next"]))


async def defined(request: Request, reader: Reader, deps: Deps = Depends(deps)) -> Defined:
    """The dependency; one store for the app."""
    store: SnapshotStore | None = getattr(request.app.state, "snapshots", None)
    if store is None:
        store = request.app.state.snapshots = SnapshotStore(deps.settings.files_url)
        request.app.state.past = PastStore(deps.settings.files_url)
    return Defined(reader, store, request.app.state.past)
