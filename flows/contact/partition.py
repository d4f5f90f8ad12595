"""A partition's fold: many contacts, one heap of timers, in the log's order (DESIGN, rules 1 to 3).

Before a record logged at t is applied, every pending timer of the partition with due <= t fires, in order of
(due, contact). When definitions that everyone has to see become active, the fold passes over its contacts in order, so
many with each step; a contact that is touched first sees them first, stamped with the same instant. States are held
encoded and opened when touched.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush

import msgspec

from flows.contact.active import Definitions
from flows.contact.fold import ContactFold
from flows.contact.section import Contact, decode_head
from flows.contact.sweep import Sweep
from schemas.facts import CONTROL
from schemas.ids import uuid5
from schemas.records import DeadLetter, Entry, Record, decode_event, encode, placed
from schemas.topics import DEAD_LETTERS, EVENTS

SWEEP = 50  # contacts that one step wakes in a pass over everyone, and one more for each two records
STALE = 10_000  # heap entries that no state stands behind, before a rebuild is considered


class PartitionFold:
    """Feed it with `push`, let it go on with `work`; `states`, `next_offset`, `logged_at` fit together after each."""

    def __init__(
        self, partition: int, definitions: Definitions, states: dict[str, bytes], next_offset: int, logged_at: int = 0
    ):
        self.partition, self.definitions, self.states, self.next_offset = partition, definitions, states, next_offset
        self.fold = ContactFold(definitions)
        self.changed: set[str] = set()  # contacts whose state is not yet in the store
        self.logged_at = logged_at  # of the last record that was applied
        self.records = self.duplicates = self.fired = 0
        self._queue: list[Record] = []
        self._at = 0
        self._seen = min((decode_head(b).epoch for b in states.values()), default=-1)  # what everyone has seen
        self._epoch = self._seen  # what everyone has seen once the pass that is under way is over
        self._sweep: Sweep | None = None
        self._fill_heap()

    def push(self, records: list[Record]) -> None:
        """Queue a batch behind what is still waiting."""
        self._queue = self._queue[self._at :] + records
        self._at = 0

    @property
    def busy(self) -> bool:
        """Whether `work` has something to go on with: records that wait, or a pass over everyone."""
        return self.waiting or self._sweep is not None or self._is_behind()

    @property
    def waiting(self) -> bool:
        """Whether there are records that were pushed and not applied."""
        return self._at < len(self._queue)

    def _is_behind(self) -> bool:
        """Whether some state may not have seen definitions that everyone has to see."""
        return bool(self.states) and self._epoch < self.definitions.at(self.logged_at).epoch

    @property
    def timers(self) -> int:
        """How many contacts have a timer pending."""
        return len(self._heap) - self._stale

    def next_due(self) -> int | None:
        """The earliest instant at which something happens by itself: a timer or an activation. Drops stale entries."""
        heap = self._heap
        while heap and not self._is_live(*heap[0]):
            heappop(heap)
            self._stale -= 1
        activation = self.definitions.next_activation(self.logged_at) if self.states else None
        dues = [d for d in (heap[0][0] if heap else None, activation) if d is not None]
        return min(dues, default=None)

    def work(self, limit: int) -> list[Entry]:
        """Go on until about `limit` effects: between two timers or two records is a consistent point to stop."""
        effects: list[Entry] = []
        queue, at, end, applied = self._queue, self._at, len(self._queue), self.records
        heap = self._heap
        while at < end and len(effects) < limit:
            record = queue[at]
            while heap and heap[0][0] <= record.logged_at and len(effects) < limit:
                self._fire(*heappop(heap), effects)
            if heap and heap[0][0] <= record.logged_at:
                break
            self._apply(record, effects)
            at += 1
        if at > self._at:
            last = queue[at - 1]
            self.next_offset, self.logged_at = last.offset + 1, last.logged_at
            self.records += at - self._at
            self._at = at
        if len(effects) < limit:
            self._pass_over(SWEEP + (self.records - applied) // 2, effects)
        self._rebuild()
        return effects

    def _apply(self, record: Record, effects: list[Entry]) -> None:
        try:
            event = decode_event(record.value)
        except msgspec.DecodeError as e:
            effects.append(self._dead_letter(record, str(e)))
            return
        if event.type in CONTROL and not record.key:
            return
        contact, at = record.key, record.logged_at
        active = self.definitions.at(at)
        blob = self.states.get(contact)
        state = self.fold.open(blob)
        if blob is None and self._seen < active.epoch:
            self._revive(contact, state, at)
        before = state.due
        woke = not state.is_new and state.epoch < active.epoch
        if woke:
            self.fold.wake(contact, state, at, effects)
        placed(event, at, self.partition, record.offset)
        position = f"{self.partition}:{record.offset}"
        if not self.fold.apply(contact, state, event, at, position, active, effects):
            self.duplicates += 1
            if not woke:
                return
        self._put(contact, state, before)

    def _fire(self, due: int, contact: str, effects: list[Entry]) -> None:
        blob = self.states.get(contact)
        state = None if blob is None else self.fold.open(blob)
        if state is None or state.due != due:
            self._stale -= 1
            return
        self.fold.wake(contact, state, due, effects)
        self.fired += 1
        self._put(contact, state, None)

    def _put(self, contact: str, state: Contact, before: int | None) -> None:
        if state.due != before:
            self._stale += before is not None
            if state.due is not None:
                heappush(self._heap, (state.due, contact))
        self.states[contact] = state.save()
        self.changed.add(contact)

    def _is_live(self, due: int, contact: str) -> bool:
        blob = self.states.get(contact)
        return blob is not None and decode_head(blob).due == due

    def _pass_over(self, limit: int, effects: list[Entry]) -> None:
        """Let the next contacts see the definitions that everyone has to see."""
        if self._sweep is None:
            if not self._is_behind():
                return
            self._epoch = self.definitions.at(self.logged_at).epoch
            self._sweep = Sweep(self.partition, self.definitions, self.states, self._seen, self._epoch)
        for contact in self._sweep.next(limit):
            blob = self.states.get(contact)
            state = self.fold.open(blob)
            if blob is None:
                self._revive(contact, state, self._epoch)
            before = state.due
            self.fold.wake(contact, state, self._epoch, effects)
            self._put(contact, state, before)
        if self._sweep.is_over:
            self._sweep, self._seen = None, self._epoch

    def _revive(self, contact: str, state: Contact, until: int) -> None:
        """A contact without a state, of whom an activation up to `until` brings a past, begins there."""
        for since, states in self.definitions.pasts(self.partition, self._seen, until):
            if contact in states:
                state.is_new, state.epoch = False, since - 1
                return

    def _rebuild(self) -> None:
        if self._stale > STALE and self._stale * 2 > len(self._heap):
            self._fill_heap()

    def _fill_heap(self) -> None:
        heads = ((decode_head(blob).due, contact) for contact, blob in self.states.items())
        self._heap = [(due, contact) for due, contact in heads if due is not None]
        heapify(self._heap)
        self._stale = 0

    def _dead_letter(self, record: Record, reason: str) -> Entry:
        where = (EVENTS, self.partition, record.offset)
        letter = DeadLetter(
            uuid5("dead", *where), EVENTS, reason, record.value, record.logged_at, record.key, *where[1:]
        )
        return Entry(DEAD_LETTERS, EVENTS, encode(letter))
