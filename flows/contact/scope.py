"""One contact at one instant: what a reducer reads, what it says.

A reducer is a module with `SECTION` and `react(scope)`. It reads `scope`, changes its own section, emits effects, and
tells the contact when it wants to be woken (`scope.state.set_due`). It reads no clock: `scope.at` is the only time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from schemas.ids import uuid5
from schemas.records import Change, Entry, Event, encode
from schemas.topics import CHANGES, EVENTS

if TYPE_CHECKING:
    from flows.contact.active import Active
    from flows.contact.section import Contact
    from flows.contact.subject import Subject


class Flip(NamedTuple):
    """A membership that changed at this instant."""

    segment: str
    version: int
    entered: bool


Watch: TypeAlias = "Callable[[Scope, Any, bool], None]"  # of a run that comes to a node (true) or leaves its wait


class Scope:
    """One contact at one instant.

    `event` is the record's event, None where the instant came by time (a timer, or definitions that became active).
    `cause` names the record (`partition:offset`) or the instant, and seeds the ids of effects: the same on every
    replay. `flips` are filled by the segments before journeys run; `touched` holds the ids of leaves whose state or
    subject this instant changed. `keys` name what earlier reducers changed: `trait:<path>`, `consent`, `suppressed`,
    `score:<model>`. `before` is set where definitions became active at this very instant: what was active until then.
    `quiet` is true for a historical record: it builds state and starts nothing. `watch` is for whoever explains.
    """

    __slots__ = (
        "active",
        "at",
        "before",
        "cause",
        "contact",
        "effects",
        "event",
        "flips",
        "keys",
        "quiet",
        "state",
        "touched",
        "view",
        "watch",
    )

    def __init__(
        self,
        contact: str,
        at: int,
        cause: str,
        event: Event | None,
        active: Active,
        state: Contact,
        view: Subject,
        effects: list[Entry],
        before: Active | None = None,
        watch: Watch | None = None,
    ):
        self.contact, self.at, self.cause, self.event = contact, at, cause, event
        self.active, self.state, self.view, self.effects = active, state, view, effects
        self.before, self.watch = before, watch
        self.flips: list[Flip] = []
        self.keys: set[str] = set()
        self.touched: set[str] = set()
        self.quiet = event is not None and event.historical

    def as_of(self, at: int) -> Scope:
        """The same at an earlier instant, for what was due then and had to wait for a word."""
        made = (self.contact, at, self.cause, self.event, self.active, self.state, self.view, self.effects)
        return Scope(*made, watch=self.watch)

    def emit(self, topic: str, value: bytes, key: str | None = None) -> None:
        """Append a record to a topic, keyed by this contact unless said otherwise."""
        self.effects.append(Entry(topic, self.contact if key is None else key, value))

    def change(self, change: Change) -> None:
        """Say what was concluded."""
        self.effects.append(Entry(CHANGES, self.contact, encode(change)))

    def record(self, event: Event, key: str) -> None:
        """Append a fact to the log, under its own key: what changes a state comes by the log, also from here."""
        self.effects.append(Entry(EVENTS, key, encode(event)))

    def id(self, *parts: str | int) -> str:
        """The id of an effect of this instant, from its cause: the same on every replay."""
        return uuid5(self.contact, self.cause, *parts)
