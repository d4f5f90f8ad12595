"""What a segment or a journey asks of a contact's past: the leaves whose states must be whole before it is current."""

from __future__ import annotations

from flows.campaigns.journey import as_journey
from flows.definitions.catalogue import Published
from flows.journeys.compile import compile_journey
from flows.segments.leaf import EventLeaf, Leaf
from flows.segments.leaves import compile_listed
from flows.segments.leaves.held import Held
from flows.segments.program import Program, compile_condition, single
from schemas.definitions.conditions import parse_condition

_SEGMENT = "segment:"


def programs_of(published: Published) -> list[Program]:
    """The conditions of one version of a segment, journey or triggered campaign; of others none: a launch's audience
    is asked of ClickHouse."""
    if published.kind == "campaign" and published.body["type"] == "triggered":
        published = as_journey(published)
    if published.kind == "journey":
        return [question.program for question in compile_journey(published).questions]
    if published.kind != "segment":
        return []
    where = published.body.get("where")
    return [single(compile_listed(published.id)) if where is None else compile_condition(parse_condition(where))]


def leaves_with_past(published: Published) -> dict[str, Leaf]:
    """The leaves, by id, that keep what the contact did: those over events, and traits that have held for a while."""
    return {
        leaf.id: leaf
        for program in programs_of(published)
        for leaf in program.leaves
        if isinstance(leaf, EventLeaf | Held) and not leaf.in_run
    }


def segments_asked(published: Published) -> set[str]:
    """The ids of the segments that its conditions ask about."""
    keys = {key for program in programs_of(published) for leaf in program.leaves for key in leaf.keys}
    return {key.removeprefix(_SEGMENT) for key in keys if key.startswith(_SEGMENT)}
