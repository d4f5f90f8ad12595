"""Which conditions a template may ask when it is rendered: those that the send's own data answers."""

from __future__ import annotations

from typing import Any, Final

from schemas.definitions.conditions import Bucket, EntryIs, Everyone, Leaf, Trait, leaves, parse_condition

_OF_TIME: Final = frozenset({"before", "after", "within_last", "within_next", "anniversary"})


def check_rendered(value: Any) -> Any:
    """The condition as it is; ValueError where it asks for more than traits, the entry and the contact's bucket."""
    for leaf in leaves(parse_condition(value, "", "journey")):
        if fault := _fault(leaf):
            raise ValueError(f"{fault}; a template is rendered from its send's data: ask this in a journey's branch")
    return value


def _fault(leaf: Leaf) -> str:
    match leaf:
        case Trait(held_for=held) if held:
            return "`for` asks for a trait's history"
        case Trait(comparison=c) | EntryIs(comparison=c) if c.op in _OF_TIME:
            return f"{c.op!r} asks for the time"
        case Trait() | EntryIs() | Everyone() | Bucket():
            return ""
        case _:
            return f"{type(leaf).__name__!r} asks for more than traits, entry and bucket"
