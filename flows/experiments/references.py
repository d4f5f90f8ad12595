"""What a decision on a split names must be there: the journey, the split, its arms. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from flows.campaigns.journey import PREFIX, as_journey
from flows.definitions.catalogue import Published
from schemas.definitions import parse
from schemas.definitions.campaign import Campaign
from schemas.definitions.journey import Journey
from schemas.definitions.nodes import read_node
from schemas.definitions.split import Split
from schemas.errors import InvalidInput, Violation


def experiment_faults(body: Mapping[str, Any], known: Mapping[tuple[Any, Any], Mapping[str, Any]]) -> list[Violation]:
    """The faults of an `experiment`, by its paths; `known` are bodies by kind and id."""
    journey = _journey(str(body.get("journey")), known)
    if journey is None:
        return [Violation("journey", f"there is no journey {body.get('journey')!r}")]
    split = _split(journey, body.get("node"))
    if split is None:
        return [Violation("node", f"journey {body.get('journey')!r} has no split {body.get('node')!r}")]
    there = split.branches()
    named = [arm.get("name") for arm in body.get("arms", ()) if isinstance(arm, Mapping)]
    return [
        Violation("arms", f"the split has no arm {name!r}; it has {', '.join(there)}")
        for name in named
        if name not in there
    ]


def _journey(id: str, known: Mapping[tuple[Any, Any], Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The body of a journey, or of the one that a campaign runs as; None where it is not there or cannot be read."""
    if not id.startswith(PREFIX):
        return known.get((Journey.KIND, id))
    campaign = known.get((Campaign.KIND, id.removeprefix(PREFIX)))
    if campaign is None:
        return None
    try:
        parse(campaign)
    except InvalidInput:
        return None
    return as_journey(Published(Campaign.KIND, id.removeprefix(PREFIX), 0, campaign, 0)).body


def _split(journey: Mapping[str, Any], id: Any) -> Split | None:
    for node in journey.get("nodes", ()):
        if isinstance(node, Mapping) and node.get("id") == id and node.get("type") == "split":
            try:
                read = read_node(node)
            except ValidationError:
                return None
            return read if isinstance(read, Split) else None
    return None
