"""What definitions that become active change about the segments: worked out once, then applied to every contact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from flows.segments.blank import Blank, asks
from flows.segments.engine import Segment, SegmentSet
from flows.segments.leaf import Leaf

_ANY = 0  # an instant, for what does not depend on the time


@dataclass(frozen=True, slots=True)
class Renewal:
    """`begun`: the leaves that were not there before. `places`: of the segments that are new, or have another version.

    It has something to see for whoever is a member of a segment in `held`, or of whom a leaf in `held` or `asked` has
    seen something: what was there before, and what the changed segments ask. If `is_silent`, for nobody else.
    """

    begun: tuple[Leaf, ...]
    places: frozenset[int]
    held: frozenset[str]
    asked: frozenset[str]
    is_silent: bool

    @classmethod
    def between(cls, before: SegmentSet, now: SegmentSet) -> Self:
        """What differs between the segments until an activation and those from then on."""
        begun = tuple(leaf for id, leaf in now.leafset.leaves.items() if id not in before.leafset.leaves)
        places = frozenset(place for place, s in enumerate(now.segments) if _differs(before.by_id.get(s.id), s))
        changed = [now.segments[place] for place in sorted(places)]
        gone = before.leafset.leaves.keys() - now.leafset.leaves.keys()
        ended = {id for id, s in before.by_id.items() if id not in now.by_id or _differs(s, now.by_id[id])}
        return cls(
            begun=begun,
            places=places,
            held=frozenset(gone | ended),
            asked=frozenset(leaf.id for s in changed for leaf in s.program.leaves),
            is_silent=all(map(_is_silent, begun)) and all(map(_holds_for_nobody, changed)),
        )


def _differs(before: Segment | None, now: Segment) -> bool:
    return before is None or before.version != now.version


def _is_silent(leaf: Leaf) -> bool:
    """Whether only events can turn the leaf: before the first, its truth is the same for all, at any time."""
    return not leaf.asks_around and not asks(leaf, Blank())


def _holds_for_nobody(segment: Segment) -> bool:
    leaves_are_silent = all(_is_silent(leaf) for leaf in segment.program.leaves)
    return leaves_are_silent and not segment.program.holds({}, Blank(), _ANY)
