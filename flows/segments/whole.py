"""Which segments the stream knows whole: what their leaves ask of events has accumulated for as long as it matters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from flows.contact.active import Active, Definitions
from flows.definitions.catalogue import Snapshot
from flows.segments.leaf import EventLeaf, Leaf
from flows.segments.leaves.facts import InSegment
from flows.segments.leaves.first import First
from flows.segments.leaves.held import Held
from flows.segments.program import compile_condition
from flows.segments.windows import Range
from schemas.definitions.conditions import parse_condition
from schemas.facts import ACCOUNT_TRAITS

_STATING: Final = frozenset({"identify", "group", ACCOUNT_TRAITS})  # what says of traits how they stand
_END: Final = 1 << 62


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
        brought = {id for past in snapshot.pasts for id in past.leaves if id in found}
        found |= {id: found[id]._replace(warmed=True) for id in brought}
    return found


def _warming(snapshot: Snapshot) -> set[str]:
    """The leaves of the segments that warm up: whoever comes to use them later finds them whole."""
    bodies = (p.body for p in snapshot.warming_up("segment"))
    programs = (compile_condition(parse_condition(body["where"])) for body in bodies if "where" in body)
    return {leaf.id for program in programs for leaf in program.leaves}


def young(active: Active, known: Mapping[str, Begun], firsts: Mapping[str, int], at: int) -> dict[str, int]:
    """The segments that may lack a part of their past -> since when the youngest of their leaves has accumulated.

    `firsts`: name of events -> when the first one was logged. Who asks about a young segment is young as well.
    """
    found: dict[str, int] = {}
    for segment in active.segments.segments:  # each behind those that it asks about
        since = [*_short(segment.program.leaves, known, firsts, at), *_through(segment.program.leaves, found)]
        if since:
            found[segment.id] = max(since)
    return found


def _short(leaves: Iterable[Leaf], known: Mapping[str, Begun], firsts: Mapping[str, int], at: int) -> Iterator[int]:
    """The beginnings of the leaves that began too late: after an event that may still count."""
    for leaf in leaves:
        if not isinstance(leaf, EventLeaf | Held):
            continue
        since, warmed = known.get(leaf.id, Begun(at, False))
        if _first(leaf, firsts) < since and not warmed and not _has_passed(leaf, since, at):
            yield since


def _first(leaf: Leaf, firsts: Mapping[str, int]) -> int:
    """When the first event that the leaf looks at was logged; the end of time where there is none."""
    names = {key.removeprefix("event:") for key in leaf.keys if key.startswith("event:")}
    prefixes = tuple(key.removeprefix("event^") for key in leaf.keys if key.startswith("event^"))
    names |= {name for name in firsts if prefixes and name.startswith(prefixes)}
    return min(
        (firsts[name] for name in (_STATING if isinstance(leaf, Held) else names) if name in firsts), default=_END
    )


def _has_passed(leaf: Leaf, since: int, at: int) -> bool:
    """Whether what happened before the instant cannot matter any more. What was first ever matters for ever."""
    window = getattr(leaf, "window", None)
    return isinstance(window, Range) and window.slides and not isinstance(leaf, First) and since + window.closes <= at


def _through(leaves: Iterable[Leaf], young: Mapping[str, int]) -> Iterator[int]:
    for leaf in leaves:
        if isinstance(leaf, InSegment) and leaf.segment in young:
            yield young[leaf.segment]
