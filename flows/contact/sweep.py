"""A pass over a partition's contacts: everyone sees the definitions that became active, a few with each step."""

from __future__ import annotations

from collections.abc import Mapping

from flows.contact.active import Definitions
from flows.contact.fold import SECTIONS
from flows.contact.section import Contact, decode_head
from flows.segments import engine

LOOKS = 10  # contacts that are looked at for each that may be woken: a look costs that much less


class Sweep:
    """The contacts that have to see the activations up to `epoch`, those without a state included of whom these bring
    a past. The others, whom nothing of it concerns, are passed by."""

    def __init__(self, partition: int, definitions: Definitions, states: Mapping[str, bytes], seen: int, epoch: int):
        self.epoch, self.is_over = epoch, False
        self._definitions, self._states = definitions, states
        self._pasts = tuple(states for _, states in definitions.pasts(partition, seen, epoch))
        dormant = {contact for past in self._pasts for contact in past if contact not in states}
        self._contacts = [*states, *sorted(dormant)]
        self._at = 0
        self._to_hold: dict[int, frozenset[str] | None] = {}

    def next(self, limit: int) -> list[str]:
        """The next contacts to wake, at most so many; `is_over` after the last."""
        found: list[str] = []
        end = min(self._at + limit * LOOKS, len(self._contacts))
        while self._at < end and len(found) < limit:
            contact = self._contacts[self._at]
            self._at += 1
            if self._must_see(contact):
                found.append(contact)
        self.is_over = self._at == len(self._contacts)
        return found

    def _must_see(self, contact: str) -> bool:
        blob = self._states.get(contact)
        if blob is None:
            return True
        seen = decode_head(blob).epoch
        if seen >= self.epoch:
            return False
        if seen not in self._to_hold:
            self._to_hold[seen] = self._definitions.to_hold(seen, self.epoch)
        names = self._to_hold[seen]
        return names is None or any(contact in past for past in self._pasts) or (bool(names) and _holds(blob, names))


def _holds(blob: bytes, names: frozenset[str]) -> bool:
    """Whether the state has something of these leaves, or a membership of these segments."""
    section = Contact(blob, SECTIONS).get(engine.SECTION)
    return not all(map(names.isdisjoint, (section.members, section.states, section.dues)))
