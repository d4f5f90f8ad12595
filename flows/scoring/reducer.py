"""Engagement in the fold: facts change features, features change the score, planned sends become examples.

Runs after profile and consent and before the segments, so that a leaf that asks for a score sees this record's.
"""

from __future__ import annotations

from typing import Final, Literal

from flows.contact.scope import Scope
from flows.scoring import pending, send_time
from flows.scoring.features import SECTION, Fact, Features, merge, observe, vector
from flows.scoring.model import Model, score
from flows.scoring.pending import decided
from schemas.facts import CHANNELS
from schemas.records import Change, Event

__all__ = ["SECTION", "decided", "react", "score_of"]

Unreached = Literal["unreached"]
_OUTCOMES: Final[dict[str, Fact | Unreached]] = {
    "sent": "sent",
    "delivered": "delivered",
    "opened": "opened",
    "clicked": "clicked",
    "replied": "clicked",  # who answers has read it
    "bounced": "unreached",
    "failed": "unreached",
    "skipped": "unreached",
}
_FACTS: Final[dict[str, Fact | Unreached]] = {
    "page": "visited",
    "screen": "visited",
    "order_completed": "ordered",
    "deal_won": "ordered",
    **{f"{channel}_{o}": fact for channel in CHANNELS if channel != "webhook" for o, fact in _OUTCOMES.items()},
    **{f"webhook_{o}": "unreached" for o in _OUTCOMES},  # goes to a machine: it says nothing about the contact
}


def score_of(features: Features, model: str) -> float | None:
    """The model's last score, 0 to 100 to one decimal; None below its minimum of data."""
    return features.scores.get(model)


def react(scope: Scope) -> None:
    """Label what is due, take the event's fact, and say the score where it moved."""
    due = scope.state.due_of(SECTION)
    if due is not None and due <= scope.at:
        pending.expire(scope, scope.state.get(SECTION))
    event = scope.event
    if event is None:
        return
    fact = _FACTS.get(event.name)
    if fact is not None:
        _take(scope, event, fact)


def absorb(scope: Scope, other: Features) -> None:
    """Take a merged contact's engagement in; the score is computed anew."""
    features = scope.state.get(SECTION)
    pending.absorb(scope, features, other)
    merge(features, other)
    _score(scope, features)


def _take(scope: Scope, event: Event, fact: Fact | Unreached) -> None:
    features = scope.state.get(SECTION)
    if fact == "unreached":
        pending.forget(scope, features, _send(event))
        return
    is_answer = fact == "opened" or fact == "clicked"
    if is_answer and event.properties.get("machine") is True:
        return
    if observe(features, fact, event.at):
        _score(scope, features)
    if is_answer:
        send_time.answered(features.hours, send_time.local_hour(scope.view.zone, event.at))
        pending.answered(scope, features, _send(event))


def _send(event: Event) -> str:
    send = event.properties.get("send")
    return send if isinstance(send, str) else ""


def _score(scope: Scope, features: Features) -> None:
    """Compute the score by the version now active; where it moved, keep it and say so."""
    model = scope.active.model
    value = _value(model, features, scope.at)
    if value == features.scores.get(model.id):
        return
    if value is None:
        features.scores.pop(model.id, None)
    else:
        features.scores[model.id] = value
    scope.keys.add(model.key)
    change = Change(scope.id("score", model.id), "score", scope.contact, scope.at)
    change.model, change.version, change.value, change.historical = model.id, model.version, value, scope.quiet
    scope.change(change)


def _value(model: Model, features: Features, at: int) -> float | None:
    if features.sends < model.minimum_sends:
        return None
    return round(score(model, vector(features, at)), 1)
