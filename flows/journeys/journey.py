"""Journeys compiled, one version each: nodes, edges, conditions, and what their triggers are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, assert_never

import msgspec

from flows.contact.scope import Scope
from flows.definitions.catalogue import Published
from flows.journeys.executor import GOAL
from flows.journeys.nodes.action import Send, compile_action
from flows.journeys.nodes.base import Node, Waiting
from flows.journeys.nodes.condition import Condition, compile_condition_node
from flows.journeys.nodes.exit import Exit
from flows.journeys.nodes.split import compile_split
from flows.journeys.nodes.trigger import Trigger
from flows.journeys.nodes.wait import WaitUntilDate, compile_wait, is_wait
from flows.journeys.question import OwnLeaves, Question, ask
from flows.journeys.reentry import Reentry
from flows.journeys.run import Run
from schemas.definitions import actions, nodes, parse, split, waits
from schemas.definitions import triggers as written
from schemas.definitions.graph import Arc, on_cycles
from schemas.definitions.journey import Journey as WrittenJourney
from schemas.records import Event
from schemas.times import parse_duration

EXIT_WHEN = "exit_when"


@dataclass(frozen=True, slots=True)
class Journey:
    """One version.

    `kept` are the parts of an opening event that runs keep; `on` its triggers by their nodes;
    `repeated` are the nodes on a cycle.
    """

    id: str
    version: int
    message_class: Literal["marketing", "transactional"]
    key: str | None
    reentry: Reentry
    holdout: float
    priority: int
    goal: Question | None
    goal_window: int
    exit_when: Question | None
    nodes: Mapping[str, Node]
    waits: Mapping[str, Waiting]
    edges: Mapping[tuple[str, str], str]
    on: Mapping[str, written.AnyOn]
    questions: tuple[Question, ...]
    own: OwnLeaves
    kept: tuple[str, ...]
    repeated: frozenset[str]

    @property
    def ends(self) -> list[Question]:
        """What may end a run, wherever it is."""
        return [question for question in (self.goal, self.exit_when) if question is not None]

    def edge(self, node: str, branch: str) -> tuple[str, str]:
        """The branch that is taken and where it leads; one without an edge of its own takes the node's plain edge."""
        target = self.edges.get((node, branch))
        return (branch, target) if target is not None else ("", self.edges[node, ""])

    def keep(self, event: Event | None) -> dict[str, Any]:
        """What a run keeps of the event that opened it."""
        if event is None:
            return {}
        return {part: value for part in self.kept if (value := getattr(event, part))}

    def end_reason(self, scope: Scope, run: Run) -> str:
        """Why the run ends now; empty where it does not. A run whose goal holds has reached it, whatever else holds."""
        if self.goal is not None and self.goal.holds(scope, run):
            return GOAL
        if self.exit_when is not None and self.exit_when.holds(scope, run):
            return EXIT_WHEN
        return ""


def compile_journey(published: Published) -> Journey:
    """One version, compiled once however often it is asked for."""
    return _compiled(published.id, published.version, msgspec.json.encode(published.body))


@lru_cache(4096)
def _compiled(id: str, version: int, body: bytes) -> Journey:
    made = parse(msgspec.json.decode(body))
    assert isinstance(made, WrittenJourney)
    compiled = {node.id: _node(node, made.key or "") for node in made.nodes}
    on = {node.id: node.on for node in made.nodes if isinstance(node, written.Trigger)}
    goal = None if made.goal is None else ask(made.goal, "run")
    exit_when = None if made.exit_when is None else ask(made.exit_when, "run")
    inner = [q for node in compiled.values() if isinstance(node, Condition) for _, q in node.branches]
    questions = tuple(question for question in (goal, exit_when, *inner) if question is not None)
    return Journey(
        id=id,
        version=version,
        message_class=made.message_class,
        key=made.key,
        reentry=_reentry(made),
        holdout=made.holdout,
        priority=made.priority,
        goal=goal,
        goal_window=0 if goal is None else parse_duration(made.goal_window),
        exit_when=exit_when,
        nodes=compiled,
        waits={id: node for id, node in compiled.items() if is_wait(node) or isinstance(node, Send)},
        edges={(edge.from_, edge.branch): edge.to for edge in made.edges},
        on=on,
        questions=questions,
        own=OwnLeaves(questions),
        kept=_kept(made, compiled),
        repeated=frozenset(on_cycles([Arc(edge.from_, edge.to) for edge in made.edges])),
    )


def _reentry(made: WrittenJourney) -> Reentry:
    after = made.reentry.after
    return Reentry(made.reentry.mode, 0 if after is None else parse_duration(after), made.key is not None)


def _node(node: nodes.AnyNode, key: str) -> Node:
    match node:
        case written.Trigger():
            return Trigger(node.id)
        case nodes.If() | nodes.Branches():
            return compile_condition_node(node)
        case split.Split():
            return compile_split(node)
        case nodes.Exit():
            return Exit(node.id, node.reason)
        case waits.Wait():
            return compile_wait(node, key)
        case actions.Action():
            return compile_action(node)
        case _:
            assert_never(node)


def _kept(made: WrittenJourney, compiled: Mapping[str, Node]) -> tuple[str, ...]:
    """`properties` always, for templates; of the other parts those that the key or a wait names."""
    paths = [made.key or ""]
    paths += [node.path for node in compiled.values() if isinstance(node, WaitUntilDate) and node.of_entry]
    named = {path.partition(".")[0] for path in paths}
    return ("properties", *(part for part in ("traits", "context") if part in named))
