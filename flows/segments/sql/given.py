"""What conditions name that events do not tell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flows.segments.ranking import Place
from schemas.definitions.conditions import Condition, parse_condition


class Ranked(NamedTuple):
    """A ranking as it was computed: how many were ranked, contact -> place."""

    ranked: int
    places: Mapping[str, Place]


@dataclass(frozen=True)
class Given:
    """The surroundings of a condition.

    `segments`: id -> condition, None for a static segment. `snapshots`: id -> contacts. `topics`: (channel, topic) ->
    consent where nothing was said. `scores`: model -> contact -> score, as the fold computed them. `rankings`:
    as they were computed last. `zone`: the workspace's.
    """

    segments: Mapping[str, Condition | None] = field(default_factory=dict)
    snapshots: Mapping[str, frozenset[str]] = field(default_factory=dict)
    topics: Mapping[tuple[str, str], str] = field(default_factory=dict)
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    rankings: Mapping[str, Ranked] = field(default_factory=dict)
    zone: str = "UTC"


def given_by(
    bodies: Iterable[Mapping[str, Any]],
    snapshots: Mapping[str, frozenset[str]] | None = None,
    scores: Mapping[str, Mapping[str, float]] | None = None,
) -> Given:
    """The surroundings that definitions make, as they were written and found valid."""
    segments: dict[str, Condition | None] = {}
    topics: dict[tuple[str, str], str] = {}
    zone = "UTC"
    for body in bodies:
        match body["kind"]:
            case "segment":
                segments[body["id"]] = None if body.get("static") else parse_condition(body["where"])
            case "topic":
                topics[body.get("channel", "email"), body["id"]] = body.get("default", "unsubscribed")
            case "workspace":
                zone = body.get("timezone", "UTC")
    return Given(segments, snapshots or {}, topics, scores or {}, zone=zone)
