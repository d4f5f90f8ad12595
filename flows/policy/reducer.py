"""What caps count of a contact: the messages planned within the longest window of the active caps.

A message that was skipped at hand-off, or failed, counts no more; one that went by another channel than was planned
counts there. Where no cap is defined nothing is kept, and a record costs one comparison; so what was planned before a
cap was active is brought to it by a switch, as the past of leaves is (`infra.cap_past`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from flows.contact.scope import Scope
from flows.contact.section import Contact, Section
from flows.definitions.catalogue import Published
from flows.policy.caps import Planned
from schemas.facts import CHANNELS

_GONE: Final = {f"{channel}_{end}" for channel in CHANNELS for end in ("skipped", "failed")}
_PAST: Final = "cap:"  # begins the name of what a cap's past brings, beside the ids of leaves, which are hashes
_SENT: Final = {f"{channel}_sent": channel for channel in CHANNELS}


class Policy(msgspec.Struct, array_like=True, gc=False):
    """`planned`: in the order of planning."""

    planned: list[Planned] = []


SECTION: Final = Section(9, "policy", Policy)


def react(scope: Scope) -> None:
    """Take what became of a message."""
    event = scope.event
    if not scope.active.caps or event is None or not scope.state.has(SECTION):
        return
    if event.type in _GONE:
        section, send = scope.state.get(SECTION), event.properties.get("send")
        section.planned = [planned for planned in section.planned if planned.send != send]
    elif channel := _SENT.get(event.type):
        section, send = scope.state.get(SECTION), event.properties.get("send")
        for i, planned in enumerate(section.planned):
            if planned.send == send and planned.channel != channel:
                section.planned[i] = msgspec.structs.replace(planned, channel=channel)


def note(scope: Scope, meant: Planned) -> None:
    """A message goes: count it, where a cap does, and forget what no window reaches any more."""
    caps = scope.active.caps
    if not any(cap.concerns(meant) for cap in caps):
        return
    section, longest = scope.state.get(SECTION), max(cap.within for cap in caps)
    section.planned = [planned for planned in section.planned if planned.at > scope.at - longest]
    section.planned.append(meant)


def planned(state: Contact) -> list[Planned]:
    """What may count."""
    return state.get(SECTION).planned if state.has(SECTION) else []


def past_name(cap: Published) -> str:
    """What the past of a cap's version brings is named so, in its file."""
    return f"{_PAST}{cap.id}@{cap.since}"


def past_of(past: Mapping[str, Any]) -> Policy:
    """The messages in what an activation brings a contact, each once."""
    told = [p for name, planned in past.items() if name.startswith(_PAST) for p in planned]
    once = {p.send: p for p in msgspec.convert(told, list[Planned])}
    return Policy(list(once.values()))


def recall(scope: Scope, past: Mapping[str, Any]) -> None:
    """Take in what was planned before a cap was active."""
    if (found := past_of(past)).planned:
        absorb(scope, found)


def absorb(scope: Scope, other: Policy) -> None:
    """Take in what a merged contact was written: its person has it."""
    section = scope.state.get(SECTION)
    known = {planned.send for planned in section.planned}
    section.planned = sorted([*section.planned, *(p for p in other.planned if p.send not in known)], key=lambda p: p.at)
