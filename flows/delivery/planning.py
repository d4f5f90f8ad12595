"""Send planning: whether a message may go, decided in the fold, and said either way (DESIGN §2, rule 2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from flows.contact.scope import Scope
from flows.contact.subject import Subject
from flows.contact.view import MISSING
from flows.policy import reducer as policy
from flows.policy.caps import CAPPED, Planned
from flows.scoring import reducer as scoring
from schemas.ids import uuid5
from schemas.records import Change, Fallback, Quiet, Send, encode
from schemas.times import DAY, format_instant
from schemas.topics import SENDS

TRANSACTIONAL_EXPIRES = 7 * DAY  # a password reset that is a week late helps nobody
QUIET_AHEAD = 14 * DAY  # how far ahead a send carries the quiet hours


class Intent(NamedTuple):
    """A message that a journey's action node or a campaign wants to go now.

    `channels` is the order of fallback, `occurrence` counts this node's visits in this run (from 0), `entry_properties`
    are the properties of the event that opened the run, `expires_ms` overrides the class's default where it is not 0:
    it counts from `meant_at`, when the message was first wanted (0: now).
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
    meant_at: int = 0


def send_id(contact: str, intent: Intent) -> str:
    """Rule 5: a send is (journey, version, contact, entry key, node, occurrence); the run stands for its entry."""
    return uuid5("send", intent.journey, intent.version, contact, intent.run, intent.node, intent.occurrence)


class Later(NamedTuple):
    """It is quiet hours by the definition `quiet`: ask again at `until`."""

    until: int
    quiet: str


def plan(scope: Scope, intent: Intent) -> str | Later:
    """Emit the send on the first channel that may be used and return ""; else emit a skip and return its reason.

    The reason of the first channel is told: it is the one that was meant. A channel that may be used later is waited
    for, unless the message would come too late. The channels after the first go along, for delivery to fall back to.
    """
    usable, refusals = [], []
    for channel in intent.channels:
        failed = refusal(scope.view, channel, intent, scope.at)
        if failed is None:
            usable.append(channel)
        elif failed.until and not usable:
            if not intent.expires_ms or failed.until < _since(scope, intent) + intent.expires_ms:
                return Later(failed.until, failed.source)
            refusals.append("expired")
        else:
            refusals.append(failed.reason)
    if not usable:
        return skip(scope, intent, refusals[0])
    _emit(scope, intent, usable)
    return ""


def outlook(scope: Scope, intent: Intent) -> tuple[str, int]:
    """What `plan` would do now, without doing it: the channel it would use ("": none), the instant it would wait for
    (0: none).
    """
    for channel in intent.channels:
        failed = refusal(scope.view, channel, intent, scope.at)
        if failed is None:
            return channel, 0
        if failed.until and not (intent.expires_ms and failed.until >= _since(scope, intent) + intent.expires_ms):
            return "", failed.until
    return "", 0


class Verdict(NamedTuple):
    """One thing that was asked before a message might go. `reason` is that of a skip, where it did not pass.

    `until` is set where it only has to wait, `source` names the definition that decided.
    """

    check: str
    passed: bool
    reason: str
    value: str
    until: int = 0
    source: str = ""


def verdicts(subject: Subject, intent: Intent, channel: str, at: int) -> Iterator[Verdict]:
    """Everything that is asked of a channel at an instant, in order; the first that does not pass decides.

    A webhook is asked nothing. Marketing needs consent to channel and topic, keeps quiet hours and counts towards caps.
    """
    if channel == "webhook":
        return
    address = subject.address(channel)
    yield Verdict("address", bool(address), "no_address", address)
    is_suppressed = subject.suppressed(channel)
    yield Verdict("suppression", not is_suppressed, "suppressed", "listed" if is_suppressed else "not listed")
    if intent.message_class == "marketing":
        active = subject.active
        if active.holdouts:
            held = subject.held_out("sends")
            yield Verdict("holdout", not held, "holdout", held or "not held out")
        status = subject.consent(channel, intent.topic)
        yield Verdict("consent to the topic", status == "subscribed", "no_consent", status)
        status = subject.consent(channel, "default")
        yield Verdict("consent to the channel", status != "unsubscribed", "unsubscribed", status)
        if active.quiet:
            yield from _quiet(subject, channel, at)
        if active.caps:
            yield from _caps(subject, counted(intent, "", channel, at))


def _quiet(subject: Subject, channel: str, at: int) -> Iterator[Verdict]:
    zone = subject.zone
    for quiet in subject.active.quiet:
        if quiet.concerns(channel):
            until = quiet.until(at, zone)
            now = "not quiet" if until is None else f"quiet until {format_instant(until)}"
            value = f"{quiet.id}: {now}, in {quiet.zone or zone}"
            wait = 0 if until is None or quiet.skips else until
            yield Verdict("quiet hours", until is None, "quiet_hours", value, wait, quiet.id)


def _caps(subject: Subject, meant: Planned) -> Iterator[Verdict]:
    planned = policy.planned(subject.state)
    for cap in subject.active.caps:
        if cap.concerns(meant):
            count = cap.count(planned, meant)
            yield Verdict("frequency cap", count.number < cap.max, CAPPED, cap.said(count), 0, cap.id)


def counted(intent: Intent, send: str, channel: str, at: int) -> Planned:
    """The message as caps see it."""
    return Planned(at, send, channel, intent.topic, intent.campaign or intent.journey)


def refusal(subject: Subject, channel: str, intent: Intent, at: int) -> Verdict | None:
    """What keeps the message from the channel; None where nothing does."""
    for verdict in verdicts(subject, intent, channel, at):
        if not verdict.passed:
            return verdict
    return None


def _since(scope: Scope, intent: Intent) -> int:
    return intent.meant_at or scope.at


def _emit(scope: Scope, intent: Intent, usable: Sequence[str]) -> None:
    """`usable` are the channels that may be used, the first of which is."""
    channel = usable[0]
    if intent.expires_ms:
        expires = _since(scope, intent) + intent.expires_ms
    else:
        expires = scope.at + _default_expiry(scope, intent)
    send = Send(
        id=send_id(scope.contact, intent),
        contact=scope.contact,
        at=scope.at,
        expires=expires,
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
    send.quiet = _quiet_windows(scope, intent, channel, expires)
    send.fallback = [_fallback(scope, intent, other, expires) for other in usable[1:]]
    locale = scope.view.trait("locale")
    send.locale = locale if isinstance(locale, str) else scope.active.locale
    scope.emit(SENDS, encode(send))
    if scope.active.caps and intent.message_class == "marketing" and channel != "webhook":
        policy.note(scope, counted(intent, send.id, channel, scope.at))
    scoring.decided(scope, send.id)


def _fallback(scope: Scope, intent: Intent, channel: str, expires: int) -> Fallback:
    version, data = _content(scope, intent, channel)
    return Fallback(
        channel, scope.view.address(channel), version, data, _quiet_windows(scope, intent, channel, expires)
    )


def _quiet_windows(scope: Scope, intent: Intent, channel: str, expires: int) -> list[Quiet]:
    """The quiet hours that begin while the message may still be handed over."""
    if not scope.active.quiet or intent.message_class != "marketing" or channel == "webhook":
        return []
    zone = scope.view.zone
    return [
        Quiet(begins, ends, quiet.skips)
        for quiet in scope.active.quiet
        if quiet.concerns(channel)
        for begins, ends in quiet.windows(scope.at, min(expires, scope.at + QUIET_AHEAD), zone)
    ]


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


def skip(scope: Scope, intent: Intent, reason: str, value: Any = None) -> str:
    """Say that the message will not go, and why; the reason. `value` says more, as JSON."""
    send = send_id(scope.contact, intent)
    change = Change(uuid5("skip", send, reason), "send_skipped", scope.contact, scope.at)
    change.journey, change.version, change.run, change.entry = intent.journey, intent.version, intent.run, intent.entry
    change.node, change.send, change.reason, change.campaign = intent.node, send, reason, intent.campaign
    change.channel, change.topic, change.value = intent.channels[0], intent.topic, value
    scope.change(change)
    return reason
