"""One contact under one or several reducers, as the fold runs them: timers first, then the record."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

from flows.contact.scope import Scope
from flows.contact.section import Contact
from flows.contact.subject import Subject
from schemas.records import Change, Entry, Event, Example, decode_change, decode_example
from schemas.topics import CHANGES, EXAMPLES


class OneContact:
    """Feed it with `event` and `wait`; what was said stands in `effects`. Its state is stored after each step."""

    def __init__(self, reducers: Sequence[ModuleType], **active: Any):
        self.reducers, self.active = reducers, SimpleNamespace(zone="UTC", **active)
        self.stored: bytes | None = None
        self.effects: list[Entry] = []
        self.keys: set[str] = set()
        self._count = 0

    def event(self, name: str, at: int, *, logged_at: int | None = None, historical: bool = False, **properties: Any):
        """A record: a track of that name, or one of the types `page`, `email_opened`, …"""
        logged_at = at if logged_at is None else logged_at
        self.wait(logged_at)
        self._count += 1
        is_type = name in ("page", "screen") or name.split("_")[0] in ("email", "sms", "push", "webhook")
        event = Event(
            name if is_type else "track",
            f"e{self._count}",
            at,
            "" if is_type else name,
            properties,
            historical=historical,
        )
        return self._step(logged_at, f"0:{self._count}", event)

    def decide(self, send: str, at: int) -> None:
        """A send is planned at the instant."""
        self.wait(at)
        state = self.open()
        scope = Scope("ann", at, f"plan:{send}", None, self.active, state, None, self.effects)
        self.reducers[0].decided(scope, send)
        self.stored = state.save()

    def wait(self, until: int) -> None:
        """Let time pass."""
        while (due := self.open().due) is not None and due <= until:
            self._step(due, f"@{due}", None)

    def open(self) -> Contact:
        return Contact(self.stored, 7)

    def _step(self, at: int, cause: str, event: Event | None) -> Contact:
        state = self.open()
        scope = Scope("ann", at, cause, event, self.active, state, Subject("ann", state, self.active), self.effects)
        for reducer in self.reducers:
            reducer.react(scope)
        self.keys = scope.keys
        self.stored = state.save()
        return state

    @property
    def examples(self) -> list[Example]:
        return [decode_example(e.value) for e in self.effects if e.topic == EXAMPLES]

    def changes(self, kind: str) -> list[Change]:
        return [c for e in self.effects if e.topic == CHANGES and (c := decode_change(e.value)).kind == kind]
