"""Entries: which journeys an instant opens for a contact, and whether it may enter them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flows.contact.scope import Scope
from flows.journeys import executor
from flows.journeys.arming import fired
from flows.journeys.compile import Journey, Opener
from flows.journeys.run import Journeys, Run, event_value, key_text
from schemas.ids import bucket, uuid5
from schemas.records import Change, Event

KEY_MISSING = "key missing"
REENTRY = "reentry"
HOLDOUT = "holdout"


def opened(scope: Scope, section: Journeys) -> list[Opener]:
    """The triggers that fire, of each journey the first, in the order of the journeys' ids."""
    if scope.event is None and scope.before is None and not (scope.flips or section.armed):
        return []  # a wait's instant
    openers: dict[str, Opener] = {}
    for opener in _fired(scope, section):
        openers.setdefault(opener.journey.id, opener)
    return [openers[id] for id in sorted(openers)]


def enter(scope: Scope, section: Journeys, openers: Iterable[Opener]) -> None:
    """Enter the contact, where it may."""
    for opener in openers:
        _try(scope, section, opener)


def _fired(scope: Scope, section: Journeys) -> Iterator[Opener]:
    journeys, event = scope.active.journeys, scope.event
    if event is not None:
        for opener in journeys.openers(event):
            if opener.match is None or opener.match(event, scope.view, scope.at):
                yield opener
    for flip in scope.flips:
        yield from journeys.by_flip.get((flip.segment, flip.entered), ())
    for key in fired(scope, section):
        if key in journeys.by_key:
            yield journeys.by_key[key]
    if scope.before is not None:
        for opener in journeys.newly_current(scope.before.journeys):
            if scope.view.member(opener.segment):
                yield opener


def _try(scope: Scope, section: Journeys, opener: Opener) -> None:
    journey = opener.journey
    text = "" if journey.key is None else _key(scope.event, journey.key)
    if text is None:
        _refuse(scope, journey, "", KEY_MISSING)
    elif not journey.reentry.allows(section, journey.id, text, scope.at):
        _refuse(scope, journey, text, REENTRY)
    elif journey.holdout and bucket(f"{journey.id}/holdout", scope.contact) < journey.holdout:
        _hold_out(scope, section, opener, text)
    elif journey.message_class == "marketing" and (holdout := scope.view.held_out("journeys")):
        _hold_out(scope, section, opener, text, holdout)
    else:
        _open(scope, section, opener, text)


def _key(event: Event | None, path: str) -> str | None:
    return None if event is None else key_text(event_value(event, path))


def _open(scope: Scope, section: Journeys, opener: Opener, key: str) -> None:
    """Open a run and let it go; one whose goal or `exit_when` holds already enters, ends and does nothing."""
    journey, run = opener.journey, _run(scope, opener, key)
    section.runs.append(run)
    journey.reentry.note(section, run)
    executor.say(scope, run, "journey_entered")
    reason = journey.end_reason(scope, run)
    if reason:
        executor.end(scope, section, run, reason)
    else:
        executor.start(scope, section, run)


def _run(scope: Scope, opener: Opener, key: str) -> Run:
    journey, event = opener.journey, scope.event
    cause = event.id if event is not None else f"{scope.at}/{opener.node}"
    return Run(
        id=uuid5("run", journey.id, scope.contact, key, scope.at, cause),
        journey=journey.id,
        version=journey.version,
        entry=key,
        entered=scope.at,
        node=opener.node,
        since=scope.at,
        opened=journey.keep(event),
        leaves=journey.own.begin(scope),
    )


def _hold_out(scope: Scope, section: Journeys, opener: Opener, key: str, holdout: str = "") -> None:
    """Refuse the entry, and watch whether the contact reaches the goal all the same: what runs are compared with."""
    journey = opener.journey
    if journey.goal is None or any(r.held and (r.journey, r.entry) == (journey.id, key) for r in section.ended):
        _refuse(scope, journey, key, HOLDOUT, holdout)
        return
    run = _run(scope, opener, key)
    run.held, run.due = True, scope.at + journey.goal_window
    _refuse(scope, journey, key, HOLDOUT, holdout, run.id)
    if journey.goal.holds(scope, run):
        executor.say(scope, run, "journey_converted", HOLDOUT)
    else:
        section.ended.append(run)


def _refuse(scope: Scope, journey: Journey, key: str, reason: str, holdout: str = "", run: str = "") -> None:
    id = scope.id("refused", journey.id, journey.version, reason)
    change = Change(id, "journey_refused", scope.contact, scope.at)
    change.journey, change.version, change.entry, change.reason = journey.id, journey.version, key, reason
    change.holdout, change.run = holdout, run
    scope.change(change)
