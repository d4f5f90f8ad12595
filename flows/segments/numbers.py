"""Of which properties of which events a leaf asks a number: where another value stands, the leaf is false."""

from __future__ import annotations

from typing import NamedTuple

from flows.segments.compare import NUMERIC
from schemas.definitions.condition_tree import (
    EventName,
    FirstPerformed,
    LastPerformed,
    Leaf,
    Performed,
    Regularly,
    Sequence,
    Where,
)

_NUMERIC_MEASURES = ("sum", "avg", "min", "max")


class Asked(NamedTuple):
    """A property, by its dotted path, and the events whose it is."""

    event: EventName
    property: str


def numbers_asked(leaf: Leaf) -> list[Asked]:
    """Each property of which the leaf asks a number, in its order, once."""
    found: list[Asked] = []
    match leaf:
        case Performed(event, where):
            found = _in(event, where)
            if leaf.measure in _NUMERIC_MEASURES:
                found.append(Asked(event, leaf.property))
        case LastPerformed(event, where, has):
            found = _in(event, (*where, *has))
        case FirstPerformed(event, where):
            found = _in(event, where)
        case Regularly():
            found = _in(leaf.event, leaf.where)
        case Sequence(steps):
            found = [asked for step in steps for asked in _in(step.event, step.where)]
        case _:  # it asks about no event's properties
            pass
    return list(dict.fromkeys(found))


def _in(event: EventName, where: Where) -> list[Asked]:
    return [Asked(event, part.property) for part in where if part.comparison.op in NUMERIC]
