"""The journeys of a contact at one instant (LANGUAGE, "Journeys"), in this order:

    migrations ──▶ goal and exit_when of the runs that last ──▶ waits, in the order of the runs' entries ──▶ entries

so that the record that ended a run may begin the next one. Where the journeys' priorities differ, waits and entries of
those of a higher one come before those of a lower one. What no trigger, wait or condition listens to passes without
the section being opened.
"""

from __future__ import annotations

from collections.abc import Sequence

from flows.contact.scope import Scope
from flows.journeys import entry, executor
from flows.journeys.arming import arm
from flows.journeys.compile import Opener
from flows.journeys.migration import migrate
from flows.journeys.run import SECTION, Journeys, Run

__all__ = ["SECTION", "react"]

DELETED = "deleted"


def react(scope: Scope) -> None:
    """Let the instant act on the contact's journeys."""
    due = scope.state.due_of(SECTION)
    if not (due is not None and due <= scope.at) and not _concerns(scope):
        return
    section = scope.state.get(SECTION)
    if section.runs or section.ended:
        migrate(scope, section)
        _observe(scope, section)
        _conclude(scope, section)
    _move(scope, section)
    if scope.active.journeys.arms or section.armed:
        arm(scope, section)
    scope.state.set_due(SECTION, _next(section))


def _concerns(scope: Scope) -> bool:
    """Whether anything here listens to the instant: the gate that most events do not pass."""
    journeys, event = scope.active.journeys, scope.event
    if scope.before is not None:
        return journeys.at_activation or scope.state.has(SECTION)
    if event is not None and journeys.opens(event):
        return True
    if scope.flips and any(flip.segment in journeys.segments for flip in scope.flips):
        return True
    if scope.keys and journeys.arms:
        return True
    heard = event is not None and journeys.hears(event)
    moved = journeys.reads_traits and scope.keys
    ended = scope.touched and not journeys.leaves.isdisjoint(scope.touched)
    return bool(heard or moved or ended) and scope.state.has(SECTION)


def _observe(scope: Scope, section: Journeys) -> None:
    """Let the conditions that look at one run alone see the record, and the time that passed."""
    for run in (*section.runs, *section.ended):
        if run.leaves is not None:
            scope.active.journeys.of(run).own.observe(scope, run)


def _conclude(scope: Scope, section: Journeys) -> None:
    """End the runs whose goal or `exit_when` holds now; a run whose both hold has reached its goal."""
    for run in list(section.runs):
        reason = _end_of(scope, run)
        if reason:
            executor.end(scope, section, run, reason)
    if section.ended:
        section.ended = [run for run in section.ended if _is_still_watched(scope, run)]


def _end_of(scope: Scope, run: Run) -> str:
    journeys = scope.active.journeys
    if not journeys.has(run.journey):
        return DELETED
    return journeys.of(run).end_reason(scope, run)


def _is_still_watched(scope: Scope, run: Run) -> bool:
    """Whether a run that ended, or who was held out, may still convert: in [end, end + goal_window)."""
    assert run.due is not None
    if run.due <= scope.at or not scope.active.journeys.has(run.journey):
        return False
    goal = scope.active.journeys.of(run).goal
    if goal is None or not goal.holds(scope, run):
        return True
    executor.say(scope, run, "journey_converted", entry.HOLDOUT if run.held else "")
    return False


def _move(scope: Scope, section: Journeys) -> None:
    """Ask every wait in the order of the runs' entries, then enter; where priorities differ, the higher one first."""
    journeys, runs = scope.active.journeys, list(section.runs)
    openers = [] if scope.quiet else entry.opened(scope, section)
    if len(journeys.priorities) == 1:
        _act(scope, section, runs, openers)
        return
    for priority in journeys.priorities:
        now = [run for run in runs if journeys.priority(run.journey) == priority]
        _act(scope, section, now, [o for o in openers if o.journey.priority == priority])


def _act(scope: Scope, section: Journeys, runs: Sequence[Run], openers: Sequence[Opener]) -> None:
    for run in runs:
        executor.wake(scope, section, run)
    entry.enter(scope, section, openers)


def _next(section: Journeys) -> int | None:
    """The next instant at which something happens here by itself."""
    dues = list(section.armed.values())
    for runs in (section.runs, section.ended):
        for run in runs:
            if run.due is not None:
                dues.append(run.due)
            if run.leaves is not None and (due := run.leaves.due()) is not None:
                dues.append(due)
    return min(dues, default=None)
