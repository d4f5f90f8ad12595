"""The condition language: `parse_condition` makes a tree of a person's JSON, or says everything that is wrong with it.

The tree's structs are those of `schemas.definitions.condition_tree`; import them from here.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as SequenceOf
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from pydantic import AfterValidator, ValidationError
from pydantic.json_schema import WithJsonSchema
from pydantic_core import InitErrorDetails, PydanticCustomError

from schemas.definitions.condition_events import EventMatch
from schemas.definitions.condition_forms import JOURNEY
from schemas.definitions.condition_leaves import FORMS
from schemas.definitions.condition_tree import (
    And,
    Between,
    Bucket,
    Comparison,
    Condition,
    Consent,
    EntryIs,
    EventName,
    Ever,
    Everyone,
    FirstPerformed,
    InSegment,
    InSnapshot,
    LastPerformed,
    Leaf,
    Message,
    Not,
    Or,
    Percentile,
    Performed,
    PropertyIs,
    Reachable,
    Regularly,
    Rfm,
    Score,
    Sequence,
    SinceEntry,
    Sliding,
    Step,
    Suppressed,
    Trait,
    Where,
    Window,
    canonical,
    in_run,
    leaves,
    rankings,
    references,
)
from schemas.definitions.deep import lower
from schemas.errors import InvalidInput, Violation
from schemas.faults import violations_of

__all__ = [
    "IN_JOURNEY",
    "IN_SEGMENT",
    "And",
    "Between",
    "Bucket",
    "Comparison",
    "Condition",
    "ConditionJson",
    "Consent",
    "EntryIs",
    "EventMatch",
    "EventName",
    "Ever",
    "Everyone",
    "FirstPerformed",
    "InSegment",
    "InSnapshot",
    "LastPerformed",
    "Leaf",
    "Message",
    "Not",
    "Or",
    "Percentile",
    "Performed",
    "PropertyIs",
    "Reachable",
    "Regularly",
    "Rfm",
    "Scope",
    "Score",
    "SegmentCondition",
    "Sequence",
    "SinceEntry",
    "Sliding",
    "Step",
    "Suppressed",
    "Trait",
    "Where",
    "Window",
    "canonical",
    "check_condition",
    "in_run",
    "leaves",
    "parse_condition",
    "rankings",
    "readable",
    "references",
]

Scope = Literal["contact", "journey", "run"]
_GROUPS: Final = ("and", "or", "not")
_encode = msgspec.json.encode


class _Node(NamedTuple):
    """A node of the tree before it is built: a group's parts are the nodes from `start` to `end`."""

    group: str
    leaf: Leaf
    start: int = 0
    end: int = 0


def parse_condition(value: Any, path: str = "where", scope: Scope = "contact") -> Condition:
    """The tree of a condition; InvalidInput with every violation, its path below `path` (`where.and.0.op`).

    `scope`: `contact` for segments; `journey` also takes `entry` and `"within": "run"`; in `run` (a journey's exit and
    goal) a leaf over events without a window means since the run's entry.
    """
    # Level by level, so that parts stand behind their group, and next to each other.
    found: list[tuple[Any, str]] = [(value, path)]
    nodes: list[_Node] = []
    faults: list[Violation] = []
    for part, place in found:
        parts = _parts(part, place, faults)
        if parts is None:
            nodes.append(_Node("", _leaf(part, place, scope, faults)))
        else:
            group = next(g for g in _GROUPS if g in part)
            nodes.append(_Node(group, Everyone(), len(found), len(found) + len(parts)))
            found.extend(parts)
    if faults:
        raise InvalidInput(path, faults)
    return _build(nodes)


def readable(value: Any, path: str) -> Iterator[tuple[str, Leaf]]:
    """The leaves of a condition that can be read, each with its path, whatever is wrong with the others."""
    found: list[tuple[Any, str]] = [(value, path)]
    for part, place in found:
        faults: list[Violation] = []
        parts = _parts(part, place, faults)
        if parts is not None:
            found.extend(parts)
            continue
        leaf = _leaf(part, place, "run", faults)
        if not faults:
            yield place, leaf


def _parts(part: Any, path: str, faults: list[Violation]) -> list[tuple[Any, str]] | None:
    """What a group holds, each with its path; None for what is no group."""
    group = next((g for g in _GROUPS if g in part), None) if isinstance(part, dict) else None
    if group is None:
        return None
    if len(part) > 1:
        others = ", ".join(str(key) for key in part if key != group)
        faults.append(Violation(path, f"{group!r} stands alone; put {others} inside it or beside it in a group"))
    inner = part[group]
    if group == "not":
        return [(inner, f"{path}.not")]
    if not isinstance(inner, list | tuple) or not inner:
        faults.append(Violation(f"{path}.{group}", "a group is a list of at least one condition"))
        return []
    return [(p, f"{path}.{group}.{i}") for i, p in enumerate(inner)]


def _leaf(part: Any, path: str, scope: Scope, faults: list[Violation]) -> Leaf:
    """The struct of a leaf; where it has faults, they are noted and something stands in for it."""
    named = [key for key in FORMS if key in part] if isinstance(part, dict) else []
    if len(named) != 1:
        faults.append(Violation(path, _unnamed(part, named)))
        return Everyone()
    try:
        form = FORMS[named[0]].model_validate_json(_encode(part), context={JOURNEY: scope != "contact"})
    except ValidationError as e:
        faults.extend(violations_of(e, f"{path}."))
        return Everyone()
    leaf = form.read()
    if scope == "run" and isinstance(getattr(leaf, "window", None), Ever):
        return msgspec.structs.replace(leaf, window=SinceEntry())
    return leaf


def _unnamed(part: Any, named: SequenceOf[str]) -> str:
    if named:
        return f"one leaf at a time: {' and '.join(named)} stand in one object; put them into an and or an or"
    known = ", ".join((*_GROUPS, *FORMS))
    return f"a condition is an object with one of {known}; this is {_shown(part)}"


def _shown(part: Any) -> str:
    text = repr(part) if not isinstance(part, dict) else f"an object with {', '.join(map(str, part)) or 'nothing'}"
    return text if len(text) <= 80 else text[:77] + "…"


def _build(nodes: list[_Node]) -> Condition:
    """The tree of nodes whose parts stand behind them."""
    built: list[Condition] = [node.leaf for node in nodes]
    for i in range(len(nodes) - 1, -1, -1):
        node = nodes[i]
        match node.group:
            case "and":
                built[i] = And(tuple(built[node.start : node.end]))
            case "or":
                built[i] = Or(tuple(built[node.start : node.end]))
            case "not":
                built[i] = Not(built[node.start])
    return built[0]


def check_condition(value: Any, scope: Scope = "contact") -> Any:
    """For a pydantic field: the value as it was written; ValidationError with every fault below the field's path."""
    value = lower(value)
    try:
        parse_condition(value, "", scope)
    except InvalidInput as e:
        raise ValidationError.from_exception_data("condition", [_detail(v, value) for v in e.violations]) from None
    return value


def _detail(violation: Violation, value: Any) -> InitErrorDetails:
    path = tuple(violation.path.strip(".").split(".")) if violation.path.strip(".") else ()
    fault = PydanticCustomError("condition", "{fault}", {"fault": violation.message})
    return InitErrorDetails(type=fault, loc=path, input=value)


def _of_journey(value: Any) -> Any:
    return check_condition(value, "journey")


# `schemas.definitions.json_schema` puts the language in their places.
IN_SEGMENT: Final = "condition"
IN_JOURNEY: Final = "journey_condition"
SegmentCondition = Annotated[Any, AfterValidator(check_condition), WithJsonSchema({"$comment": IN_SEGMENT})]
ConditionJson = Annotated[Any, AfterValidator(_of_journey), WithJsonSchema({"$comment": IN_JOURNEY})]
