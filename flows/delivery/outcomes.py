"""What became of messages, as records: the ledger's ends, and what providers and links report afterwards.

Ids come from (send, outcome, the provider's own event id), so what is reported twice is the same fact.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from flows.delivery.ledger import TOLD
from flows.delivery.origin import Origin
from schemas.facts import ADDRESS_SUPPRESSED, CONSENT_CHANGED, LINK_FOLLOWED
from schemas.ids import address_hash, uuid5
from schemas.records import Attempt, Entry, Event, Send, encode
from schemas.topics import ATTEMPTS, EVENTS

Outcome = Literal["delivered", "opened", "clicked", "bounced", "complained", "unsubscribed", "replied"]
Status = Literal["started", "accepted", "refused", "retry", "skipped", "unknown"]
_FACT_OF: Final = {"accepted": "sent", "refused": "failed", "skipped": "skipped", "unknown": "unknown"}


class ProviderEvent(NamedTuple):
    """What a provider, or one of our links, reports of a message. `id` is unique among the provider's events.

    `permanent` marks a bounce after which the address is of no use; `machine` an open or click by no person.
    """

    outcome: Outcome
    id: str
    at: int
    origin: Origin
    address: str = ""
    url: str = ""
    reason: str = ""
    machine: bool = False
    permanent: bool = False


def event_entries(reported: ProviderEvent, received_at: int, source: str = "provider") -> list[Entry]:
    """The records for topic `events`: the outcome, and what follows from it for address and consent.

    `source` says where a withdrawn consent was said: by the provider, or by a link of ours.
    """
    origin, outcome = reported.origin, reported.outcome
    at = min(reported.at, received_at)
    properties = _properties(reported)
    entries = [_event(f"{origin.channel}_{outcome}", origin, reported.id, at, received_at, properties)]
    if reported.address and (outcome == "complained" or reported.permanent):
        entries.append(_suppression(origin, reported.address, outcome, at, received_at))
    if outcome == "unsubscribed":
        entries.append(consent_entry(origin, reported.id, origin.topic, source, at, received_at))
    return entries


def followed_entry(reported: ProviderEvent, received_at: int) -> Entry:
    """The record that a link of ours was followed; the fold says whether by a person (`flows.content.clicks`)."""
    properties = {"channel": reported.origin.channel} | _properties(reported)
    return _event(LINK_FOLLOWED, reported.origin, reported.id, min(reported.at, received_at), received_at, properties)


def _properties(reported: ProviderEvent) -> dict[str, Any]:
    """What is said of the message, and of its outcome what there is to say."""
    said = {"url": reported.url, "reason": reported.reason, "machine": reported.machine}
    return reported.origin.properties() | {name: value for name, value in said.items() if value}


def settling_entries(reported: ProviderEvent, received_at: int) -> list[Entry]:
    """The ledger's record that the provider had the message: settles a send whose end was unknown. `sent_entry` says
    what follows from it, where it does.
    """
    if reported.outcome not in ("delivered", "bounced"):  # what else may come comes after one of these
        return []
    o = reported.origin
    at = min(reported.at, received_at)
    attempt = Attempt(o.send, o.contact, 0, "accepted", at, o.channel, o.provider, reported.id, TOLD, o.campaign)
    attempt.properties = o.properties()
    return [Entry(ATTEMPTS, o.contact, encode(attempt))]


def sent_entry(told: Attempt) -> Entry:
    """The fact that the message was sent, from what a webhook told: the same id as delivery itself gives it."""
    event = Event(
        type=f"{told.channel}_sent",
        id=uuid5("outcome", told.send, f"{told.channel}_sent", ""),
        at=told.at,
        properties=told.properties or {"send": told.send, "campaign": told.campaign, "provider": told.provider},
        user_id=told.contact,
        received_at=told.at,
    )
    return Entry(EVENTS, told.contact, encode(event))


def consent_entry(origin: Origin, id: str, topic: str, source: str, at: int, received_at: int) -> Entry:
    """The contact wants no more of a topic on this channel; `default` is the channel itself."""
    said = {"channel": origin.channel, "topic": topic, "status": "unsubscribed", "source": source, "proof": origin.send}
    return _event(CONSENT_CHANGED, origin, f"{id}:{topic}", at, received_at, said)


def ledger_entry(send: Send, number: int, status: Status, at: int, due: int = 0, **more: Any) -> Entry:
    """One record of the ledger; `more` are other fields of it."""
    attempt = Attempt(send.id, send.contact, number, status, at, send.channel, campaign=send.campaign, due=due, **more)
    return Entry(ATTEMPTS, send.contact, encode(attempt))


def end_entries(
    send: Send, origin: Origin, number: int, status: Status, at: int, reason: str = "", provider_id: str = ""
) -> list[Entry]:
    """How a send ended: its last ledger record and the fact that conditions and reports see, in one append."""
    properties: dict[str, Any] = origin.properties()
    if reason:
        properties["reason"] = reason
    fact = f"{send.channel}_{_FACT_OF[status]}"
    return [
        ledger_entry(send, number, status, at, provider=origin.provider, provider_id=provider_id, reason=reason),
        _event(fact, origin, "", at, at, properties),
    ]


def refused_address(send: Send, origin: Origin, at: int) -> Entry:
    """An address that the provider refuses for good."""
    return _suppression(origin, send.to, "refused", at, at)


def _suppression(origin: Origin, address: str, why: str, at: int, received_at: int) -> Entry:
    digest = address_hash(address)
    said = {"channel": origin.channel, "address_hash": digest, "reason": why}
    return _event(ADDRESS_SUPPRESSED, origin, digest, at, received_at, said)


def _event(type: str, origin: Origin, id: str, at: int, received_at: int, properties: dict[str, Any]) -> Entry:
    event = Event(
        type=type,
        id=uuid5("outcome", origin.send, type, id),
        at=at,
        properties=properties,
        user_id=origin.contact,
        received_at=received_at,
    )
    return Entry(EVENTS, origin.contact, encode(event))
