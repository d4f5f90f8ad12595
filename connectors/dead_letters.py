"""What could not be read: made, listed, and read again after a fix. Nothing of it is lost, nothing of it stops a flow.

Sources: `http:<call>` a single call's body, `http:batch` a batch that could not be opened, `http:event` one event of a
batch, `hook:<provider>` an event of a provider's webhook, `import:<file>` a line of a file; a topic's name, for a
record that stands there: `crm` where the mapping could not read it, `events`, `examples` where their flow could
not. A letter that was replayed is followed by a record of source `replayed`, whose key is the letter's id; the letter
itself stays.
"""

from __future__ import annotations

import threading
from typing import Final, NamedTuple

from connectors.log import Log
from schemas.ids import content_hash, uuid5
from schemas.records import DeadLetter, Entry, Record, decode_dead_letter, encode
from schemas.topics import CRM, DEAD_LETTERS, EVENTS

REPLAYED: Final = "replayed"
CRM_SOURCE: Final = "crm"


def from_bytes(source: str, reason: str, raw: bytes, at: int) -> DeadLetter:
    """A letter of bytes that came from outside; the same bytes again make the same letter."""
    return DeadLetter(uuid5("dead", source, content_hash(raw)), source, reason, raw, at)


def from_record(topic: str, partition: int, record: Record, reason: str) -> DeadLetter:
    """A letter of a record that stands on the log; reading it again makes the same letter."""
    id = uuid5("dead", topic, partition, record.offset)
    return DeadLetter(id, topic, reason, record.value, record.logged_at, record.key, partition, record.offset)


def entry_of(letter: DeadLetter) -> Entry:
    """The letter as it is appended, keyed by the topic that the bytes were for."""
    return Entry(DEAD_LETTERS, CRM if letter.source == CRM_SOURCE else EVENTS, encode(letter))


def replayed(letter: DeadLetter, at: int) -> Entry:
    """The record that says that a letter was read again."""
    mark = DeadLetter(uuid5(REPLAYED, letter.id), REPLAYED, "", b"", at, letter.id)
    return Entry(DEAD_LETTERS, EVENTS, encode(mark))


class Listed(NamedTuple):
    """A letter and where it stands; `is_replayed` once it was read again."""

    offset: int
    letter: DeadLetter
    is_replayed: bool


class DeadLetters:
    """The topic by id, read on to its end each time that it is asked. For several threads."""

    def __init__(self, log: Log):
        self._log, self._lock = log, threading.Lock()
        self._next = 0
        self._offsets: dict[str, int] = {}  # of each letter's first record, in order
        self._replayed: set[str] = set()

    def page(self, after: int = -1, limit: int = 100, source: str = "", waiting_only: bool = False) -> list[Listed]:
        """Up to `limit` letters whose offset is above `after` and whose source begins so, oldest first."""
        with self._lock:
            self._refresh()
            known = list(self._offsets.items())
        found: list[Listed] = []
        for id, offset in known:
            if offset <= after or (waiting_only and id in self._replayed):
                continue
            listed = self._at(offset)
            if listed is not None and listed.letter.source.startswith(source):
                found.append(listed)
                if len(found) == limit:
                    break
        return found

    def get(self, id: str) -> Listed | None:
        """The letter of this id."""
        with self._lock:
            self._refresh()
            offset = self._offsets.get(id)
        return None if offset is None else self._at(offset)

    def _refresh(self) -> None:
        while records := self._log.read(DEAD_LETTERS, 0, self._next):
            for record in records:
                letter = decode_dead_letter(record.value)
                if letter.source == REPLAYED:
                    self._replayed.add(letter.key)
                else:
                    self._offsets.setdefault(letter.id, record.offset)
            self._next = records[-1].offset + 1

    def _at(self, offset: int) -> Listed | None:
        records = self._log.read(DEAD_LETTERS, 0, offset, 1)
        if not records or records[0].offset != offset:
            return None  # the log has dropped it since
        letter = decode_dead_letter(records[0].value)
        return Listed(offset, letter, letter.id in self._replayed)
