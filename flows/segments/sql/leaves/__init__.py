"""A leaf of the condition language as SQL: one small module each, `truth(compiler, leaf)`."""

from __future__ import annotations

from typing import Final, assert_never

from flows.segments.sql.compiler import Compiler
from flows.segments.sql.leaves import audience, message, performed, position, ranked, reach, regularly, sequence, trait
from schemas.definitions import condition_tree as tree
from schemas.errors import InvalidInput, Violation

ONLY_IN_JOURNEYS: Final = "`entry` has a meaning in journeys only"


def truth(c: Compiler, leaf: tree.Leaf) -> str:
    """Whether the leaf holds for a contact."""
    match leaf:
        case tree.Trait():
            return trait.truth(c, leaf)
        case tree.Performed():
            return performed.truth(c, leaf)
        case tree.FirstPerformed():
            return position.first(c, leaf)
        case tree.LastPerformed():
            return position.last(c, leaf)
        case tree.Sequence():
            return sequence.truth(c, leaf)
        case tree.Regularly():
            return regularly.truth(c, leaf)
        case tree.Message():
            return message.truth(c, leaf)
        case tree.InSegment():
            return audience.static_member(c, leaf)
        case tree.InSnapshot():
            return audience.in_snapshot(c, leaf)
        case tree.Score():
            return audience.score(c, leaf)
        case tree.Percentile():
            return ranked.percentile(c, leaf)
        case tree.Rfm():
            return ranked.rfm(c, leaf)
        case tree.Bucket():
            return audience.in_bucket(c, leaf)
        case tree.Consent():
            return reach.consent(c, leaf)
        case tree.Reachable():
            return reach.reachable(c, leaf)
        case tree.Suppressed():
            return reach.suppressed(c, leaf.channel)
        case tree.Everyone():
            return "1"
        case tree.EntryIs():
            raise InvalidInput("condition", [Violation("entry", ONLY_IN_JOURNEYS)])
        case _:
            assert_never(leaf)
