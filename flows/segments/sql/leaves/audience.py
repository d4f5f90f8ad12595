"""`segment` (a static one), `snapshot`, `score`, `bucket`: what is known of a contact besides its own facts."""

from __future__ import annotations

from flows.segments.sql.compare import number_passes
from flows.segments.sql.compiler import Compiler
from schemas.definitions.condition_tree import Bucket, InSegment, InSnapshot, Score
from schemas.facts import SEGMENT_ADDED, SEGMENT_REMOVED


def static_member(c: Compiler, leaf: InSegment) -> str:
    """The latest by `at` of what added the contact or removed it."""
    acts = (
        f"type IN ('{SEGMENT_ADDED}', '{SEGMENT_REMOVED}')"
        f" AND text({c.property('segment')}) = {c.params.text(leaf.segment)}"
    )
    return c.aggregate(f"argMaxIf(type = '{SEGMENT_ADDED}', (at, place), {acts})")


def in_snapshot(c: Compiler, leaf: InSnapshot) -> str:
    """Frozen into the snapshot."""
    return f"contact IN {c.params.add(sorted(c.given.snapshots.get(leaf.snapshot, ())), 'Array(String)')}"


def score(c: Compiler, leaf: Score) -> str:
    """The score as the fold computed it; without one every comparison is false, and its negation true."""
    scores = c.given.scores.get(leaf.model, {})
    contacts = c.params.add([*scores, ""], "Array(String)")  # an empty array would have no type
    values = c.params.add([*scores.values(), 0.0], "Array(Float64)")
    return number_passes(c, leaf.comparison, f"transform(contact, {contacts}, {values}, nan)", f"contact IN {contacts}")


def in_bucket(c: Compiler, leaf: Bucket) -> str:
    """The contact's place in [0, 100) lies in the bucket; who does is computed by `schemas.ids.bucket`, before."""
    return f"contact IN {c.bucket(leaf)}"
