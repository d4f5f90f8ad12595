"""A pass over a partition's contacts: everyone sees the definitions that became active, a few with each step."""

from __future__ import annotations

from collections.abc import Mapping

from flows.contact.active import Definitions
from flows.contact.section import decode_head

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
        self._spared: dict[int, bool] = {}

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
        spared = self._spared.get(seen)
        if spared is None:
            spared = self._spared[seen] = self._definitions.spares(seen, self.epoch)
        return not spared or any(contact in past for past in self._pasts)
