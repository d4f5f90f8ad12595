"""Stream against batch, on demand."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field

from api.deps import Deps, deps
from api.reads import Reading, reading
from api.surroundings import Defined, defined
from api.verifier import Verifier
from schemas.times import from_ms

router = APIRouter(tags=["operation"])


class Verified(BaseModel):
    """What a comparison found."""

    at: AwareDatetime
    mismatches: int
    failed: int = Field(description="segments that could not be recomputed")
    segments: dict[str, dict[str, Any]] = Field(
        description="stream, batch: how many members each finds; only_stream, only_batch: who is only in one; "
        "or `skipped` or `failed`, with the reason"
    )


@router.post("/v1/verify")
async def verify(
    read: Reading = Depends(reading), defined: Defined = Depends(defined), deps: Deps = Depends(deps)
) -> Verified:
    """Recompute every segment from history, and compare it with what the stream has said."""
    report = await read.work(lambda ask: Verifier(deps.log, ask, defined.store.get, defined.past.get).run())
    return Verified(
        at=from_ms(report.at), mismatches=report.mismatches, failed=len(report.failed), segments=report.as_json()
    )
