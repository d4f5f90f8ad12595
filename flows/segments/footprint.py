"""What a condition keeps of a contact: bytes a leaf at most, so that what needs too much is refused by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from flows.segments.leaves import compile_leaf
from schemas.definitions.conditions import Condition, Leaf, canonical, leaves, parse_condition
from schemas.errors import Violation

PER_DAY: Final = 20  # events of one leaf's kind that a busy contact has on a day
LIMIT: Final = 2 << 20  # bytes a leaf, where no other is set: a contact's state is one record of the state store


class Footprint(NamedTuple):
    """One leaf, and the bytes of its state at most."""

    leaf: Leaf
    bytes: int


def footprint(condition: Condition, per_day: int = PER_DAY) -> list[Footprint]:
    """Each different leaf, the largest first, for contacts with at most `per_day` of its events a day."""
    found: dict[str, Footprint] = {}
    for leaf in leaves(condition):
        compiled = compile_leaf(leaf)
        found[compiled.id] = Footprint(leaf, compiled.size(per_day))
    return sorted(found.values(), key=lambda f: -f.bytes)


def of_segment(body: Mapping[str, Any]) -> list[Footprint]:
    """The same of a segment that has no fault; of a static one nothing."""
    where = body.get("where")
    return [] if where is None else footprint(parse_condition(where))


def too_large(condition: Condition, per_day: int = PER_DAY, limit: int = LIMIT) -> list[Violation]:
    """A fault for each leaf above the limit, which it names."""
    return [
        Violation("where", f"{canonical(f.leaf).decode()} keeps up to {f.bytes:,} bytes a contact, {limit:,} may be")
        for f in footprint(condition, per_day)
        if f.bytes > limit
    ]
