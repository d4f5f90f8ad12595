"""What the routers about segments share: the definitions active at the watermark, and the files of snapshots."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import Depends, HTTPException, Request

from api.definitions import Reader
from api.deps import Deps, deps
from connectors.surroundings import active, surroundings
from flows.definitions.catalogue import Published
from flows.segments.sql.given import Given
from flows.segments.sql.run import Ask
from schemas.definitions.condition_tree import Condition
from sinks.snapshot_store import SnapshotStore


@dataclass(frozen=True)
class Defined:
    """Reads definitions and the members of snapshots; both block, so it is for threads."""

    reader: Reader
    store: SnapshotStore

    def active(self, at: int) -> list[Published]:
        """The versions that are current at the instant."""
        return active(self.reader, at)

    def segment(self, id: str, at: int) -> Published:
        """A segment's version that is current at the instant; 404 where there is none."""
        found = next((p for p in self.active(at) if (p.kind, p.id) == ("segment", id)), None)
        if found is None:
            raise HTTPException(404, f"there is no segment {id!r}")
        return found

    def given(self, conditions: Iterable[Condition], at: int, ask: Ask) -> Given:
        """What the conditions name."""
        return surroundings(self.active(at), conditions, at, self.store.get, ask)


async def defined(request: Request, reader: Reader, deps: Deps = Depends(deps)) -> Defined:
    """The dependency; one store for the app."""
    store: SnapshotStore | None = getattr(request.app.state, "snapshots", None)
    if store is None:
        store = request.app.state.snapshots = SnapshotStore(deps.settings.files_url)
    return Defined(reader, store)
