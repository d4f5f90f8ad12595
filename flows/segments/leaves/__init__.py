"""The leaves of conditions, one module a kind: state, fold, truth, next instant of change, merge."""

from __future__ import annotations

from typing import assert_never

from flows.segments.leaf import Leaf
from flows.segments.leaves import facts, ranked
from flows.segments.leaves.entry import Entry
from flows.segments.leaves.first import First
from flows.segments.leaves.held import Held
from flows.segments.leaves.last import Last
from flows.segments.leaves.listed import Listed
from flows.segments.leaves.message import compile_message
from flows.segments.leaves.performed import compile_performed
from flows.segments.leaves.regularly import Regularly
from flows.segments.leaves.sequence import InOrder
from flows.segments.leaves.trait import Trait
from schemas.definitions import conditions as spec

__all__ = ["compile_leaf", "compile_listed"]


def compile_leaf(leaf: spec.Leaf) -> Leaf:
    """The leaf, compiled."""
    match leaf:
        case spec.Trait():
            return Held(leaf) if leaf.held_for else Trait(leaf)
        case spec.Performed():
            return compile_performed(leaf)
        case spec.FirstPerformed():
            return First(leaf)
        case spec.LastPerformed():
            return Last(leaf)
        case spec.Sequence():
            return InOrder(leaf)
        case spec.Regularly():
            return Regularly(leaf)
        case spec.Message():
            return compile_message(leaf)
        case spec.InSegment():
            return facts.InSegment(leaf)
        case spec.InSnapshot():
            return facts.InSnapshot(leaf)
        case spec.Score():
            return facts.Score(leaf)
        case spec.Percentile():
            return ranked.Percentile(leaf)
        case spec.Rfm():
            return ranked.Rfm(leaf)
        case spec.Consent():
            return facts.Consent(leaf)
        case spec.Reachable():
            return facts.Reachable(leaf)
        case spec.Suppressed():
            return facts.Suppressed(leaf)
        case spec.Bucket():
            return facts.Bucket(leaf)
        case spec.Everyone():
            return facts.Everyone(leaf)
        case spec.EntryIs():
            return Entry(leaf)
        case _:
            assert_never(leaf)


def compile_listed(segment: str) -> Leaf:
    """The leaf of a static segment."""
    return Listed(segment)
