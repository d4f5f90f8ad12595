"""Which leaves an event or a change touches, and the states of one contact's (or one run's) leaves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import msgspec

from flows.contact.view import ContactView
from flows.segments.leaf import Leaf
from flows.segments.program import Program
from schemas.records import Event

_EVENT: Final = "event:"
_PREFIX: Final = "event^"
_TRAIT: Final = "trait:"
_NONE: Final[tuple[Leaf, ...]] = ()


class LeafSet:
    """The leaves of many programs, each once, found by what touches them. Immutable.

    With `in_run` it holds the leaves that look at one run of a journey, else those that look at the contact.
    """

    __slots__ = ("_below", "_by_key", "_by_name", "_prefixes", "leaves")

    def __init__(self, programs: Iterable[Program], in_run: bool = False):
        found = {leaf.id: leaf for program in programs for leaf in program.leaves if leaf.in_run == in_run}
        self.leaves: dict[str, Leaf] = dict(sorted(found.items()))
        by_name: dict[str, list[Leaf]] = {}
        by_prefix: dict[str, list[Leaf]] = {}
        by_key: dict[str, list[Leaf]] = {}
        below: dict[str, list[Leaf]] = {}
        for leaf in self.leaves.values():
            for key in sorted(leaf.keys):
                if key.startswith(_EVENT):
                    by_name.setdefault(key.removeprefix(_EVENT), []).append(leaf)
                elif key.startswith(_PREFIX):
                    by_prefix.setdefault(key.removeprefix(_PREFIX), []).append(leaf)
                else:
                    by_key.setdefault(key, []).append(leaf)
                    for above in _ancestors(key):
                        below.setdefault(above, []).append(leaf)
        self._by_name = {name: tuple(leaves) for name, leaves in by_name.items()}
        self._prefixes = tuple((prefix, tuple(leaves)) for prefix, leaves in by_prefix.items())
        self._by_key = {key: tuple(leaves) for key, leaves in by_key.items()}
        self._below = {key: tuple(leaves) for key, leaves in below.items()}

    def touched(self, event: Event | None, keys: Collection[str]) -> Collection[Leaf]:
        """The leaves that the event, or what is named by `keys`, can change; each once."""
        found = _NONE
        if event is not None:
            name = event.event if event.type == "track" else event.name
            found = self._by_name.get(name, _NONE)
            if not (keys or self._prefixes):
                return found  # most records: each leaf stands once below one name
            for prefix, leaves in self._prefixes:
                if name.startswith(prefix):
                    found += leaves
        for key in keys:
            found += self.of_key(key)
        return found if len(found) < 2 else {leaf.id: leaf for leaf in found}.values()

    def of_key(self, key: str) -> tuple[Leaf, ...]:
        """The leaves that the change of one key concerns; of a trait also those above and below its path."""
        found = self._by_key.get(key, _NONE)
        if key in self._below:
            found += self._below[key]
        if "." in key:
            for above in _ancestors(key):
                found += self._by_key.get(above, _NONE)
        return found


def _ancestors(key: str) -> Iterable[str]:
    """`trait:a.b.c` -> `trait:a.b`, `trait:a`."""
    while key.startswith(_TRAIT) and (cut := key.rfind(".")) >= 0:
        key = key[:cut]
        yield key


class LeafStates(msgspec.Struct, array_like=True, gc=False):
    """The states of leaves by id, and the instants at which their truths may change by themselves."""

    states: dict[str, Any] = {}
    dues: dict[str, int] = {}

    def begin(self, leafset: LeafSet, event: Event | None, view: ContactView, at: int) -> None:
        """Start a run: leaves that ask about the record that opened it take it; dues are set."""
        for leaf in leafset.leaves.values():
            self._keep(leaf, leaf.begin(event), view, at)

    def observe(
        self, leafset: LeafSet, event: Event | None, keys: Collection[str], view: ContactView, at: int
    ) -> set[str]:
        """Take an event and changes in; the ids of the leaves whose truth may have turned. Events come once each."""
        return self.take(leafset.touched(event, keys), event, view, at)

    def take(self, leaves: Iterable[Leaf], event: Event | None, view: ContactView, at: int) -> set[str]:
        """The same for leaves whose names or keys are hit: the ids of those whose truth it turned, or may have."""
        turned: set[str] = set()
        states, dues = self.states, self.dues
        for leaf in leaves:
            id = leaf.id
            held = states.get(id)
            if leaf.asks_around:
                turned.add(id)
                self._keep(leaf, held if event is None else leaf.observe(held, event, at), view, at)
            elif event is not None and (step := leaf.step(held, event, view, at)) is not None:
                states[id], is_turned, due = step
                if is_turned:
                    turned.add(id)
                if due is not None:
                    dues[id] = due
                elif id in dues:
                    del dues[id]
        return turned

    def wake(self, leafset: LeafSet, view: ContactView, at: int) -> set[str]:
        """The ids of the leaves whose instant has come; each is given its next one."""
        woken = {id for id, due in self.dues.items() if due <= at}
        for id in sorted(woken):
            leaf = leafset.leaves.get(id)
            if leaf is None:
                del self.dues[id]
            else:
                self._keep(leaf, self.states.get(id), view, at)
        return woken

    def due(self) -> int | None:
        """The earliest instant at which a truth may change by itself."""
        return min(self.dues.values()) if self.dues else None

    def holds(self, program: Program, view: ContactView, at: int) -> bool:
        """Whether the program's condition holds."""
        return program.holds(self.states, view, at)

    def merge(self, leafset: LeafSet, other: LeafStates) -> None:
        """Take the events in that another contact's leaves have seen. Dues must be set anew: `refresh`."""
        for id, state in other.states.items():
            leaf = leafset.leaves.get(id)
            if leaf is not None:
                self.states[id] = leaf.merge(self.states.get(id), state)

    def precede(self, leafset: LeafSet, past: Mapping[str, Any]) -> list[str]:
        """Take in what came before all that was seen; the ids of the leaves. Dues must be set anew: `refresh`."""
        known = [id for id in past if id in leafset.leaves]
        for id in known:
            self.states[id] = leafset.leaves[id].merge(past[id], self.states.get(id))
        return known

    def refresh(self, leaves: Iterable[Leaf], view: ContactView, at: int) -> None:
        """Set the dues of leaves anew, whose state or subject was changed from outside."""
        for leaf in leaves:
            self._keep(leaf, self.states.get(leaf.id), view, at)

    def forget(self, leafset: LeafSet) -> None:
        """Drop what belongs to no leaf of the set."""
        for kept in (self.states, self.dues):
            for id in [id for id in kept if id not in leafset.leaves]:
                del kept[id]

    def _keep(self, leaf: Leaf, state: Any, view: ContactView, at: int) -> None:
        if state is not None:
            self.states[leaf.id] = state
        due = leaf.next_change(state, view, at)
        if due is not None:
            self.dues[leaf.id] = due
        elif leaf.id in self.dues:
            del self.dues[leaf.id]
