"""What spans contacts has a key of its own in `events`: an address, an account (LANGUAGE, "Time, identity, traits").

    contact ──address_held──▶ address:<sha256> ──address_suppressed──▶ every contact that has held it
    contact ──address_claimed──▶ address:<sha256> ──address_answered──▶ the contact: one message for each launch
    contact ──account_said──▶ account:<id>     ──account_traits─────▶ every contact of the account

What counts for a contact is when it reads what it is told. A span's state is a contact's with one section.
"""

from __future__ import annotations

from bisect import insort
from operator import itemgetter
from typing import Final

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

    `suppressed`: channel -> reason, of an address. `traits`: what stands of an account. `past`: path -> what was said
    of it, in the order of `at`, the last KEPT times: who joins is told what was before as well, for `for` asks for it.
    `claims`: channel/launch -> the contact that has an address for it, of the launches that are not over.
    """

    members: dict[str, str] = {}
    suppressed: dict[str, str] = {}
    traits: profile.Profile = msgspec.field(default_factory=profile.Profile)
    past: dict[str, list[profile.Claim]] = {}
    claims: dict[str, str] = {}


SECTION = Section(6, "span", Span)
KEPT: Final = 100


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
        said.place = event.place
        if profile.account_of(scope) != event.group_id:
            said.properties["joins"] = True
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
    elif event.type == facts.ADDRESS_CLAIMED and isinstance(contact, str):
        _answer(scope, span, contact)
    elif event.type == facts.ACCOUNT_SAID and isinstance(contact, str):
        _said(scope, span, contact)


def _answer(scope: Scope, span: Span, contact: str) -> None:
    """Who asks first for a launch has the address; it may ask again."""
    assert scope.event is not None
    channel, launch = str(scope.event.properties.get("channel")), str(scope.event.properties.get("campaign"))
    holder = span.claims.setdefault(f"{channel}/{launch}", contact)
    for claim in [*list(span.claims)[:-KEPT], *(c for c in list(span.claims)[-KEPT:] if _is_over(scope, c))]:
        del span.claims[claim]
    said = Event(facts.ADDRESS_ANSWERED, scope.id("answered", contact, launch), scope.at, received_at=scope.at)
    said.properties = {"channel": channel, "campaign": launch, "granted": holder == contact, "holder": holder}
    said.properties["address_hash"] = scope.contact.removeprefix(facts.ADDRESS_KEY)
    scope.record(said, contact)


def _is_over(scope: Scope, claim: str) -> bool:
    release = scope.active.releases.get(claim.partition("/")[2])
    return release is not None and release.is_over(scope.at)


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
    """Take what was said of the account, and tell all its contacts; tell a new one all that is known."""
    event = scope.event
    assert event is not None
    said = [(path, profile.Claim(event.at, value, event.place)) for path, value in profile.flatten(event.traits)]
    for path, claim in said:
        profile.claim(span.traits, path, *claim)
        _remember(span, path, claim)
    joins = contact not in span.members or bool(event.properties.get("joins"))
    span.members[contact] = ""
    for member in sorted(span.members):
        claims = _known(span) if joins and member == contact else said
        if claims:
            _account_traits(scope, member, claims)


def _remember(span: Span, path: str, claim: profile.Claim) -> None:
    """Keep it among what was said of the path."""
    past = span.past.setdefault(path, [])
    insort(past, claim, key=itemgetter(0, 2))
    del past[:-KEPT]


def _known(span: Span) -> list[tuple[str, profile.Claim]]:
    """All that was said of the account; of paths that were said before `past` was kept, what stands."""
    stands = [(path, claim) for path, claim in span.traits.traits.items() if path not in span.past]
    return stands + [(path, claim) for path, past in span.past.items() for claim in past]


def _account_traits(scope: Scope, member: str, claims: list[tuple[str, profile.Claim]]) -> None:
    said = Event(facts.ACCOUNT_TRAITS, scope.id("told", member), scope.at, received_at=scope.at)
    told = sorted(claims, key=lambda c: (c[1].at, c[1].place))
    said.properties = {
        "account": scope.contact.removeprefix(facts.ACCOUNT_KEY),
        "claims": [[path, *claim] for path, claim in told],
    }
    scope.record(said, member)
