"""History through the production fold, without a log or a clock: files, simulation, explain, and the oracle of tests.

A replay is one partition whose time is turned by hand. What the fold emits to `events` is read back at the instant at
which it was said, as the log would hand it back.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from itertools import count
from typing import Any, NamedTuple

from flows.contact.active import Definitions, StatesIn
from flows.contact.fold import ContactFold
from flows.contact.partition import PartitionFold
from flows.contact.scope import Watch
from flows.contact.section import Contact
from flows.contact.subject import Subject
from flows.segments import engine as segments
from schemas.records import LEAD_MS, TICK, Definition, Entry, Event, Record, decode_event, encode, placed
from schemas.topics import EVENTS

_UNLIMITED = 1 << 60


class Line(NamedTuple):
    """One record of a history."""

    logged_at: int
    contact: str
    event: Event


def definition_records(bodies: Sequence[Mapping[str, Any]], active_from: int) -> list[Record]:
    """Version 1 of each definition, published so that it is active from the instant on."""
    return [
        Record(
            i,
            active_from - LEAD_MS,
            f"{b['kind']}/{b['id']}",
            encode(Definition(b["kind"], b["id"], "publish", 1, dict(b))),
        )
        for i, b in enumerate(bodies)
    ]


class Replay:
    """One partition with time turned by hand. `emitted` is called with (instant, entry) for each effect."""

    def __init__(self, definitions: Definitions, emitted: Callable[[int, Entry], None] = lambda at, entry: None):
        self.fold = PartitionFold(0, definitions, {}, 0)
        self.emitted = emitted
        self.now = -1
        self._expected: list[tuple[int, int, Line]] = []  # what will be said by itself: (instant, number, line)
        self._numbers = count()

    def run(self, lines: Iterable[Line], until: int | None = None) -> None:
        """Apply the lines (in the order of `logged_at`) up to `until`, then let time pass until then."""
        for line in lines:
            if until is not None and line.logged_at > until:
                break
            self.pass_time(line.logged_at)
            self.apply(line.logged_at, line.contact, encode(line.event))
        if until is not None:
            self.pass_time(until)

    def pass_time(self, until: int) -> None:
        """Fire what is due up to and including `until`, instant by instant, each with what it says read back."""
        while True:
            due, expected = self.fold.next_due(), self._expected[0][0] if self._expected else None
            if expected is not None and expected <= until and (due is None or expected <= due):
                line = heappop(self._expected)[2]
                self.apply(max(expected, self.now), line.contact, encode(line.event))
            elif due is not None and due <= until:
                self.apply(max(due, self.now), "", TICK)
            else:
                return

    def expect(self, line: Line) -> None:
        """Let a record be said at its instant, which lies ahead: an answer to what was emitted."""
        heappush(self._expected, (line.logged_at, next(self._numbers), line))

    def apply(self, at: int, contact: str, value: bytes) -> None:
        """Apply one record logged at the instant, and then what it leads to at once, as the log would hand it back."""
        self.now = at
        waiting = deque([(contact, value)])
        while waiting:
            said = self._fold(at, *waiting.popleft())
            for entry in said:
                self.emitted(at, entry)
                if entry.topic == EVENTS:
                    waiting.append((entry.key, entry.value))

    def _fold(self, at: int, contact: str, value: bytes) -> list[Entry]:
        self.fold.push([Record(self.fold.next_offset, at, contact, value)])
        said = self.fold.work(_UNLIMITED)
        while self.fold.busy:
            said += self.fold.work(_UNLIMITED)
        return said

    def open(self, contact: str) -> Contact | None:
        """The contact's state; None for a contact that was never seen."""
        blob = self.fold.states.get(contact)
        return None if blob is None else self.fold.fold.open(blob)

    def subject(self, contact: str) -> Subject | None:
        """The contact as conditions see it now."""
        state = self.open(contact)
        return None if state is None else Subject(contact, state, self.fold.definitions.at(self.now))

    def members(self, segment: str) -> list[str]:
        """The ids of the segment's members, sorted."""
        found = []
        for contact, blob in self.fold.states.items():
            if segment in self.fold.fold.open(blob).get(segments.SECTION).members:
                found.append(contact)
        return sorted(found)


def alone(
    definitions: Definitions,
    partition: int,
    contact: str,
    records: Iterable[Record],
    until: int,
    effects: list[Entry],
    watch: Watch | None = None,
) -> Contact:
    """The state of one contact from its own records only, at `until`: equal to its state within its partition."""
    fold = ContactFold(definitions, watch)
    state = fold.open(None)
    for record in records:
        at = record.logged_at
        if at > until:
            break
        if not state.is_new:
            fold.wake(contact, state, at, effects)
        event, position = decode_event(record.value), f"{partition}:{record.offset}"
        placed(event, at, partition, record.offset)
        fold.apply(contact, state, event, at, position, definitions.at(at), effects)
    if not state.is_new:
        fold.wake(contact, state, until, effects)
    return state


def settled(definitions: Definitions, contact: str, stored: bytes, until: int, effects: list[Entry]) -> bytes:
    """A partition's state once the contact has seen what passed it by, which had nothing to say to it: as `alone`."""
    fold = ContactFold(definitions)
    state = fold.open(stored)
    fold.wake(contact, state, until, effects)
    return state.save()


def replay(
    bodies: Sequence[Mapping[str, Any]],
    lines: Sequence[Line],
    until: int | None = None,
    published_at: int | None = None,
    emitted: Callable[[int, Entry], None] = lambda at, entry: None,
    snapshots: Mapping[str, frozenset[str]] | None = None,
    states_in: StatesIn = lambda partition, path: {},
) -> Replay:
    """Fold a history under definitions that are active from before its first line, or from `published_at`."""
    first = lines[0].logged_at if lines else until or 0
    definitions = Definitions(snapshots, states_in)
    for record in definition_records(bodies, published_at if published_at is not None else first - 1):
        definitions.apply(record)
    run = Replay(definitions, emitted)
    run.run(lines, until)
    return run
