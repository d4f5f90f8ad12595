"""Runs in flight to another version of their journey: who would move where, then the move, then perhaps back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from api.definitions import BY, Reader
from api.deps import Deps, deps
from api.reads import Reading, reading
from connectors import migrating, publish
from connectors.publish import CatalogueReader
from schemas.definitions.journey_migration import Unmapped
from schemas.errors import InvalidInput
from schemas.times import from_ms

router = APIRouter(tags=["journeys"])
SHOWN: Final = 1_000  # runs that an answer names


class MigrateIn(BaseModel):
    """Either a move (`from`, `to`, `nodes`), or `reverse`, the id of one that is taken back."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    from_: int | None = Field(None, alias="from", ge=1, description="the version whose runs move")
    to: int | None = Field(None, ge=1, description="the version that they move to")
    nodes: dict[str, str] = Field({}, description="where runs are -> where they go on")
    unmapped: Unmapped = Field("stay", description="what becomes of runs elsewhere: they stay on theirs, or exit")
    reverse: str = Field("", description="the migration that is taken back")
    dry_run: bool = Field(False, description="only say who would move where")

    @model_validator(mode="after")
    def _is_one(self) -> MigrateIn:
        if self.reverse and (self.from_ or self.to or self.nodes):
            raise ValueError("`reverse` stands alone: the migration that it names says which versions and nodes")
        if not self.reverse and not (self.from_ and self.to):
            raise ValueError("say `from` and `to`, or what to `reverse`")
        return self


class Moving(BaseModel):
    """A run in flight. `to` is the node that it goes on at; null: it stays, or ends, as `unmapped` says."""

    contact: str
    run: str
    entry: str
    node: str
    to: str | None


class Moved(BaseModel):
    """Runs at one node."""

    node: str
    to: str | None
    runs: int


class Migrated(BaseModel):
    """What moves, as far as is known at the watermark; the fold moves those who are there when it becomes active."""

    id: str | None = Field(description="of the migration, to take it back by; null for a dry run")
    active_from: AwareDatetime | None
    at: AwareDatetime = Field(description="the runs are those in flight at this instant")
    from_: int = Field(alias="from")
    to: int
    unmapped: Unmapped
    runs: int
    nodes: list[Moved]
    sample: list[Moving] = Field(description=f"the runs by contact, at most {SHOWN}")


@router.post("/v1/journeys/{id}/migrate", responses={404: {}, 409: {}, 422: {}})
async def migrate(
    id: str, given: MigrateIn, reader: Reader, read: Reading = Depends(reading), deps: Deps = Depends(deps)
) -> Migrated:
    """Move the runs of one version to another, by a map of nodes; with `dry_run` only list them."""
    body = await deps.in_thread(_body, reader, id, given)
    rows = await read.once("runs_in_flight", journey=id, version=body["from"], moved_by=body.get("reverses", ""))
    since = None if given.dry_run else await deps.in_thread(_publish, reader, body)
    moving = [Moving(**row, to=_goes_to(body, row)) for row in rows]
    return Migrated(
        id=None if given.dry_run else body["id"],
        active_from=None if since is None else from_ms(since),
        at=from_ms(read.fresh.watermark),
        **{"from": body["from"]},
        to=body["to"],
        unmapped=body["unmapped"],
        runs=len(moving),
        nodes=_by_node(moving),
        sample=moving[:SHOWN],
    )


def _body(reader: CatalogueReader, id: str, given: MigrateIn) -> dict[str, Any]:
    """The definition, without a fault."""
    with reader.open() as catalogue:
        if given.reverse:
            body = migrating.reversal(catalogue, id, given.reverse)
        else:
            body = migrating.migration(catalogue, id, given.from_ or 0, given.to or 0, given.nodes, given.unmapped)
    if faults := publish.validate([body]) + publish.unknown(reader, [body]):
        raise InvalidInput(f"the migration of journey {id}", faults)
    return body


def _publish(reader: CatalogueReader, body: Mapping[str, Any]) -> int:
    key = (body["kind"], body["id"])
    publish.publish(reader, [body], BY, {key: 0})
    with reader.open() as catalogue:
        return catalogue.versions[key][1].since


def _goes_to(body: Mapping[str, Any], row: dict[str, Any]) -> str | None:
    """The map's node; a run that is taken back and has not gone on returns to where it was."""
    returns = row.pop("returns_to")
    found: str | None = returns or body["nodes"].get(row["node"])
    return found


def _by_node(moving: list[Moving]) -> list[Moved]:
    counts = Counter((run.node, run.to or "") for run in moving)
    return [Moved(node=node, to=to or None, runs=runs) for (node, to), runs in sorted(counts.items())]
