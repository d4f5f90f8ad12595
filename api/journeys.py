"""Journeys by hand: who is entered, which runs are moved to another version, what a draft would have done."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from api.definitions import Reader
from api.deps import Deps, deps
from connectors.entering import entering

router = APIRouter(tags=["journeys"])


class EnterIn(BaseModel):
    """Who enters, and with what."""

    model_config = ConfigDict(extra="forbid")
    contact: str = Field(min_length=1, description="the contact's id")
    properties: dict[str, Any] = Field({}, description="what templates, waits and the journey's key see as the entry")
    key: str = Field("", max_length=200, description="entering again with the same key is the same entry, for a day")


class Entered(BaseModel):
    """The record is durable; whether a run begins is the fold's to say (re-entry, holdout, a missing key)."""

    journey: str
    contact: str
    id: str = Field(description="of the `enter` record; the same for the same key")


@router.post("/v1/journeys/{id}/enter", status_code=202, responses={404: {}, 422: {}})
async def enter(
    id: str,
    given: EnterIn,
    reader: Reader,
    deps: Deps = Depends(deps),
    idempotency_key: Annotated[str | None, Header(max_length=200, description="as `key`")] = None,
) -> Entered:
    """Enter a contact through the journey's `api` trigger; answered once durable."""
    key, now = given.key or idempotency_key or "", time.time_ns() // 1_000_000
    try:
        event, entry = await deps.in_thread(entering, reader, id, given.contact, given.properties, key, now)
    except KeyError:
        raise HTTPException(404, f"there is no journey {id!r}") from None
    await deps.append([entry])
    return Entered(journey=id, contact=given.contact, id=event.id)
