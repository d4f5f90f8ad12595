"""What spans contacts has a key of its own in `events`: an address, an account (LANGUAGE, "Time, identity, traits").

    contact ──address_held──▶ address:<sha256> ──address_suppressed──▶ every contact that has held it
    contact ──account_said──▶ account:<id>     ──account_traits─────▶ every contact of the account

What counts for a contact is when it reads what it is told. A span's state is a contact's with one section.
"""

from __future__ import annotations

from typing import Any

import msgspec

from flows.consent.reducer import ADDRESS_TRAITS
from flows.contact import profile
from flows.contact.scope import Scope
from flows.contact.section import Section
from schemas import facts
from schemas.ids import address_hash
from schemas.records import Event


class Span(msgspec.Struct, array_like=True, gc=False):
    """`members`: the contacts concerned, each with what it is told by (a channel, for an address).

    `suppressed`: channel -> reason, of an address. `traits`: path -> (at, value), of an account.
    """

    members: dict[str, str] = {}
    suppressed: dict[str, str] = {}
    traits: profile.Profile = msgspec.field(default_factory=profile.Profile)


SECTION = Section(6, "span", Span)


def is_span(key: str) -> bool:
    """Whether a key of `events` is no contact's."""
    return key.startswith((facts.ADDRESS_KEY, facts.ACCOUNT_KEY))


def tell(scope: Scope) -> None:
    """The contact's side, before the record changes it: tell the address or the account what the record says."""
    event = scope.event
    assert event is not None
    if event.type == "identify":
        own = scope.state.get(profile.SECTION)
        for channel, trait in ADDRESS_TRAITS.items():
            address = event.traits.get(trait)
            if isinstance(address, str) and address.strip() and address != profile.look_up(own, trait):
                _held(scope, channel, address_hash(address))
    elif event.type == "group" and event.group_id:
        said = Event(facts.ACCOUNT_SAID, scope.id("account"), event.at, received_at=event.received_at)
        said.properties, said.traits, said.group_id = {"contact": scope.contact}, event.traits, event.group_id
        scope.record(said, facts.ACCOUNT_KEY + event.group_id)
    elif event.type == facts.ADDRESS_SUPPRESSED and not event.properties.get("told"):
        digest = event.properties.get("address_hash")
        if isinstance(digest, str):
            said = Event(facts.ADDRESS_SUPPRESSED, scope.id("suppressed"), event.at, received_at=event.received_at)
            said.properties = {**event.properties, "contact": scope.contact}
            scope.record(said, facts.ADDRESS_KEY + digest.lower())


def _held(scope: Scope, channel: str, digest: str) -> None:
    assert scope.event is not None
    said = Event(facts.ADDRESS_HELD, scope.id("held", channel), scope.event.at, received_at=scope.event.received_at)
    said.properties = {"contact": scope.contact, "channel": channel}
    scope.record(said, facts.ADDRESS_KEY + digest)


def react(scope: Scope) -> None:
    """The span's side: keep what was said, and tell the contacts concerned."""
    event = scope.event
    assert event is not None
    span = scope.state.get(SECTION)
    contact = event.properties.get("contact")
    if event.type == facts.ADDRESS_HELD and isinstance(contact, str):
        channel = str(event.properties.get("channel"))
        span.members[contact] = channel
        if channel in span.suppressed:
            _suppress(scope, contact, channel, span.suppressed[channel])
    elif event.type == facts.ADDRESS_SUPPRESSED:
        _suppressed(scope, span, str(event.properties.get("channel", "")))
    elif event.type == facts.ACCOUNT_SAID and isinstance(contact, str):
        _said(scope, span, contact)


def _suppressed(scope: Scope, span: Span, channel: str) -> None:
    assert scope.event is not None
    if channel in span.suppressed:
        return
    span.suppressed[channel] = reason = str(scope.event.properties.get("reason", ""))
    for contact in sorted(span.members):
        if contact != scope.event.properties.get("contact"):
            _suppress(scope, contact, channel, reason)


def _suppress(scope: Scope, contact: str, channel: str, reason: str) -> None:
    digest = scope.contact.removeprefix(facts.ADDRESS_KEY)
    said = Event(facts.ADDRESS_SUPPRESSED, scope.id("told", contact, channel), scope.at, received_at=scope.at)
    said.properties = {"channel": channel, "address_hash": digest, "reason": reason, "told": True}
    scope.record(said, contact)


def _said(scope: Scope, span: Span, contact: str) -> None:
    """Merge the account's traits; tell all its contacts what changed, and a new one all of it."""
    event = scope.event
    assert event is not None
    taken = [path for path, value in profile.flatten(event.traits) if profile.claim(span.traits, path, event.at, value)]
    is_new = contact not in span.members
    span.members[contact] = ""
    for member in sorted(span.members):
        paths = sorted(span.traits.traits) if is_new and member == contact else taken
        if paths:
            _account_traits(scope, span, member, paths)


def _account_traits(scope: Scope, span: Span, member: str, paths: list[str]) -> None:
    claims: list[Any] = [[path, *span.traits.traits[path]] for path in paths if path in span.traits.traits]
    said = Event(facts.ACCOUNT_TRAITS, scope.id("told", member), scope.at, received_at=scope.at)
    said.properties = {"account": scope.contact.removeprefix(facts.ACCOUNT_KEY), "claims": claims}
    scope.record(said, member)
