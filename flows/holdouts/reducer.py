"""Holdouts in the fold: a contact is judged when it is new, when definitions change and when a period begins.

What was concluded is said by `holdout_entered` and `holdout_left`, and kept: journeys and planning ask the state, and
what was planned before and still waits is recalled. Where nothing is defined a record costs two comparisons.
"""

from __future__ import annotations

from typing import Any

import msgspec

from flows.contact.scope import Scope
from flows.contact.section import Contact, Section
from flows.holdouts.compile import Holdout, held_by
from schemas.records import Change, Send, encode
from schemas.topics import SENDS


class Held(msgspec.Struct, array_like=True, gc=False):
    """`by`: holdout -> the salt by which the contact is held out."""

    by: dict[str, str] = {}


SECTION = Section(7, "holdouts", Held)


def react(scope: Scope) -> None:
    """Judge the contact where that may have changed."""
    holdouts, state = scope.active.holdouts, scope.state
    due = state.due_of(SECTION)
    is_asked = scope.before is not None or (due is not None and due <= scope.at) or (state.is_new and bool(holdouts))
    if not is_asked or not (holdouts or state.has(SECTION)):
        return
    section = state.get(SECTION)
    now = held_by(scope.contact, holdouts, scope.at)
    for id in sorted(section.by.keys() | now.keys()):
        before, salt = section.by.get(id), now.get(id)
        if before != salt:
            if before is not None:
                _say(scope, "holdout_left", id, before)
            if salt is not None:
                _say(scope, "holdout_entered", id, salt)
    if not state.is_new and any("sends" in h.uses and h.id in now.keys() - section.by.keys() for h in holdouts):
        _recall(scope)
    section.by = now
    state.set_due(SECTION, min((end for h in holdouts if (end := h.ends(scope.at)) is not None), default=None))


def _recall(scope: Scope) -> None:
    """Marketing that is planned and waits to be handed over must not go any more, whatever its channel."""
    recall = Send(scope.id("recall", "holdout"), scope.contact, scope.at, 0, "", recall="holdout")
    scope.emit(SENDS, encode(recall))


def leave_all(scope: Scope) -> None:
    """The contact becomes a part of another, which is judged by its own id."""
    if scope.state.has(SECTION):
        for id, salt in sorted(scope.state.get(SECTION).by.items()):
            _say(scope, "holdout_left", id, salt)
        scope.state.get(SECTION).by = {}
        scope.state.set_due(SECTION, None)


def held(state: Contact, holdouts: tuple[Holdout, ...], use: str) -> str:
    """The holdout that keeps the contact from `journeys` or `sends`; empty where none does."""
    if not holdouts or not state.has(SECTION):
        return ""
    by = state.get(SECTION).by
    return next((h.id for h in holdouts if use in h.uses and h.id in by), "")


def _say(scope: Scope, kind: str, id: str, salt: Any) -> None:
    change = Change(scope.id(kind, id, salt), kind, scope.contact, scope.at)
    change.holdout, change.value, change.historical = id, salt, scope.quiet
    scope.change(change)
