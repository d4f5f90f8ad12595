"""Is it up, can it take calls, and its counts for Prometheus. Open to all: nothing here is about anybody."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.deps import Deps, deps

router = APIRouter(tags=["operation"])


@router.get("/health")
async def health() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/ready")
def ready(deps: Deps = Depends(deps)) -> dict[str, str]:
    """The log answers too; 503 where it does not."""
    deps.log.now()
    return {"status": "ready"}


@router.get("/metrics", response_class=Response)
def metrics() -> Response:
    """Counts in Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
