"""Which segments the stream knows whole: what their leaves ask of events has accumulated for as long as it matters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from flows.contact.active import Active, Definitions
from flows.definitions.catalogue import Snapshot
from flows.segments.leaf import EventLeaf, Leaf
from flows.segments.leaves.facts import InSegment
from flows.segments.leaves.first import First
from flows.segments.leaves.held import Held
from flows.segments.program import compile_condition
from flows.segments.windows import Range
from schemas.definitions.conditions import parse_condition


class Begun(NamedTuple):
    """Since when a leaf's states have accumulated, and whether its past was brought to it before it was used."""

    since: int
    warmed: bool


def begun(definitions: Definitions, at: int) -> dict[str, Begun]:
    """Of every leaf over events that is asked at the instant, by id. A leaf that nobody asks any more is forgotten."""
    found: dict[str, Begun] = {}
    for snapshot in definitions.catalogue.between(-1 << 62, at):
        asked = definitions.at(snapshot.since).segments.leafset.leaves
        warming = _warming(snapshot)
        found = {id: found.get(id, Begun(snapshot.since, id in warming)) for id in asked}
    return found


def _warming(snapshot: Snapshot) -> set[str]:
    """The leaves of the segments that warm up: whoever comes to use them later finds them whole."""
    bodies = (p.body for p in snapshot.warming_up("segment"))
    programs = (compile_condition(parse_condition(body["where"])) for body in bodies if "where" in body)
    return {leaf.id for program in programs for leaf in program.leaves}


def young(active: Active, known: dict[str, Begun], first_event: int, at: int) -> dict[str, int]:
    """The segments that may lack a part of their past -> since when the youngest of their leaves has accumulated.

    `first_event` is when the first record was logged. Who asks about a young segment is young as well.
    """
    found: dict[str, int] = {}
    for segment in active.segments.segments:  # each behind those that it asks about
        since = [*_short(segment.program.leaves, known, first_event, at), *_through(segment.program.leaves, found)]
        if since:
            found[segment.id] = max(since)
    return found


def _short(leaves: Iterable[Leaf], known: dict[str, Begun], first_event: int, at: int) -> Iterable[int]:
    """The beginnings of the leaves that began too late: after a record that may still count."""
    for leaf in leaves:
        if not isinstance(leaf, EventLeaf | Held):
            continue
        since, warmed = known.get(leaf.id, Begun(at, False))
        if since > first_event and not warmed and not _has_passed(leaf, since, at):
            yield since


def _has_passed(leaf: Leaf, since: int, at: int) -> bool:
    """Whether what happened before the instant cannot matter any more. What was first ever matters for ever."""
    window = getattr(leaf, "window", None)
    return isinstance(window, Range) and window.slides and not isinstance(leaf, First) and since + window.closes <= at


def _through(leaves: Iterable[Leaf], young: dict[str, int]) -> Iterable[int]:
    for leaf in leaves:
        if isinstance(leaf, InSegment) and leaf.segment in young:
            yield young[leaf.segment]
