"""The launches that a contact waits for: each releases it at its instant, and then its message is planned.

    launch ──▶ waits until its instant ──▶ released ──▶ asks for its address ──▶ planned, or skipped with the reason
       pause ──▶ waits for the resume         cancellation, a merge ──▶ skipped with the reason

Who waits is decided once, by the file of a launch's first version. Whoever joins the audience later is not in it, and
who leaves it stays; consent, suppression and caps are asked at release, as of every message. One message goes to an
address: that is settled by the address's own key (`flows.contact.spans`), whoever has come to share it, and when.
"""

from __future__ import annotations

from typing import assert_never

import msgspec

from flows.campaigns.compile import Release
from flows.campaigns.journey import ARMS, SEND
from flows.contact.scope import Scope
from flows.contact.section import Section
from flows.delivery.planning import Intent, outlook, plan, skip
from flows.journeys import executor
from flows.journeys.nodes.action import Send
from flows.journeys.nodes.base import Leave, Visit
from flows.journeys.nodes.split import Split
from flows.journeys.run import Run
from schemas.facts import ADDRESS_ANSWERED, ADDRESS_CLAIMED, ADDRESS_KEY
from schemas.ids import address_hash, uuid5
from schemas.records import Event

CANCELLED = "cancelled"
MERGED = "merged"
DUPLICATE = "duplicate_address"  # another contact with the same address has the launch's message


class Waiting(msgspec.Struct, array_like=True, gc=False):
    """`launches`: id -> the instant of release; None while the launch is paused, or the address is asked for.

    `asked`: id -> the channel whose address is asked for; `asked_at`: since when, for that is its message's instant.
    """

    launches: dict[str, int | None] = {}
    asked: dict[str, str] = {}
    asked_at: dict[str, int] = {}


SECTION = Section(8, "campaigns", Waiting)


def react(scope: Scope) -> None:
    """Take in what was launched, paused or cancelled at this very instant; then release what is due."""
    state = scope.state
    due = state.due_of(SECTION)
    woken = due is not None and due <= scope.at
    changed = _changed(scope) if scope.before is not None else ()
    answered = scope.event is not None and scope.event.type == ADDRESS_ANSWERED
    if not (woken or changed or answered):
        return
    section = state.get(SECTION)
    for release in changed:
        _take(scope, section, release)
    if scope.before is not None:
        _forget(scope, section)
    if answered:
        _answered(scope, section)
    for id in _due(section, scope.at):
        _release(scope, section, scope.active.releases[id])
    state.set_due(SECTION, min((due for due in section.launches.values() if due is not None), default=None))


def _release(scope: Scope, section: Waiting, release: Release) -> None:
    """Wait for the end of quiet hours, or for the address; plan the message where it needs none, or has none."""
    channel, until = outlook(scope, _first(scope, release))
    if until:
        section.launches[release.id] = until
    elif channel and channel != "webhook":
        section.launches[release.id] = None
        section.asked[release.id], section.asked_at[release.id] = channel, scope.at
        _claim(scope, release.id, channel)
    else:
        del section.launches[release.id]
        plan(scope, _intent(scope, release))


def _claim(scope: Scope, launch: str, channel: str) -> None:
    said = Event(ADDRESS_CLAIMED, scope.id("claim", launch, channel), scope.at, received_at=scope.at)
    said.properties = {"channel": channel, "contact": scope.contact, "campaign": launch}
    scope.record(said, ADDRESS_KEY + address_hash(scope.view.address(channel)))


def _answered(scope: Scope, section: Waiting) -> None:
    """One message for each address: who asked first for the launch has it, the others are skipped."""
    assert scope.event is not None
    told = scope.event.properties
    id = str(told.get("campaign"))
    since, channel = section.asked_at.pop(id, scope.at), section.asked.pop(id, None)
    if id not in section.launches or channel != told.get("channel"):
        return  # cancelled meanwhile, or answered before
    release = scope.active.releases[id]
    if release.state == "paused":
        return  # it is asked again when it goes on
    if told.get("address_hash") != address_hash(scope.view.address(str(channel))):
        _release(scope, section, release)  # it has another address by now
    elif told.get("granted"):
        _granted(scope, section, release, since)
    else:
        del section.launches[id]
        skip(scope, _first(scope, release), DUPLICATE, {"holder": told.get("holder")})


def _granted(scope: Scope, section: Waiting, release: Release, since: int) -> None:
    """Plan the message, stamped with the instant of its release, by which it expires too. What keeps it from going now
    is said of now; where quiet hours have begun meanwhile, it is asked again after them.
    """
    channel, until = outlook(scope, _first(scope, release))
    if until:
        section.launches[release.id] = until
        return
    del section.launches[release.id]
    then = scope.as_of(since) if channel else scope
    plan(then, _intent(then, release))


def skip_all(scope: Scope, reason: str) -> None:
    """Skip what the contact waits for: it becomes a part of another."""
    if not scope.state.has(SECTION):
        return
    section = scope.state.get(SECTION)
    for id in sorted(section.launches):
        _skip(scope, scope.active.releases[id], reason)
    section.launches.clear()
    scope.state.set_due(SECTION, None)


def refuse(scope: Scope) -> None:
    """Skip what is launched for a contact that was merged before: it was in the audience still."""
    for release in _changed(scope):
        if _begins(scope, release) and release.instant_of(scope.contact) is not None:
            _skip(scope, release, MERGED)


def _changed(scope: Scope) -> list[Release]:
    """The launches that are new or otherwise at this activation, in the order of their ids."""
    before, now = scope.before, scope.active.releases
    if before is None or before.releases is now:
        return []
    return [now[id] for id in sorted(now) if before.releases.get(id) != now[id]]


def _begins(scope: Scope, release: Release) -> bool:
    return scope.before is not None and release.id not in scope.before.releases


def _take(scope: Scope, section: Waiting, release: Release) -> None:
    """What a new version of a launch means for the contact, where it is one of those who wait."""
    planned = release.instant_of(scope.contact)
    if _begins(scope, release):
        if planned is None:
            return
    elif release.id not in section.launches:
        return
    match release.state:
        case "running":
            if release.id not in section.asked:  # who was due before a pause, and waited still, is in no file: due now
                section.launches[release.id] = max(planned or scope.at, scope.at)
        case "paused":
            section.launches[release.id] = None
        case "cancelled":
            section.launches.pop(release.id, None)
            _skip(scope, release, CANCELLED)
        case _:
            assert_never(release.state)


def _forget(scope: Scope, section: Waiting) -> None:
    """Launches that are gone: nobody waits for them any more."""
    for id in [id for id in section.launches if id not in scope.active.releases]:
        del section.launches[id]


def _due(section: Waiting, at: int) -> list[str]:
    due = [(instant, id) for id, instant in section.launches.items() if instant is not None and instant <= at]
    return [id for _, id in sorted(due)]


def _skip(scope: Scope, release: Release, reason: str) -> None:
    skip(scope, _first(scope, release), reason)


def _first(scope: Scope, release: Release) -> Intent:
    """Of the arms the first stands for a message that nobody has chosen an arm for."""
    run = _run(scope, release)
    node = next(node for node in release.journey.nodes.values() if isinstance(node, Send))
    run.node, run.visits[node.id] = node.id, 1
    return node.intent(Visit(scope, release.journey, run))


def _intent(scope: Scope, release: Release) -> Intent:
    """Let the contact pass the split, if there is one."""
    run = _run(scope, release)
    visit = Visit(scope, release.journey, run)
    split = release.journey.nodes.get(ARMS)
    if isinstance(split, Split):
        run.node, run.visits[ARMS] = ARMS, 1
        taken = split.enter(visit)
        assert isinstance(taken, Leave)
        branch, target = release.journey.edge(ARMS, taken.branch)
        executor.say(scope, run, "journey_step", branch=branch, visit=1, why=taken.why)
    else:
        target = SEND
    run.node, run.visits[target] = target, 1
    node = release.journey.nodes[target]
    assert isinstance(node, Send)
    return node.intent(visit)


def _run(scope: Scope, release: Release) -> Run:
    """What stands for a run: it passes in an instant, so it is not kept and only what it chose is told."""
    journey = release.journey
    id = uuid5("launch", release.id, scope.contact)
    opened = {"properties": dict(release.data)}
    return Run(id, journey.id, journey.version, release.id, scope.at, ARMS, scope.at, opened=opened)
