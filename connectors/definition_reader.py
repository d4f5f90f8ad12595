"""Definitions for a fold: read as fresh as rule 4 asks, with the files that they name, or nothing is handed out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias

import msgspec
from prometheus_client import Gauge

from connectors.log import Log
from flows.campaigns.launch import KIND as LAUNCH
from flows.contact.active import Definitions
from schemas.definitions.ranking import RESULT
from schemas.errors import LogUnavailable, TerminalError
from schemas.records import FRESH_MS, Definition, decode_definition
from schemas.topics import DEFINITIONS, EVENTS

MembersOf: TypeAlias = Callable[[str], frozenset[str]]
_HELD_BACK: Final = Gauge("waxwing_definitions_unreadable", "1 while nothing is handed out for want of definitions")
_AGAIN_S: Final = 2.0
_UNREADABLE: Final = (LogUnavailable, OSError, msgspec.DecodeError)
_LOG: Final = logging.getLogger(__name__)
_SNAPSHOTS: Final = "snapshot/"  # what keys of their definitions begin with


class PastStore(Protocol):
    """What is asked of `sinks.past_store.PastStore`, which lies behind another wall."""

    def get(self, name: str) -> Mapping[str, bytes]:
        """Contact -> what the file brings it, encoded."""
        ...

    def prefetch(self, name: str) -> Any:
        """Begin to read a file."""
        ...


class PastFiles:
    """The files that switches and launches bring, of a worker's own partitions; `store` reads them in a thread."""

    def __init__(self, store: PastStore | None, partitions: Sequence[int]):
        self._store, self._partitions = store, frozenset(partitions)

    def get(self, partition: int, path: str) -> Mapping[str, bytes]:
        """Contact -> what the file brings it, encoded; nothing of another worker's partition."""
        if partition not in self._partitions:
            return {}
        if self._store is None:
            raise TerminalError(
                f"a definition brings the file {path} for {EVENTS} partition {partition}: give its store"
            )
        return self._store.get(path)

    def prefetch(self, definitions: Definitions, logged_at: int) -> None:
        """Begin to read what the activations ahead bring: their lead is time enough, so the fold need not wait."""
        for snapshot in definitions.catalogue.between(logged_at, 1 << 62):
            files = [file for past in snapshot.pasts for file in past.files]
            for named in (*snapshot.of(LAUNCH), *snapshot.of(RESULT)):
                if named.since == snapshot.since:
                    files += [(int(n), path) for n, path in named.body.get("files", {}).items()]
            for partition, path in files:
                if self._store is not None and partition in self._partitions:
                    self._store.prefetch(path)


class DefinitionReader:
    """Keeps the definitions as fresh as rule 4 asks, by the log's own clock; shared by a worker's partitions."""

    def __init__(self, log: Log, members_of: MembersOf, past: PastFiles):
        self.log, self.definitions, self._members_of = log, Definitions(states_in=past.get), members_of
        self._past = past
        self._read_at = -1
        self._again = 0.0  # after a fault: not before this

    def may_go_on(self, read: Callable[[int], None], logged_at: int) -> bool:
        """`freshen` or `read`; False where the definitions cannot be read, or one of them means nothing to this
        version: then nothing may be handed out, and that is said (`waxwing_definitions_unreadable`, /ready).
        """
        if time.monotonic() < self._again:
            return False
        try:
            read(logged_at)
        except _UNREADABLE as fault:
            self._again = time.monotonic() + _AGAIN_S
            _LOG.error("nothing is handed out, for the definitions cannot be read: %s", fault)
            _HELD_BACK.set(1)
            return False
        if self._again:
            _LOG.warning("the definitions can be read again")
            self._again = 0.0
            _HELD_BACK.set(0)
        return True

    def freshen(self, logged_at: int) -> None:
        """Read `definitions` to its end, where the last read was not after a record of FRESH_MS before `logged_at`.

        `logged_at` is that of a record that was read: what was logged before it can be read too, however long an
        append takes.
        """
        if self._read_at < logged_at - FRESH_MS:
            self.read(logged_at)
            self._read_at = logged_at

    def read(self, logged_at: int) -> None:
        """Read `definitions` to its end, and begin to read the files that activations after the instant bring."""
        while records := self.log.read(DEFINITIONS, 0, self.definitions.catalogue.next_offset):
            for record in records:
                definition = decode_definition(record.value)  # before it counts as read
                if record.key.startswith(_SNAPSHOTS):
                    self._load(definition)
                self.definitions.apply(record)
        self._past.prefetch(self.definitions, logged_at)

    def _load(self, definition: Definition) -> None:
        """Read a snapshot's file before the fold may ask for it: the fold itself does no I/O."""
        file = definition.body.get("file")
        if isinstance(file, str):
            self.definitions.keep(file, self._members_of(file))
