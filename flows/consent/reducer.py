"""Consent and suppression of one contact (LANGUAGE, "Leaves": consent, suppressed, reachable)."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from flows.contact.scope import Scope
from flows.contact.section import Section
from schemas.facts import ADDRESS_SUPPRESSED, CONSENT_CHANGED
from schemas.records import Change, Send, encode
from schemas.topics import SENDS

ADDRESS_TRAITS: Final = {"email": "email", "sms": "phone", "push": "push_token"}
DEFAULT_TOPIC: Final = "default"
Class: TypeAlias = Literal["marketing", "transactional"]
STATUSES: Final = ("subscribed", "unsubscribed", "pending")


class Said(NamedTuple):
    """A status, when it was said, and where in the log (`schemas.records.placed`)."""

    at: int
    status: str
    place: list[int] = []  # noqa: RUF012 - never changed

    def is_later(self, at: int, place: list[int]) -> bool:
        """Whether it was said after what was said at this instant and place."""
        return self.at > at or (self.at == at and self.place > place)


class Consent(msgspec.Struct, array_like=True, gc=False):
    """`said`: channel -> topic -> what. `suppressed`: channel -> hash of the address -> reason. `shared` is of older
    states, and asked by nobody.
    """

    said: dict[str, dict[str, Said]] = {}
    suppressed: dict[str, dict[str, str]] = {}
    shared: dict[str, list[str]] = {}


SECTION = Section(1, "consent", Consent)


def react(scope: Scope) -> None:
    """Take a `consent_changed` or an `address_suppressed`."""
    event = scope.event
    if event is None:
        return
    if event.type == CONSENT_CHANGED:
        _consent_changed(scope)
    elif event.type == ADDRESS_SUPPRESSED:
        _address_suppressed(scope)


def _text(scope: Scope, name: str, default: str = "") -> str:
    assert scope.event is not None
    value = scope.event.properties.get(name, default)
    return value if isinstance(value, str) else default


def _consent_changed(scope: Scope) -> None:
    """The latest by `at` stands; of two at once the later in the log."""
    assert scope.event is not None
    channel, topic = _text(scope, "channel"), _text(scope, "topic", DEFAULT_TOPIC)
    status, at = _text(scope, "status"), scope.event.at
    if status not in STATUSES or not channel:
        return
    topics = scope.state.get(SECTION).said.setdefault(channel, {})
    held = topics.get(topic)
    place = scope.event.place
    if held is not None and held.is_later(at, place):
        return
    topics[topic] = Said(at, status, place)
    scope.keys.add("consent")
    if held is None or held.status != status:
        change = Change(scope.id("consent", channel, topic), "consent", scope.contact, scope.at)
        change.channel, change.topic, change.value, change.historical = channel, topic, status, scope.quiet
        scope.change(change)
        if status == "unsubscribed":
            _recall(scope, channel, topic, "unsubscribed" if topic == DEFAULT_TOPIC else "no_consent", "marketing")


def _address_suppressed(scope: Scope) -> None:
    channel, digest = _text(scope, "channel"), _text(scope, "address_hash").lower()
    if channel and digest:
        scope.state.get(SECTION).suppressed.setdefault(channel, {})[digest] = _text(scope, "reason")
        scope.keys.add("suppressed")
        if scope.view.suppressed(channel):
            _recall(scope, channel, DEFAULT_TOPIC, "suppressed", "transactional")


def _recall(scope: Scope, channel: str, topic: str, reason: str, up_to: Class) -> None:
    """What is planned and waits to be handed over must not go any more; imported history takes nothing back."""
    if not scope.quiet:
        recall = Send(scope.id("recall", channel, topic), scope.contact, scope.at, 0, channel)
        recall.topic, recall.recall, recall.message_class = topic, reason, up_to
        scope.emit(SENDS, encode(recall))


def absorb(scope: Scope, other: Consent) -> None:
    """Take a merged contact's consent in: the latest said stands; suppressions add up."""
    own = scope.state.get(SECTION)
    for channel, topics in other.said.items():
        mine = own.said.setdefault(channel, {})
        for topic, said in topics.items():
            if topic not in mine or said.is_later(mine[topic].at, mine[topic].place):
                mine[topic] = said
    for channel, hashes in other.suppressed.items():
        own.suppressed.setdefault(channel, {}).update(hashes)
    scope.keys |= {"consent", "suppressed"}
