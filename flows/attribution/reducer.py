"""Touches and credits in the fold: what was done with a message is kept, and a conversion credits it in the same pass.

A conversion is credited once, to the touches that are known when its record is folded; what counts is their `at`.
"""

from __future__ import annotations

from typing import Final

from flows.attribution.compile import AttributionModel
from flows.attribution.credit import Credit, credits
from flows.attribution.money import Money, amount_of
from flows.attribution.touches import SECTION, Touch, Touches, record, within
from flows.contact.scope import Scope
from schemas.facts import CHANNELS
from schemas.ids import uuid5
from schemas.records import Change, Event

__all__ = ["SECTION", "react"]

_KINDS: Final = ("sent", "delivered", "opened", "clicked", "replied")
_FACTS: Final = {f"{channel}_{kind}": (channel, kind) for channel in CHANNELS for kind in _KINDS}
_NOBODY: Final = Touch(0, "")  # revenue that no message is credited with


def react(scope: Scope) -> None:
    """Take the event's touch, or credit its conversion."""
    event = scope.event
    if event is None:
        return
    name = event.event if event.type == "track" else event.type
    fact = _FACTS.get(name)
    if fact is not None:
        _touched(scope, event, *fact)
    for model in scope.active.attribution:
        if name in model.conversions:
            _converted(scope, event, model)


def absorb(scope: Scope, other: Touches) -> None:
    """Take a merged contact's touches in; conversions that were credited stay as they were."""
    window = max((m.window for m in scope.active.attribution), default=0)
    for touch in other.kept:
        record(scope.state.get(SECTION), touch, window)


def _touched(scope: Scope, event: Event, channel: str, kind: str) -> None:
    """A touch that some model asks for; opens and clicks by machines are none."""
    models = [m for m in scope.active.attribution if kind in m.touches]
    if not models or event.properties.get("machine") is True:
        return
    text = {name: value for name, value in event.properties.items() if isinstance(value, str)}
    touch = Touch(
        event.at,
        kind,
        channel,
        text.get("send", ""),
        text.get("campaign", ""),
        text.get("journey", ""),
        text.get("node", ""),
    )
    record(scope.state.get(SECTION), touch, max(m.window for m in models))
    change = Change(scope.id("touch"), "touch", scope.contact, event.at)
    _name_message(change, touch)
    change.touch, change.historical = kind, scope.quiet
    scope.change(change)


def _converted(scope: Scope, event: Event, model: AttributionModel) -> None:
    """Credit the messages touched before; nobody where there are none, so that the totals add up."""
    money = amount_of(event.properties, scope.active.currency)
    touches = within(scope.state.get(SECTION), event.at, model.window, model.touches)
    for credit in credits(model.rule, touches, money.amount_minor) or [Credit(_NOBODY, money.amount_minor, 1.0)]:
        scope.change(_credit(scope, event, model, credit, money))


def _credit(scope: Scope, event: Event, model: AttributionModel, credit: Credit, money: Money) -> Change:
    id = uuid5("credit", scope.contact, event.id or scope.cause, model.id, credit.touch.message)
    change = Change(id, "credit", scope.contact, event.at)
    _name_message(change, credit.touch)
    change.conversion, change.event = event.id, event.name
    change.model, change.version, change.touch = model.id, model.version, credit.touch.kind
    change.amount_minor, change.currency, change.share = credit.amount_minor, money.currency, credit.share
    change.historical = scope.quiet
    return change


def _name_message(change: Change, touch: Touch) -> None:
    change.send, change.campaign, change.journey, change.node = touch.send, touch.campaign, touch.journey, touch.node
    change.channel = touch.channel
