"""What a compiled leaf of a condition is: its state, its fold, its truth, its next instant of change, its merge."""

from __future__ import annotations

from abc import ABC, abstractmethod
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, TypeAlias

from flows.contact.view import ContactView
from schemas.definitions import conditions as spec
from schemas.records import Event


def leaf_id(leaf: spec.Leaf) -> str:
    """11 characters that stand for the leaf's meaning: BLAKE2b-64 of its canonical JSON, base64url."""
    return short_id(spec.canonical(leaf))


def short_id(data: bytes) -> str:
    """BLAKE2b-64, base64url without padding."""
    return urlsafe_b64encode(blake2b(data, digest_size=8).digest()).rstrip(b"=").decode()


def event_key(name: spec.EventName) -> str:
    """The touch key of an event's name: `event:NAME`, or `event^PREFIX`."""
    return f"event^{name.text}" if name.prefix else f"event:{name.text}"


Step: TypeAlias = tuple[Any, bool, int | None]  # the new state, whether the truth turned, its next change


class Leaf(ABC):
    """A leaf without a state of its own; those over events keep some.

    `id` names its state, `keys` name what can change it: `event:NAME`, `event^PREFIX`, `trait:PATH` (a change at the
    path, above or below it), `consent`, `suppressed`, `segment:ID`, `score:MODEL`. `in_run` leaves look at one run of a
    journey. States are plain data that msgpack takes (ints, floats, strings, lists); None: nothing was seen.
    """

    def __init__(self, id: str, keys: Iterable[str], in_run: bool = False):
        self.id, self.keys, self.in_run = id, frozenset(keys), in_run
        # Whether it can change without its state: it also asks the profile, the zone, or what others conclude.
        self.asks_around = any(not key.startswith("event") for key in self.keys)

    def observe(self, state: Any, event: Event, at: int) -> Any:
        """The state with the event taken in; the very same object where the event changes nothing.

        Events may come in any order of their `at`; each comes once, and none is after the log time `at`.
        """
        return state

    def step(self, state: Any, event: Event, view: ContactView, at: int) -> Step | None:
        """Take in an event that is all that changed, where the leaf asks nothing around; None where it changes nothing.

        What `observe`, `truth` of both states and `next_change` come to, for leaves that can tell in one go.
        """
        seen = self.observe(state, event, at)
        if seen is state:
            return None
        is_turned = self.truth(state, view, at) != self.truth(seen, view, at)
        return seen, is_turned, self.next_change(seen, view, at)

    @abstractmethod
    def truth(self, state: Any, view: ContactView, at: int) -> bool:
        """Whether the leaf holds at the instant."""

    def next_change(self, state: Any, view: ContactView, at: int) -> int | None:
        """The earliest instant after `at` at which the truth may change by itself; None for never."""
        return None

    def begin(self, event: Event | None) -> Any:
        """The state with which a journey's run starts that this record opened."""
        return None

    def merge(self, a: Any, b: Any) -> Any:
        """The state of both sets of events together; where order in the log matters `b` is the later one."""
        if a is None or b is None:
            return b if a is None else a
        return self.union(a, b)

    def union(self, a: Any, b: Any) -> Any:
        """`merge` of two states that have both seen something."""
        return b

    def size(self, per_day: int) -> int:
        """Bytes of the encoded state at most, where at most `per_day` of its events happen on a day."""
        return 0

    def explain(self, state: Any, view: ContactView, at: int) -> dict[str, Any]:
        """The values and kept instants that decide the truth."""
        return {}


class EventLeaf(Leaf):
    """A leaf over the events of some names. `keys`: what else can change it."""

    def __init__(self, id: str, names: Sequence[spec.EventName], keys: Iterable[str] = (), in_run: bool = False):
        super().__init__(id, {*map(event_key, names), *keys}, in_run)
        self._exact = frozenset(name.text for name in names if not name.prefix)
        self._prefixes = tuple(sorted({name.text for name in names if name.prefix}))

    def names_it(self, event: Event) -> bool:
        """Whether the event goes by one of the names."""
        name = event.event if event.type == "track" else event.name
        return name in self._exact or (bool(self._prefixes) and name.startswith(self._prefixes))
