"""`journey`: nodes and edges through which a contact runs, who enters, and what ends a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PlainValidator, ValidationError, model_validator

from schemas.definitions.base import Body, Strict, register
from schemas.definitions.conditions import parse_condition, references
from schemas.definitions.graph import Arc, Vertex, graph_faults
from schemas.definitions.node import EntryPath, RunCondition, invalid
from schemas.definitions.nodes import AnyNode, Branches, If, read_node
from schemas.definitions.simple import Duration
from schemas.definitions.split import Split, Watched
from schemas.definitions.triggers import Trigger
from schemas.definitions.waits import WaitForEvent
from schemas.errors import Violation
from schemas.faults import violations_of


class Reentry(Strict):
    """Whether a contact (and key) may enter again, and how long `after` its last end (with `always`: last entry)."""

    mode: Literal["never", "after_exit", "always"] = "after_exit"
    after: Duration | None = None


class Edge(Strict):
    """From a node to the next; without `branch` for every branch that has no edge of its own."""

    from_: str = Field(alias="from")
    to: str
    branch: str = ""


def _read_nodes(raw: Any) -> tuple[AnyNode, ...]:
    if not isinstance(raw, list | tuple):
        raise ValueError("nodes are a list")
    found, faults = [], []
    for i, node in enumerate(raw):
        try:
            found.append(read_node(node))
        except ValidationError as e:
            faults += [Violation(f"{_id_of(node) or i}.{v.path}".rstrip("."), v.message) for v in violations_of(e)]
    if faults:
        raise invalid(faults)
    return tuple(found)


def _id_of(raw: Any) -> str:
    id = raw.get("id") if isinstance(raw, dict) else None
    return id if isinstance(id, str) else ""


def _vertices(raw: Any) -> list[Vertex]:
    """The nodes as their edges see them; of one that is faulty itself no branch is known, so none is missed."""
    found = []
    for node in raw if isinstance(raw, list | tuple) else ():
        try:
            sound = read_node(node)
            found.append(Vertex(sound.id, sound.type, sound.branches(), sound.optional()))
        except ValidationError:
            if id := _id_of(node):
                found.append(Vertex(id, str(node.get("type")), (), None))
    return found


def _unfit(journey: dict[str, Any]) -> list[Violation]:
    """What sound nodes ask of the journey around them, and do not find."""
    faults, arcs = [], _arcs(journey.get("edges"))
    for raw in journey["nodes"] if isinstance(journey.get("nodes"), list | tuple) else ():
        try:
            node = read_node(raw)
        except ValidationError:
            continue
        if isinstance(node, WaitForEvent) and node.match_key and journey.get("key") is None:
            faults.append(Violation(f"nodes.{node.id}.match_key", "the journey has no `key` to match"))
        if isinstance(node, Split) and node.rule is not None:
            faults += _unmeasured(node, node.rule, arcs, journey.get("goal") is not None)
    return faults


def _unmeasured(split: Split, rule: Watched, arcs: list[Arc], has_goal: bool) -> list[Violation]:
    """Why a split's arms could not be told apart, or their success not be known."""
    path, leads = f"nodes.{split.id}", {arc.branch for arc in arcs if arc.source == split.id}
    faults = [
        Violation(path, f"arm {name!r} has no edge of its own, so what becomes of it is not known")
        for name in split.branches()
        if name not in leads
    ]
    if rule.metric == "goal" and not has_goal:
        faults.append(Violation(f"{path}.metric", "the journey has no `goal`"))
    return faults


def _arcs(raw: Any) -> list[Arc]:
    edges = [e for e in raw if isinstance(e, dict)] if isinstance(raw, list | tuple) else []
    return [Arc(str(e.get("from")), str(e.get("to")), str(e.get("branch", ""))) for e in edges]


@register
class Journey(Body):
    """`journey`: who enters (`nodes` of type trigger, `key`, `reentry`, `holdout`), what happens, what ends it.

    Of journeys that act on a contact at one instant the one of the higher `priority` goes first, and so it is the one
    that sends where a frequency cap leaves room for one message. Whoever acts at an earlier instant was first.
    """

    KIND: ClassVar[str] = "journey"
    kind: Literal["journey"]
    message_class: Literal["marketing", "transactional"] = Field("marketing", alias="class")
    key: EntryPath | None = None
    reentry: Reentry = Reentry()
    exit_when: RunCondition | None = None
    goal: RunCondition | None = None
    goal_window: Duration = "30d"
    holdout: float = Field(0, ge=0, le=100, strict=False)
    priority: int = Field(0, ge=-1000, le=1000)
    nodes: Annotated[tuple[AnyNode, ...], PlainValidator(_read_nodes, json_schema_input_type=tuple[AnyNode, ...])]
    edges: tuple[Edge, ...] = Field((), strict=False)

    @model_validator(mode="wrap")
    @classmethod
    def _whole(cls, data: Any, handler: Callable[[Any], Journey]) -> Journey:
        """The faults of the parts and those of the whole, all at once."""
        faults: list[Violation] = []
        try:
            journey = handler(data)
        except ValidationError as e:
            faults = violations_of(e)
        if isinstance(data, dict):
            faults += graph_faults(_vertices(data.get("nodes")), _arcs(data.get("edges")))
            faults += _unfit(data)
        if faults:
            raise invalid(faults)
        return journey

    def segments(self) -> set[str]:
        """The segments that it refers to, in triggers, waits, actions and conditions."""
        named = {getattr(node, "for_segment", None) or getattr(node, "segment", None) for node in self.nodes}
        named |= {getattr(node.on, "segment", None) for node in self.nodes if isinstance(node, Trigger)}
        return {id for id in named if id}.union(*map(_referred, self._conditions()))

    def _conditions(self) -> list[Any]:
        asked = [condition for condition in (self.exit_when, self.goal) if condition is not None]
        asked += [node.if_ for node in self.nodes if isinstance(node, If)]
        return asked + [branch.if_ for node in self.nodes if isinstance(node, Branches) for branch in node.of]


def _referred(condition: Any) -> set[str]:
    return references(parse_condition(condition, scope="run"))
