"""Moves runs: interprets what nodes answer, and says each step. It knows no node type."""

from __future__ import annotations

from typing import Any, Final

from flows.contact.scope import Scope
from flows.journeys.nodes.base import Leave, Rest, Result, Visit
from flows.journeys.run import Journeys, Run
from schemas.ids import uuid5_of
from schemas.records import Change

GOAL: Final = "goal"  # the reason of a run whose goal held
STEP_LIMIT: Final = "step_limit"
WAITING: Final = "waiting"  # the reason of the step by which a run comes to rest
COMPLETED: Final = "completed"  # the branch of an end to which a run came by its own way


def start(scope: Scope, section: Journeys, run: Run) -> None:
    """Let an entered run go from its trigger as far as it comes."""
    visit = Visit(scope, scope.active.journeys.of(run), run)
    _follow(section, visit, _arrive(visit, run.node))


def go_on(scope: Scope, section: Journeys, run: Run, since: int, due: int | None) -> None:
    """Let a run that was put at its node go on there, as if it had come at `since`; it waits until `due` if given."""
    visit = Visit(scope, scope.active.journeys.of(run), run)
    run.since, run.due = since, due
    if scope.watch is not None:
        scope.watch(scope, run, True)
    _follow(section, visit, visit.journey.nodes[run.node].enter(visit) if due is None else Rest(due))


def wake(scope: Scope, section: Journeys, run: Run) -> None:
    """Ask the wait at which a run rests, and move the run where it may leave. History that is imported moves nobody."""
    visit = Visit(scope, scope.active.journeys.of(run), run)
    result = visit.journey.waits[run.node].wake(visit)
    if isinstance(result, Rest):
        run.due = result.until
    elif not scope.quiet:
        if scope.watch is not None:
            scope.watch(scope, run, False)
        _follow(section, visit, result)


def _follow(section: Journeys, visit: Visit, result: Result) -> None:
    """Go on until the run rests or ends.

    A run that would leave a node twice at one instant would go round for ever, for nothing changes but by the log and
    by time: it is stopped, with the reason `step_limit`.
    """
    scope, journey, run = visit
    left: set[str] = set()
    while isinstance(result, Leave):
        if run.node in left:
            end(scope, section, run, STEP_LIMIT)
            return
        left.add(run.node)
        taken, target = journey.edge(run.node, result.branch)
        _say_step(scope, run, taken, why=result.why)
        result = _arrive(visit, target)
    if isinstance(result, Rest):
        run.due = result.until
        _say_step(scope, run, reason=WAITING, why=result.why)
    else:
        _say_step(scope, run)
        end(scope, section, run, result.reason, COMPLETED)


def _arrive(visit: Visit, node: str) -> Result:
    run = visit.run
    run.node, run.since, run.due = node, visit.scope.at, None
    run.visits[node] = run.visits.get(node, 0) + 1
    if visit.scope.watch is not None:
        visit.scope.watch(visit.scope, run, True)
    return visit.journey.nodes[node].enter(visit)


def _say_step(scope: Scope, run: Run, branch: str = "", reason: str = "", why: Any = None) -> None:
    say(scope, run, "journey_step", reason, branch, run.visits[run.node], why)


def end(scope: Scope, section: Journeys, run: Run, reason: str, branch: str = "") -> None:
    """End a run where it is; it is watched on where its goal has a window."""
    del section.runs[next(i for i, other in enumerate(section.runs) if other is run)]
    journeys = scope.active.journeys
    journeys.reentry(run).note(section, run, scope.at)
    say(scope, run, "journey_exited", reason, branch)
    window = journeys.of(run).goal_window
    if window and reason != GOAL:
        run.due = scope.at + window
        section.ended.append(run)


def say(scope: Scope, run: Run, kind: str, reason: str = "", branch: str = "", visit: int = 0, why: Any = None) -> None:
    """Say what happened to a run, at its node."""
    id = uuid5_of(f"{kind}\x1f{run.id}\x1f{run.node}\x1f{visit}\x1f{branch}\x1f{reason}")
    # fmt: off
    change = Change(
        id, kind, scope.contact, scope.at, "", run.journey, run.version, run.id, run.entry, run.node, branch, reason
    )
    # fmt: on
    if why is not None:
        change.value = why
    scope.change(change)
