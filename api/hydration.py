"""What a definition that asks about the past costs, and how far its past is brought."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
from pydantic import BaseModel, Field

from flows.definitions.catalogue import Published
from flows.segments.footprint import Footprint
from flows.segments.leaf import leaf_id
from schemas.definitions.conditions import canonical
from sinks.hydration_journal import progress_of
from sinks.past_store import PastStore


class LeafOut(BaseModel):
    """One leaf of a condition."""

    id: str = Field(description="by which metrics name it")
    leaf: dict[str, Any]
    bytes: int = Field(description="what it keeps of a contact at most")


class MemoryOut(BaseModel):
    """What the fold keeps of each contact for a segment, at most: for those of 20 such events a day."""

    bytes: int
    leaves: list[LeafOut] = Field(description="each different leaf, the largest first")


class HydrationOut(BaseModel):
    """How far the past of a version that warms up is brought."""

    stage: Literal["waiting", "archive", "folding", "settling"] = Field(
        description="waiting: it was not begun yet; archive: ClickHouse does not hold enough; folding: everyone's past;"
        " settling: what was logged last, and merges that are on their way"
    )
    done: float = Field(description="the share of everyone whose past is folded")
    contacts: int = Field(description="those of whom a past was found")


def memory_of(leaves: Sequence[Footprint]) -> MemoryOut:
    """What the leaves keep together."""
    found = [LeafOut(id=leaf_id(f.leaf), leaf=msgspec.json.decode(canonical(f.leaf)), bytes=f.bytes) for f in leaves]
    return MemoryOut(bytes=sum(leaf.bytes for leaf in found), leaves=found)


def hydration_of(files: PastStore, warming: Published) -> HydrationOut:
    """Of a version that warms up."""
    told = progress_of(files, warming.kind, warming.id)
    if told is None:
        return HydrationOut(stage="waiting", done=0, contacts=0)
    return HydrationOut(stage=told.stage, done=told.done, contacts=told.contacts)
