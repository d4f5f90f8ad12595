"""Clicks in the fold: a link that was followed is told as a click once it is known who followed it.

    link_followed ──by a machine, as it looked alone──▶ <channel>_clicked, at once
                  ──by a person──▶ held for HOLD_MS ──▶ <channel>_clicked: by a machine, where another link of that
                                                        message was followed within AT_ONCE_MS, else by a person

Scanners open all links of a mail within a moment, as a browser would; the first of these looks like a person's until
the second. So no condition sees a click before that moment is over, and none has to be taken back. A click keeps the
instant and the place at which its link was followed. Without such visits a record costs two comparisons.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from flows.contact.scope import Scope
from flows.contact.section import Section
from flows.content.visits import Verdict
from schemas.facts import LINK_FOLLOWED
from schemas.ids import uuid5
from schemas.records import Event

AT_ONCE_MS: Final = 1_500  # within which no person follows a second link of one message
HOLD_MS: Final = 2_000  # from the record on: its writing may have taken longer than its neighbour's


class Followed(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A link that was followed. `due` is when it is told as a click, and where that is `told`, when it is forgotten."""

    id: str
    at: int
    due: int
    told: bool
    contact: str = ""
    received_at: int = 0
    place: list[int] = []
    said: dict[str, Any] = {}


class Clicks(msgspec.Struct, array_like=True, gc=False):
    """`followed`: in the order of the log."""

    followed: list[Followed] = []


SECTION: Final = Section(10, "clicks", Clicks)


def react(scope: Scope) -> None:
    """Take what was followed; tell what is due."""
    event, state = scope.event, scope.state
    is_visit = event is not None and event.type == LINK_FOLLOWED
    due = state.due_of(SECTION)
    if not is_visit and (due is None or due > scope.at):
        return
    section = state.get(SECTION)
    if event is not None and is_visit:
        _take(scope, section, event)
    told = [one for one in section.followed if not one.told and one.due <= scope.at]
    for one in told:
        _tell(scope, one, _is_at_once(one, section.followed))
    _keep(scope, section, {one.id for one in told})


def _take(scope: Scope, section: Clicks, event: Event) -> None:
    """One that is a machine's anyhow is due at once; it tells on its neighbours all the same."""
    due = scope.at if event.properties.get("machine") is True else scope.at + HOLD_MS
    contact = event.user_id or scope.contact
    place, said = list(event.place), dict(event.properties)
    if all(one.id != event.id for one in section.followed):
        section.followed.append(Followed(event.id, event.at, due, False, contact, event.received_at, place, said))


def _is_at_once(one: Followed, followed: Iterable[Followed]) -> bool:
    """Whether another link of the same message was followed at the same moment."""
    return any(
        other.said.get("send") == one.said.get("send")
        and other.said.get("url") != one.said.get("url")
        and abs(other.at - one.at) < AT_ONCE_MS
        for other in followed
    )


def _tell(scope: Scope, one: Followed, at_once: bool) -> None:
    said = {name: value for name, value in one.said.items() if name != "channel"}
    if at_once and said.get("machine") is not True:
        said |= {"machine": True, "reason": str(Verdict("at_once"))}
    clicked = Event(f"{one.said['channel']}_clicked", uuid5("clicked", one.id), one.at, received_at=one.received_at)
    clicked.properties, clicked.user_id, clicked.place = said, one.contact, one.place
    scope.record(clicked, scope.contact)


def _keep(scope: Scope, section: Clicks, told: set[str]) -> None:
    """What was told now is kept for as long as somebody may wait for its word; what was told before is forgotten."""
    section.followed = [
        msgspec.structs.replace(one, told=True, due=scope.at + HOLD_MS) if one.id in told else one
        for one in section.followed
        if not (one.told and one.due <= scope.at)
    ]
    scope.state.set_due(SECTION, min((one.due for one in section.followed), default=None))


def absorb(scope: Scope, other: Clicks) -> None:
    """Take in what a merged contact followed and was not told of."""
    section = scope.state.get(SECTION)
    known = {one.id for one in section.followed}
    section.followed += [one for one in other.followed if one.id not in known]
    _keep(scope, section, set())
