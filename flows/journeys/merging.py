"""The runs of a contact that becomes a part of another: they go on as the other's, where it may enter.

    earlier id: every run ends, reason `merged` ──whole state──▶ user: a run of its own goes on at the same node
                                                                 unless it has one, or re-entry forbids it

LANGUAGE is silent about it. A cart that somebody left before signing in is still theirs afterwards, and a welcome that
they had before is not to be had again: so re-entry remembers both pasts.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from flows.contact.scope import Scope
from flows.journeys import executor
from flows.journeys.run import SECTION, Journeys, Run
from schemas.ids import uuid5

MERGED = "merged"
_Past = Mapping[str, Mapping[str, tuple[int, int]]]


def hand_over(scope: Scope) -> None:
    """End every run; what the other contact takes in stays in the state."""
    if not scope.state.has(SECTION):
        return
    section = scope.state.get(SECTION)
    kept = Journeys(
        [replace(run) for run in section.runs],
        {journey: dict(keys) for journey, keys in section.past.items()},
        {},
        list(section.ended),
        section.arms,
    )
    for run in list(section.runs):
        executor.end(scope, section, run, MERGED)
    section.runs, section.past, section.armed, section.ended = kept.runs, kept.past, kept.armed, kept.ended
    scope.state.set_due(SECTION, None)


def absorb(scope: Scope, other: Journeys) -> None:
    """Take in what another contact has handed over. The record that brings it is one at which all runs are asked."""
    section, journeys = scope.state.get(SECTION), scope.active.journeys
    coming = [
        run
        for run in other.runs
        if journeys.has(run.journey) and journeys.reentry(run).allows(section, run.journey, run.entry, scope.at)
    ]
    section.past = _both(section.past, other.past)
    section.ended += [run for run in other.ended if not (run.held and _is_watched(section, run))]
    section.arms = other.arms | section.arms
    for run in coming:
        _go_on(scope, section, run)
    section.runs.sort(key=lambda run: run.entered)
    scope.state.set_due(SECTION, scope.at)


def _go_on(scope: Scope, section: Journeys, run: Run) -> None:
    assert scope.event is not None
    source = str(scope.event.properties.get("source", ""))
    own = replace(
        run,
        id=uuid5("run", run.journey, scope.contact, run.entry, scope.at, run.id),
        earlier=[*run.earlier, (source, run.id)],
    )
    section.runs.append(own)
    executor.say(scope, own, "journey_entered")
    executor.go_on(scope, section, own, run.since, run.due)


def _is_watched(section: Journeys, held: Run) -> bool:
    return any(run.held and (run.journey, run.entry) == (held.journey, held.entry) for run in section.ended)


def _both(one: _Past, other: _Past) -> dict[str, dict[str, tuple[int, int]]]:
    """The later of both entries, and of both ends, by journey and key."""
    found = {journey: dict(keys) for journey, keys in one.items()}
    for journey, keys in other.items():
        known = found.setdefault(journey, {})
        for key, (entered, ended) in keys.items():
            last_entry, last_end = known.get(key, (entered, ended))
            known[key] = max(entered, last_entry), max(ended, last_end)
    return found
