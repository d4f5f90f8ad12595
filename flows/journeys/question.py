"""Conditions of a journey: some leaves look at the contact, some at one run alone.

What looks at the contact accumulates with the segments' leaves. What looks at a run is kept in the run, from its entry
on: leaves that mean "since the run's entry", values of the entry, and messages of this run by node.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from flows.contact.scope import Scope
from flows.contact.view import ContactView
from flows.delivery.planning import Intent, send_id
from flows.journeys.matching import Names
from flows.journeys.run import Run
from flows.segments import engine
from flows.segments.leaf import Leaf, leaf_id
from flows.segments.leafset import LeafSet, LeafStates
from flows.segments.program import Decision, Program, compile_condition
from schemas.definitions import conditions as spec
from schemas.records import Event


@dataclass(frozen=True, slots=True)
class Question:
    """A condition that is asked of a run."""

    tree: spec.Condition
    program: Program
    contact_leaves: frozenset[str]

    def holds(self, scope: Scope, run: Run) -> bool:
        """Whether it holds for the run now."""
        return engine.holds(scope, self.program, run.leaves)


class RunMessage(Leaf):
    """A leaf `message` that names a node and no journey, of this run's messages alone: folds fewer events, equally."""

    def __init__(self, inner: Leaf):
        super().__init__(f"run:{inner.id}", inner.keys, in_run=True)
        self._inner = inner

    def observe(self, state: Any, event: Event, at: int) -> Any:
        """As of any message."""
        return self._inner.observe(state, event, at)

    def truth(self, state: Any, view: ContactView, at: int) -> bool:
        """As of any message."""
        return self._inner.truth(state, view, at)

    def next_change(self, state: Any, view: ContactView, at: int) -> int | None:
        """As of any message."""
        return self._inner.next_change(state, view, at)


def ask(condition: Any, scope: Literal["journey", "run"] = "journey") -> Question:
    """The question of a condition as a person wrote it; in scope `run` events count from the run's entry on."""
    tree = spec.parse_condition(condition, "if", scope)
    of_run = {leaf_id(leaf) for leaf in spec.leaves(tree) if isinstance(leaf, spec.Message) and _names_node_alone(leaf)}
    program = _with_run_messages(compile_condition(tree), of_run)
    return Question(tree, program, frozenset(leaf.id for leaf in program.leaves if not leaf.in_run))


def _names_node_alone(leaf: spec.Message) -> bool:
    named = dict(leaf.filters)
    return "node" in named and "journey" not in named


def _with_run_messages(program: Program, of_run: set[str]) -> Program:
    if not of_run:
        return program
    return Program(
        [Decision(RunMessage(d.leaf) if d.leaf.id in of_run else d.leaf, d.yes, d.no) for d in program.decisions]
    )


class OwnLeaves:
    """The leaves of a journey's questions that look at one run. `names`: the events that they listen to."""

    def __init__(self, questions: Iterable[Question]):
        self._leafset = LeafSet((question.program for question in questions), in_run=True)
        keys = {key for leaf in self._leafset.leaves.values() for key in leaf.keys}
        self.names = Names.of_keys(keys)
        self.reads_traits = any(key.startswith("trait:") for key in keys)

    def begin(self, scope: Scope) -> LeafStates | None:
        """The states of a run that the scope's record opens; None where nothing is asked of runs alone."""
        if not self._leafset.leaves:
            return None
        states = LeafStates()
        states.begin(self._leafset, scope.event, scope.view, scope.at)
        return states

    def carry_over(self, scope: Scope, held: LeafStates | None) -> LeafStates | None:
        """The states of a run that comes from another version: what the same leaves have seen stays, others begin now.

        What only the other version asks for is kept as it is, in case that the run goes back.
        """
        if not self._leafset.leaves and held is None:
            return None
        states = LeafStates()
        states.begin(self._leafset, None, scope.view, scope.at)
        if held is not None:
            states.states |= held.states
            states.refresh(self._leafset.leaves.values(), scope.view, scope.at)
        return states

    def observe(self, scope: Scope, run: Run) -> None:
        """Take in a record that was logged after the entry and did not happen before it, and the time that passed."""
        states, event = run.leaves, scope.event
        if states is None:
            return
        if event is not None and event.at < run.entered:
            event = None
        touched = self._leafset.touched(event, scope.keys)
        if event is not None and not _is_of_run(event, scope.contact, run):
            touched = [leaf for leaf in touched if not isinstance(leaf, RunMessage)]
        states.take(touched, event, scope.view, scope.at)
        states.wake(self._leafset, scope.view, scope.at)


def _is_of_run(event: Event, contact: str, run: Run) -> bool:
    """Whether the message is one of the run's: the id of its send says so.

    An outcome that a person wrote into a file has none: it is of every run of its journey that came by the node.
    """
    told = event.properties
    node, send = told.get("node"), told.get("send")
    visits = run.visits.get(node, 0) if isinstance(node, str) else 0
    if send is None:
        return visits > 0 and told.get("journey", run.journey) == run.journey
    own = [(contact, run.id), *run.earlier]
    return any(send == _send_of(run, *of, str(node), visit) for of in own for visit in range(visits))


def _send_of(run: Run, contact: str, id: str, node: str, occurrence: int) -> str:
    return send_id(contact, Intent(run.journey, run.version, id, run.entry, node, occurrence, (), ""))
