"""Send planning: whether a message may go, decided in the fold, and said either way (DESIGN §2, rule 2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from flows.contact.scope import Scope
from flows.contact.subject import Subject
from flows.contact.view import MISSING
from flows.scoring import reducer as scoring
from schemas.ids import uuid5
from schemas.records import Change, Send, encode
from schemas.times import DAY
from schemas.topics import SENDS

TRANSACTIONAL_EXPIRES = 7 * DAY  # a password reset that is a week late helps nobody


class Intent(NamedTuple):
    """A message that a journey's action node or a campaign wants to go now.

    `channels` is the order of fallback, `occurrence` counts this node's visits in this run (from 0), `entry_properties`
    are the properties of the event that opened the run, `expires_ms` overrides the class's default where it is not 0.
    """

    journey: str
    version: int
    run: str
    entry: str
    node: str
    occurrence: int
    channels: tuple[str, ...]
    template: str
    topic: str = "default"
    message_class: Literal["marketing", "transactional"] = "marketing"
    campaign: str = ""
    variant: str = ""
    expires_ms: int = 0
    entry_properties: Mapping[str, Any] = {}


def send_id(contact: str, intent: Intent) -> str:
    """Rule 5: a send is (journey, version, contact, entry key, node, occurrence); the run stands for its entry."""
    return uuid5("send", intent.journey, intent.version, contact, intent.run, intent.node, intent.occurrence)


def plan(scope: Scope, intent: Intent) -> str:
    """Emit the send on the first channel that may be used and return ""; else emit a skip and return its reason.

    The reason of the first channel is told: it is the one that was meant.
    """
    refusals = []
    for channel in intent.channels:
        reason = refusal(scope.view, channel, intent)
        if not reason:
            _emit(scope, intent, channel)
            return ""
        refusals.append(reason)
    return skip(scope, intent, refusals[0])


class Verdict(NamedTuple):
    """One thing that was asked before a message might go. `reason` is that of a skip, where it did not pass."""

    check: str
    passed: bool
    reason: str
    value: str


def verdicts(subject: Subject, channel: str, topic: str, message_class: str) -> Iterator[Verdict]:
    """Everything that is asked of a channel, in order; the first that does not pass decides.

    A webhook is asked nothing. Marketing needs consent to channel and topic.
    """
    if channel == "webhook":
        return
    address = subject.address(channel)
    yield Verdict("address", bool(address), "no_address", address)
    is_suppressed = subject.suppressed(channel)
    yield Verdict("suppression", not is_suppressed, "suppressed", "listed" if is_suppressed else "not listed")
    if message_class == "marketing":
        if subject.active.holdouts:
            held = subject.held_out("sends")
            yield Verdict("holdout", not held, "holdout", held or "not held out")
        status = subject.consent(channel, topic)
        yield Verdict("consent to the topic", status == "subscribed", "no_consent", status)
        status = subject.consent(channel, "default")
        yield Verdict("consent to the channel", status != "unsubscribed", "unsubscribed", status)


def refusal(subject: Subject, channel: str, intent: Intent) -> str:
    """Why the channel may not be used; empty where it may."""
    asked = verdicts(subject, channel, intent.topic, intent.message_class)
    return next((verdict.reason for verdict in asked if not verdict.passed), "")


def _emit(scope: Scope, intent: Intent, channel: str) -> None:
    send = Send(
        id=send_id(scope.contact, intent),
        contact=scope.contact,
        at=scope.at,
        expires=scope.at + (intent.expires_ms or _default_expiry(scope, intent)),
        channel=channel,
        channels=list(intent.channels[intent.channels.index(channel) + 1 :]),
        to=scope.view.address(channel),
        template=intent.template,
        topic=intent.topic,
        message_class=intent.message_class,
        campaign=intent.campaign,
        journey=intent.journey,
        version=intent.version,
        run=intent.run,
        entry=intent.entry,
        node=intent.node,
        variant=intent.variant,
    )
    send.template_version, send.data = _content(scope, intent, channel)
    locale = scope.view.trait("locale")
    send.locale = locale if isinstance(locale, str) else scope.active.locale
    scope.emit(SENDS, encode(send))
    scoring.decided(scope, send.id)


def _default_expiry(scope: Scope, intent: Intent) -> int:
    return scope.active.marketing_expires if intent.message_class == "marketing" else TRANSACTIONAL_EXPIRES


def _content(scope: Scope, intent: Intent, channel: str) -> tuple[int, dict[str, Any]]:
    """The template's version and just those traits that it names; `entry` is the event that opened the run."""
    version, template = scope.active.templates.get((channel, intent.template), (0, None))
    if template is None:
        return 0, {}
    data: dict[str, Any] = {}
    for name in sorted(template.names):
        if name == "entry":
            data[name] = dict(intent.entry_properties)
        elif name == "contact":
            data[name] = {"id": scope.contact}
        elif (value := scope.view.trait(name)) is not MISSING:
            data[name] = value
    return version, data


def skip(scope: Scope, intent: Intent, reason: str) -> str:
    """Say that the message will not go, and why; the reason."""
    send = send_id(scope.contact, intent)
    change = Change(uuid5("skip", send, reason), "send_skipped", scope.contact, scope.at)
    change.journey, change.version, change.run, change.entry = intent.journey, intent.version, intent.run, intent.entry
    change.node, change.send, change.reason, change.campaign = intent.node, send, reason, intent.campaign
    change.channel, change.topic = intent.channels[0], intent.topic
    scope.change(change)
    return reason
