"""The conditions of dynamic blocks, `when` in a template: asked of the send's data when it is rendered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from flows.contact.view import MISSING
from flows.segments.compare import Test, compile_test
from schemas.definitions.conditions import (
    And,
    Bucket,
    Condition,
    EntryIs,
    Everyone,
    Not,
    Or,
    Trait,
    leaves,
    parse_condition,
)
from schemas.ids import bucket

Ask: TypeAlias = Callable[[Mapping[str, Any]], bool]


def compile_blocks(when: Mapping[str, Any]) -> dict[str, Ask]:
    """Each condition by its name; raises InvalidInput or ValueError for one that cannot be asked here."""
    return {name: _ask(parse_condition(value, f"when.{name}", "journey")) for name, value in when.items()}


def names(when: Mapping[str, Any]) -> set[str]:
    """The top-level variables that the conditions look at."""
    found: set[str] = set()
    for name, value in when.items():
        for leaf in leaves(parse_condition(value, f"when.{name}", "journey")):
            match leaf:
                case Trait(path=path):
                    found.add(path.partition(".")[0])
                case EntryIs():
                    found.add("entry")
                case Bucket():
                    found.add("contact")
                case _:
                    pass
    return found


def _ask(condition: Condition) -> Ask:
    match condition:
        case And(parts=parts):
            every = [_ask(part) for part in parts]
            return lambda data: all(ask(data) for ask in every)
        case Or(parts=parts):
            some = [_ask(part) for part in parts]
            return lambda data: any(ask(data) for ask in some)
        case Not(part=part):
            ask = _ask(part)
            return lambda data: not ask(data)
        case Trait(path=path, comparison=comparison):
            return _at(path, compile_test(comparison))
        case EntryIs(path=path, comparison=comparison):
            return _at(f"entry.{path.removeprefix('properties.')}", compile_test(comparison))
        case Bucket(low=low, high=high, salt=salt):
            return lambda data: low <= bucket(salt, str(_look(data, ["contact", "id"]) or "")) < high
        case Everyone():
            return lambda _: True
        case _:
            raise ValueError(f"{type(condition).__name__} cannot be asked of a send's data")


def _at(path: str, test: Test) -> Ask:
    keys = path.split(".")
    return lambda data: test(_look(data, keys))


def _look(data: Any, keys: list[str]) -> Any:
    """The value at a path; MISSING where there is none, or null."""
    for key in keys:
        data = data.get(key) if isinstance(data, Mapping) else None
        if data is None:
            return MISSING
    return data
