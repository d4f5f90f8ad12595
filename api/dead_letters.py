"""What could not be read: listed, looked at, replayed after a fix."""

from __future__ import annotations

from base64 import b64encode
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from pydantic import BaseModel, Field

from api.bodies import read_body
from api.definitions import Reader
from api.deps import Deps, deps
from connectors.crm_mapping import Mapper, mapping_of
from connectors.dead_letters import DeadLetters, Listed
from connectors.reread import reread
from connectors.segment_spec import BATCH_LIMIT
from schemas.errors import InvalidInput, UnreadableRecord, Violation
from schemas.times import format_instant

router = APIRouter(prefix="/v1/dead_letters", tags=["dead letters"])


class DeadLetterOut(BaseModel):
    """One thing that could not be read."""

    id: str
    source: str = Field(description="http:<call>, http:event (one of a batch), crm, import:<file>")
    reason: str = Field(description="the field, and what would be right")
    at: str
    key: str = Field(description="the record's key, where it stood on the log")
    partition: int
    offset: int
    text: str = Field(description="its bytes as text, what is no UTF-8 replaced")
    raw: str = Field(description="its bytes, base64")
    is_replayed: bool


class DeadLetterPage(BaseModel):
    """Some of them, oldest first."""

    items: list[DeadLetterOut]
    next: str | None = Field(description="the cursor of the next page")


class Replayed(BaseModel):
    """What a replay appended."""

    id: str
    records: int


async def letters(request: Request) -> DeadLetters:
    """The index, one for the app."""
    found: DeadLetters = request.app.state.dead_letters
    return found


async def corrected(request: Request) -> bytes | None:
    """The body that is to be read in place of the letter's; none where the request has none."""
    return await read_body(request, BATCH_LIMIT) or None


Letters = Annotated[DeadLetters, Depends(letters)]


def _out(listed: Listed) -> DeadLetterOut:
    letter = listed.letter
    return DeadLetterOut(
        id=letter.id,
        source=letter.source,
        reason=letter.reason,
        at=format_instant(letter.at),
        key=letter.key,
        partition=letter.partition,
        offset=letter.offset,
        text=letter.raw.decode(errors="replace"),
        raw=b64encode(letter.raw).decode(),
        is_replayed=listed.is_replayed,
    )


def _find(letters: DeadLetters, id: str) -> Listed:
    found = letters.get(id)
    if found is None:
        raise HTTPException(404, f"there is no dead letter {id}")
    return found


@router.get("")
def list_letters(
    letters: Letters,
    after: str = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    source: Annotated[str, Query(description="of sources that begin so, as `http:`")] = "",
    waiting: Annotated[bool, Query(description="only those that were not replayed")] = False,
) -> DeadLetterPage:
    """List them, oldest first."""
    if after and not after.isdecimal():
        raise HTTPException(400, f"the cursor {after!r} is none of ours; take `next` of the page before")
    found = letters.page(int(after or -1), limit + 1, source, waiting)
    more = str(found[limit - 1].offset) if len(found) > limit else None
    return DeadLetterPage(items=[_out(each) for each in found[:limit]], next=more)


@router.get("/{id}")
def get_letter(letters: Letters, id: str) -> DeadLetterOut:
    """One of them."""
    return _out(_find(letters, id))


@router.post("/{id}/replay")
async def replay(
    letters: Letters,
    reader: Reader,
    id: str,
    body: Annotated[bytes | None, Depends(corrected)],
    deps: Annotated[Deps, Depends(deps)],
) -> Replayed:
    """Read it again, or the corrected body in its place; 422 where that still cannot be read."""
    return await deps.in_thread(_replay, deps, letters, reader, id, body)


def _replay(deps: Deps, letters: DeadLetters, reader: Reader, id: str, body: bytes | None) -> Replayed:
    letter, now = _find(letters, id).letter, deps.log.now()
    with reader.open() as catalogue:
        mapper = Mapper(mapping_of(catalogue, now))
    try:
        entries = reread(letter, mapper, now, body)
    except UnreadableRecord as refused:
        raise InvalidInput(f"dead letter {id}", [Violation("", str(refused))]) from None
    deps.log.append(entries)
    return Replayed(id=id, records=len(entries) - 1)
