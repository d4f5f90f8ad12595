"""Who would be in a segment, before it is published: nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import AwareDatetime, BaseModel, Field

from api.contacts import Seen, with_traits
from api.definitions import JsonBody
from api.hydration import MemoryOut, memory_of
from api.reads import Reading, reading
from api.surroundings import Defined, InBatch, defined
from connectors.publish import newest
from flows.definitions.catalogue import Published
from flows.segments.footprint import footprint
from flows.segments.order import refuse_cycles
from flows.segments.sql.audience import audience
from flows.segments.sql.given import given_by
from schemas.definitions.base import parse
from schemas.definitions.condition_tree import Condition, references
from schemas.definitions.conditions import parse_condition
from schemas.definitions.mentions import of_condition
from schemas.errors import InvalidInput, Violation
from schemas.times import from_ms

router = APIRouter(tags=["segments"])
DRAFT: Final = "draft"  # the id of a segment that has none yet
_BODY: Final = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


class Preview(BaseModel):
    """Who fits, by what is in the warehouse."""

    at: AwareDatetime = Field(description="everything logged before was counted, and this is the time of windows")
    members: int
    reachable: dict[str, int] = Field(description="how many of them on each channel")
    sample: list[Seen] = Field(description="some of them, drawn at random")
    memory: MemoryOut = Field(description="what the fold would keep of each contact for it")
    in_batch: list[InBatch] = Field(description="what of the condition is computed on a schedule")


@router.post("/v1/segments/preview", openapi_extra=_BODY)
async def preview(body: JsonBody, read: Reading = Depends(reading), defined: Defined = Depends(defined)) -> Preview:
    """Count those for whom a condition holds, or who would be in a segment: the body is either."""
    at = read.fresh.watermark
    condition = _condition(body, defined.active(at))
    found = await read.work(lambda ask: audience(ask, condition, at, defined.given([condition], at, ask)))
    rows = await read.rows("contacts_seen", contacts=found.sample)
    sample = await with_traits(rows, read)
    memory = memory_of(footprint(condition))
    in_batch = await read.work(lambda ask: defined.in_batch([condition], at))
    counts = {"members": found.members, "reachable": found.reachable}
    return Preview(at=from_ms(at), sample=sample, memory=memory, in_batch=in_batch, **counts)


@router.get("/v1/segments/{segment}/preview", responses={404: {}})
async def preview_of(
    segment: str,
    draft: Annotated[bool, Query(description="the draft; else the version that stands")] = False,
    read: Reading = Depends(reading),
    defined: Defined = Depends(defined),
) -> Preview:
    """Who would be in the segment by its draft, or by its condition as it stands."""
    with defined.reader.open() as catalogue:
        stands, saved = newest(catalogue).newest("segment", segment), catalogue.drafts.get(("segment", segment))
    found = saved if draft else stands
    if found is None:
        raise HTTPException(404, f"there is no {'draft of ' if draft else ''}segment {segment!r}")
    return await preview(dict(found.body), read, defined)


def _condition(body: Mapping[str, Any], published: list[Published]) -> Condition:
    """What the body asks; InvalidInput with every fault, also where it names what does not stand."""
    is_segment = "where" in body or "kind" in body
    whole = {"kind": "segment", "id": DRAFT, **body} if is_segment else {"kind": "segment", "id": DRAFT, "where": body}
    place = "where" if is_segment else ""
    faults: list[Violation] = []
    try:
        if is_segment:
            parse(whole)
        else:
            parse_condition(dict(body), place)
    except InvalidInput as invalid:
        faults += invalid.violations
    faults += _unknown(whole.get("where"), place, published)
    what = f"segment {whole['id']}" if is_segment else "the condition"
    if not faults and whole.get("static"):
        faults.append(Violation("static", "nobody was added to it yet; give it a condition"))
    if faults:  # a path begins in the body
        raise InvalidInput(what, [Violation(v.path.lstrip("."), v.message) for v in faults])
    condition = parse_condition(whole["where"])
    segments = given_by([p.body for p in published]).segments
    asks = {other: references(c) for other, c in segments.items() if c is not None}
    refuse_cycles({**asks, str(whole["id"]): references(condition)})
    return condition


def _unknown(where: Any, place: str, published: list[Published]) -> list[Violation]:
    """What of that which the condition names does not stand."""
    stands = {(p.kind, p.id) for p in published}
    named = () if where is None else of_condition(place, where)
    return [Violation(m.path, f"there is no {m.kind} {m.id!r}") for m in named if (m.kind, m.id) not in stands]
