"""Snapshots: a segment's members, frozen into an immutable file and kept as a definition that conditions can name."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, HTTPException, Response
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, Field

from api.csv import CSV, as_csv
from api.deps import Deps, deps
from api.memberships import known
from api.reads import Reading, reading
from api.surroundings import Defined, defined
from connectors import publish
from connectors.publish import newest
from flows.definitions.catalogue import Published
from schemas.definitions.base import Id
from schemas.times import format_instant

router = APIRouter(tags=["segments"])
BY = "api"
_END_OF_TIME = 1 << 62


class SnapshotIn(BaseModel):
    """What the snapshot shall be called."""

    id: Id | None = Field(None, description="by default the segment's id and the instant")
    name: str = Field("", max_length=200)


class SnapshotOut(BaseModel):
    """A snapshot that was taken."""

    id: str
    name: str
    segment: str
    version: int = Field(description="the segment's version whose members these are")
    at: AwareDatetime = Field(description="everything logged before this instant had been counted")
    members: int
    file: str = Field(description="the immutable file with the members, by the hash of its content")


class Snapshots(BaseModel):
    """All snapshots of a segment, the latest first."""

    snapshots: list[SnapshotOut]


def _out(published: Published) -> SnapshotOut:
    return SnapshotOut(**{"name": "", **{k: v for k, v in published.body.items() if k in SnapshotOut.model_fields}})


@router.post("/v1/segments/{segment}/snapshots", status_code=201, responses={404: {}, 409: {}})
async def take(
    segment: str,
    wanted: SnapshotIn = SnapshotIn(),
    read: Reading = Depends(reading),
    defined: Defined = Depends(defined),
    deps: Deps = Depends(deps),
) -> SnapshotOut:
    """Freeze those who are members now. `{"snapshot": id}` then holds for them in any condition."""
    at = read.fresh.watermark
    await known(segment, read, defined)
    rows = await read.once("segment_everyone", segment=segment)
    members = [row["contact"] for row in rows]
    version = await deps.in_thread(_version, defined, segment)
    id = wanted.id or f"{segment[:80]}-{format_instant(at)[:19].replace(':', '')}Z"
    body: dict[str, Any] = {"kind": "snapshot", "id": id, "segment": segment, "version": version}
    body |= {"at": format_instant(at), "members": len(members)} | ({"name": wanted.name} if wanted.name else {})
    body["file"] = await deps.in_thread(defined.store.put, members)  # before the definition that names it
    await deps.in_thread(publish.publish, defined.reader, [body], BY, {("snapshot", id): 0})
    return SnapshotOut(**{"name": "", **body})


def _version(defined: Defined, segment: str) -> int:
    with defined.reader.open() as catalogue:
        found = newest(catalogue).get("segment", segment)
    return found.version if found else 0


@router.get("/v1/segments/{segment}/snapshots", responses={404: {}})
async def snapshots(
    segment: str, read: Reading = Depends(reading), defined: Defined = Depends(defined), deps: Deps = Depends(deps)
) -> Snapshots:
    """The snapshots that were taken of a segment."""
    await known(segment, read, defined)
    published = await deps.in_thread(defined.active, _END_OF_TIME)
    found = [_out(p) for p in published if p.kind == "snapshot" and p.body["segment"] == segment]
    return Snapshots(snapshots=sorted(found, key=lambda snapshot: (snapshot.at, snapshot.id), reverse=True))


@router.get("/v1/snapshots/{id}/members.csv", response_class=Response, responses={200: CSV, 404: {}})
async def export(
    id: str,
    response: Response,
    read: Reading = Depends(reading),
    defined: Defined = Depends(defined),
    deps: Deps = Depends(deps),
) -> StreamingResponse:
    """The members of a snapshot as CSV."""
    published = await deps.in_thread(defined.active, _END_OF_TIME)
    found = next((p for p in published if (p.kind, p.id) == ("snapshot", id)), None)
    if found is None:
        raise HTTPException(404, f"there is no snapshot {id!r}")
    members = await deps.in_thread(defined.store.get, str(found.body["file"]))
    return as_csv(f"{id}.csv", ("contact",), ((contact,) for contact in sorted(members)), response)
