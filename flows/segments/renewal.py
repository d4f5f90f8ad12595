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
    """`begun`: the leaves that were not there before. `changed`: the segments that are new, or have another version.

    `is_silent`: it says nothing to a contact of whom none of those leaves and segments has seen anything.
    """

    begun: tuple[Leaf, ...]
    changed: tuple[Segment, ...]
    places: frozenset[int]
    is_silent: bool

    @classmethod
    def between(cls, before: SegmentSet, now: SegmentSet) -> Self:
        """What differs between the segments until an activation and those from then on."""
        begun = tuple(leaf for id, leaf in now.leafset.leaves.items() if id not in before.leafset.leaves)
        places = frozenset(place for place, s in enumerate(now.segments) if _differs(before.by_id.get(s.id), s))
        changed = tuple(now.segments[place] for place in sorted(places))
        gone = before.by_id.keys() - now.by_id.keys() or before.leafset.leaves.keys() - now.leafset.leaves.keys()
        is_silent = (
            not gone
            and all(_is_silent(leaf) for leaf in begun)
            and all(s.id not in before.by_id and _holds_for_nobody(s) for s in changed)
        )
        return cls(begun, changed, places, is_silent)


def _differs(before: Segment | None, now: Segment) -> bool:
    return before is None or before.version != now.version


def _is_silent(leaf: Leaf) -> bool:
    """Whether only events can turn the leaf: before the first, its truth is the same for all, at any time."""
    return not leaf.asks_around and not asks(leaf, Blank())


def _holds_for_nobody(segment: Segment) -> bool:
    leaves_are_silent = all(_is_silent(leaf) for leaf in segment.program.leaves)
    return leaves_are_silent and not segment.program.holds({}, Blank(), _ANY)
