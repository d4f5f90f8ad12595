"""Decisions that wait for their label: what was known when a message was planned, until it is opened or its time is up.

They are kept encoded within the features section, because a page view should not pay for them.
"""

from __future__ import annotations

from typing import Final

import msgspec

from flows.contact.scope import Scope
from flows.scoring.features import FEATURE_SET, SECTION, Features, vector
from schemas.ids import uuid5
from schemas.records import Example, encode
from schemas.topics import EXAMPLES

LIMIT: Final = 16  # messages to one contact within a label window; of more, the later ones teach nothing new


class Decision(msgspec.Struct, array_like=True, gc=False):
    """A planned message: the features at that instant, and the model version that was active."""

    send: str
    at: int
    due: int
    model: str
    version: int
    features: list[float]


_decode = msgspec.msgpack.Decoder(list[Decision]).decode
_encode = msgspec.msgpack.Encoder().encode


def decided(scope: Scope, send: str) -> None:
    """Remember a planned send; its label follows within the model's window. Beyond LIMIT it is not remembered."""
    if scope.quiet:
        return
    model, features = scope.active.model, scope.state.get(SECTION)
    waiting = _decode(features.pending)
    if len(waiting) >= LIMIT or any(d.send == send for d in waiting):
        return
    due = scope.at + model.label_window
    waiting.append(Decision(send, scope.at, due, model.id, model.version, vector(features, scope.at)))
    _keep(scope, features, waiting)


def answered(scope: Scope, features: Features, send: str) -> None:
    """The contact opened or clicked it: label 1. A record of the past teaches nothing."""
    for decision in _take(scope, features, send):
        if not scope.quiet:
            _teach(scope, decision, 1)


def forget(scope: Scope, features: Features, send: str) -> None:
    """It never reached the contact, so it says nothing about them."""
    _take(scope, features, send)


def expire(scope: Scope, features: Features) -> None:
    """Nothing came within the window: label 0."""
    waiting = _decode(features.pending)
    for decision in waiting:
        if decision.due <= scope.at:
            _teach(scope, decision, 0)
    _keep(scope, features, [d for d in waiting if d.due > scope.at])


def absorb(scope: Scope, features: Features, other: Features) -> None:
    """Take over what waits for its label at a contact that became a part of this one."""
    known = _decode(features.pending)
    more = [d for d in _decode(other.pending) if all(d.send != k.send for k in known)]
    if more:
        _keep(scope, features, sorted([*known, *more], key=lambda d: (d.at, d.send))[:LIMIT])


def _take(scope: Scope, features: Features, send: str) -> list[Decision]:
    """The decision on this send, no longer pending; empty where none waits."""
    if scope.state.due_of(SECTION) is None:
        return []
    waiting = _decode(features.pending)
    taken = [d for d in waiting if d.send == send]
    if taken:
        _keep(scope, features, [d for d in waiting if d.send != send])
    return taken


def _keep(scope: Scope, features: Features, waiting: list[Decision]) -> None:
    features.pending = msgspec.Raw(_encode(waiting))
    scope.state.set_due(SECTION, min([d.due for d in waiting], default=None))


def _teach(scope: Scope, d: Decision, label: int) -> None:
    example = Example(
        id=uuid5("example", d.model, d.send),
        model=d.model,
        contact=scope.contact,
        at=d.at,
        features=d.features,
        label=1 if label else 0,
        labelled_at=scope.at,
        version=d.version,
        feature_set=FEATURE_SET,
    )
    scope.emit(EXAMPLES, encode(example), key=d.model)
