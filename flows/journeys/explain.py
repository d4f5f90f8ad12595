"""Why a contact's runs of a journey went as they did, where they are, what wakes them next and what would end them.

The contact's records go through the production fold under the definitions of then; at each visit to a node the question
that is asked there is explained on the state of that very moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from flows.contact.active import Definitions
from flows.contact.replay import alone
from flows.contact.scope import Scope
from flows.contact.section import Contact
from flows.contact.subject import Subject
from flows.journeys.executor import GOAL, WAITING
from flows.journeys.journey import EXIT_WHEN, Journey
from flows.journeys.nodes.condition import Condition
from flows.journeys.nodes.wait import WaitForEvent, WaitForSegment, WaitUntilDate
from flows.journeys.question import Question
from flows.journeys.run import SECTION, Run, opened_value
from flows.segments import engine as segments
from flows.segments.explain import Case, explain_condition
from flows.segments.leaf import leaf_id
from flows.segments.leafset import LeafStates
from schemas.records import Change, Entry, Event, Record, decode_change, decode_event
from schemas.times import format_instant
from schemas.topics import CHANGES

_RUN_KINDS: Final = (
    "journey_entered",
    "journey_step",
    "journey_moved",
    "journey_exited",
    "journey_converted",
    "send_skipped",
)


class RunsExplained:
    """`explain` of one contact and one journey; `runs` and `refused` are JSON, in the order of the log."""

    def __init__(self, definitions: Definitions, partition: int, contact: str, journey: str, records: Sequence[Record]):
        self._definitions, self._contact, self._journey = definitions, contact, journey
        self._where, self._records = partition, records
        self._events = [(record.logged_at, decode_event(record.value)) for record in records]
        self._asked: dict[tuple[str, str, int], list[dict[str, Any]]] = {}  # (run, node, instant) -> branches
        self._woken: dict[tuple[str, str, int], dict[str, Any]] = {}  # the same -> by what it left a wait
        self._step_ids: set[str] = set()

    def explain(self, at: int) -> dict[str, Any]:
        """`runs`: each with its `steps`, its end or where it is; `refused`: entries that were not let in; `steps`."""
        effects: list[Entry] = []
        state = alone(self._definitions, self._where, self._contact, self._records, at, effects, self._watch)
        said = [decode_change(entry.value) for entry in effects if entry.topic == CHANGES]
        mine = [change for change in said if change.journey == self._journey]
        by_run = sorted((c for c in mine if c.run and c.kind in _RUN_KINDS), key=lambda c: c.run)
        told = {run: list(changes) for run, changes in groupby(by_run, key=lambda c: c.run)}
        entered = [c for c in mine if c.kind == "journey_entered"]
        self._step_ids = {c.id for c in mine if c.kind == "journey_step"}
        return {
            "runs": [self._run(first, told[first.run], state, at) for first in entered],
            "refused": [_refused(c) for c in mine if c.kind == "journey_refused"],
        }

    @property
    def step_ids(self) -> set[str]:
        """The ids of the steps that the replay said: those that are recorded, where nothing is amiss."""
        return self._step_ids

    def _watch(self, scope: Scope, run: Run, comes: bool) -> None:
        if run.journey != self._journey:
            return
        place = run.id, run.node, scope.at
        node = scope.active.journeys.of(run).nodes[run.node]
        if not comes:
            self._woken[place] = _cause(scope, run)
        elif isinstance(node, Condition):
            self._asked[place] = [self._branch(scope, run, name, question) for name, question in node.branches]

    def _branch(self, scope: Scope, run: Run, name: str, question: Question) -> dict[str, Any]:
        subject = Subject(scope.contact, scope.state, scope.active)
        return {"branch": name, "why": self._why(question, run, subject, scope.at, [])}

    def _why(self, question: Question, run: Run, subject: Subject, at: int, dues: list[int]) -> dict[str, Any]:
        states = dict(subject.state.get(segments.SECTION).states)
        if run.leaves is not None:
            states |= run.leaves.states
        compiled = {leaf.id.removeprefix("run:"): leaf for leaf in question.program.leaves}
        history = [event for logged_at, event in self._events if logged_at <= at]
        case = Case(
            LeafStates(states),
            subject,
            at,
            _once(history),
            _once([e for logged_at, e in self._events if run.entered < logged_at <= at and e.at >= run.entered]),
            lambda leaf: compiled[leaf_id(leaf)],
        )
        return explain_condition(question.tree, case, dues)

    def _run(self, entered: Change, changes: Sequence[Change], state: Contact, at: int) -> dict[str, Any]:
        found = next((run for run in state.get(SECTION).runs if run.id == entered.run), None)
        ended = next((c for c in changes if c.kind == "journey_exited"), None)
        converted = next((c for c in changes if c.kind == "journey_converted"), None)
        told: dict[str, Any] = {
            "run": entered.run,
            "version": entered.version,
            "entry": entered.entry,
            "entered_at": format_instant(entered.at),
            "trigger": entered.node,
            "steps": self._steps(changes),
            "skipped": [
                {"node": c.node, "reason": c.reason, "at": format_instant(c.at)}
                for c in changes
                if c.kind == "send_skipped"
            ],
            "ended": _end(ended) if ended else None,
            "converted_at": format_instant(converted.at) if converted else None,
            "now": None,
        }
        if found is not None:
            subject = Subject(self._contact, state, self._definitions.at(at))
            told["now"] = self._now(found, subject, at)
        return told

    def _steps(self, changes: Sequence[Change]) -> list[dict[str, Any]]:
        """Each visit of a node once: when it came, when and by which branch it left, and why; and each migration."""
        steps: list[dict[str, Any]] = []
        rests = ""  # the node at which the run rests
        for change in changes:
            place = change.run, change.node, change.at
            if change.kind == "journey_moved":
                if rests:
                    steps[-1]["left_at"] = format_instant(change.at)
                steps.append(_moved(change))
                rests = ""
            elif change.kind == "journey_step" and rests == change.node:
                rests = ""
                left = {"left_at": format_instant(change.at), "branch": change.branch}
                steps[-1] |= left | {"woken_by": self._woken.get(place)}
            elif change.kind == "journey_step":
                rests = change.node if change.reason == WAITING else ""
                step = _step(change)
                if steps and _begins(steps[-1], step):
                    steps[-1] |= step  # the visit that the migration began
                else:
                    steps.append(step)
                if (asked := self._asked.get(place)) is not None:
                    steps[-1]["asked"] = asked
        return steps

    def _now(self, run: Run, subject: Subject, at: int) -> dict[str, Any]:
        """Where a run rests, what wakes it, and what would end it."""
        journey = subject.active.journeys.of(run)
        return {
            "node": run.node,
            "since": format_instant(run.since),
            "wakes": _wakes(journey, run),
            "ends": [self._ends(name, q, run, subject, at) for name, q in _ends_of(journey)],
        }

    def _ends(self, name: str, question: Question, run: Run, subject: Subject, at: int) -> dict[str, Any]:
        dues: list[int] = []
        why = self._why(question, run, subject, at, dues)
        return {"reason": name, "next_change": format_instant(min(dues)) if dues else None, "why": why}


def _ends_of(journey: Journey) -> list[tuple[str, Question]]:
    named = ((GOAL, journey.goal), (EXIT_WHEN, journey.exit_when))
    return [(name, question) for name, question in named if question is not None]


def _wakes(journey: Journey, run: Run) -> dict[str, Any]:
    """The instant, and what else lets the run leave its wait."""
    told: dict[str, Any] = {"at": None if run.due is None else format_instant(run.due)}
    match journey.waits[run.node]:
        case WaitForEvent() as wait:
            told["event"] = f"{wait.match.name.text}*" if wait.match.name.prefix else wait.match.name.text
            if wait.key:
                told["key"] = {wait.key: opened_value(run, wait.key)}
        case WaitForSegment() as wait:
            told["segment"] = wait.segment
        case WaitUntilDate() as wait if not wait.of_entry:
            told["trait"] = wait.path
        case _:
            pass
    return told


def _cause(scope: Scope, run: Run) -> dict[str, Any]:
    """What let a run leave its wait: its instant, or else the record."""
    if run.due is not None and run.due <= scope.at:
        return {"time": format_instant(run.due)}
    event = scope.event
    if event is None:
        return {"time": format_instant(scope.at)}
    return {"event": {"id": event.id, "name": event.name or event.type, "at": format_instant(event.at)}}


def _step(change: Change) -> dict[str, Any]:
    at = format_instant(change.at)
    told = {"node": change.node, "at": at, "left_at": None if change.reason == WAITING else at, "branch": change.branch}
    return told | ({} if change.value is None else {"chosen": change.value})


def _moved(change: Change) -> dict[str, Any]:
    """A migration has put the run on another version, at this node."""
    moved = {"from": change.branch, "by": change.reason, "version": change.version}
    return {"node": change.node, "at": format_instant(change.at), "left_at": None, "branch": "", "moved": moved}


def _begins(last: dict[str, Any], step: dict[str, Any]) -> bool:
    """Whether the last entry is the migration that put the run where the step is made."""
    return "moved" in last and (last["node"], last["at"]) == (step["node"], step["at"])


def _end(change: Change) -> dict[str, Any]:
    return {"node": change.node, "reason": change.reason, "at": format_instant(change.at)}


def _refused(change: Change) -> dict[str, Any]:
    told = {"at": format_instant(change.at), "version": change.version, "entry": change.entry, "reason": change.reason}
    return told | ({"holdout": change.holdout} if change.holdout else {})


def _once(events: Sequence[Event]) -> list[Event]:
    """Of events with one id the first."""
    seen: set[str] = set()
    kept = []
    for event in events:
        if not event.id or event.id not in seen:
            seen.add(event.id)
            kept.append(event)
    return kept
