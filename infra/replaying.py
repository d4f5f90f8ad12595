"""The whole history folded again, and compared with what the log holds: the guarantee, as a command asks it.

    events ──▶ to what the states had saved: these effects are on the log for certain
           ──▶ on to the end: what is on the log, and is not among all these, was never concluded from it

The log is read beside a running installation; nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from connectors.definition_reader import DefinitionReader, MembersOf, PastFiles
from connectors.log import Log
from flows.contact.partition import PartitionFold
from schemas.errors import InvalidInput, Violation
from schemas.records import TICK, Entry, Record, decode_change, decode_crm_command, decode_send, is_test
from schemas.topics import CHANGES, CRM_COMMANDS, EVENTS, SENDS
from sinks.past_store import PastStore
from sinks.state_store import saved_offset

ID_OF: Final[dict[str, Callable[[bytes], str]]] = {
    SENDS: lambda value: decode_send(value).id,
    CHANGES: lambda value: decode_change(value).id,
    CRM_COMMANDS: lambda value: decode_crm_command(value).id,
}
SHOWN: Final = 10  # ids of each kind of difference
_UNLIMITED: Final = 1 << 60
Effects = dict[str, dict[str, bytes]]  # topic -> id -> digest of the record's bytes


@dataclass
class Compared:
    """One topic: how many there are on either side, and the ids of those that are not alike."""

    again: int = 0
    logged: int = 0
    missing: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        return not (self.missing or self.extra or self.different)

    def as_json(self) -> dict[str, Any]:
        """Counts, and some of the ids."""
        faults = {"missing": self.missing, "extra": self.extra, "different": self.different}
        counts = {"again": self.again, "logged": self.logged} | {name: len(ids) for name, ids in faults.items()}
        return counts | {f"{name}_ids": ids[:SHOWN] for name, ids in faults.items() if ids}


@dataclass
class Verdict:
    """What the two histories come to."""

    records: int
    contacts: int
    topics: dict[str, Compared]

    @property
    def is_equal(self) -> bool:
        """Whether folding the log again gives what the log holds, byte for byte."""
        return all(compared.is_equal for compared in self.topics.values())

    def as_json(self) -> dict[str, Any]:
        """The command's answer."""
        told: dict[str, Any] = {"records": self.records, "contacts": self.contacts}
        return told | {name: compared.as_json() for name, compared in self.topics.items()} | {"equal": self.is_equal}


def replay(log: Log, states: Path, members_of: MembersOf, past: PastStore) -> Verdict:
    """Fold every partition of `events` from the log's start. InvalidInput where the log no longer holds its start."""
    numbers = range(log.partitions(EVENTS))
    if cut := [n for n in numbers if log.begin(EVENTS, n)]:
        faults = [Violation(f"events partition {n}", f"begins at offset {log.begin(EVENTS, n)}") for n in cut]
        raise InvalidInput("replay: the log no longer holds its start", faults)
    reader = DefinitionReader(log, members_of, PastFiles(past, numbers))
    certain, ends = _empty(), {}
    folds = {}
    for n in numbers:
        folds[n] = PartitionFold(n, reader.definitions, {}, 0)
        ends[n] = saved_offset(states / str(n))
        _take(certain, _fold(log, reader, folds[n], ends[n]))
    logged = _logged(log)
    every = {topic: dict(found) for topic, found in certain.items()}
    for n in numbers:
        _take(every, _fold(log, reader, folds[n], log.end(EVENTS, n)))
        _take(every, _overdue(folds[n]))
    topics = {topic: _compare(certain[topic], every[topic], logged[topic]) for topic in ID_OF}
    records = sum(fold.records for fold in folds.values())
    return Verdict(records, sum(len(fold.states) for fold in folds.values()), topics)


def _fold(log: Log, reader: DefinitionReader, fold: PartitionFold, end: int) -> Iterator[Entry]:
    """The effects of a partition's records up to an offset."""
    while fold.next_offset < end:
        records = [r for r in log.read(EVENTS, fold.partition, fold.next_offset) if r.offset < end]
        if not records:
            return
        reader.freshen(records[-1].logged_at)
        yield from _work(fold, records)


def _overdue(fold: PartitionFold) -> Iterator[Entry]:
    """What was due by the last record, and known only once a pass over everyone after it was over."""
    while (due := fold.next_due()) is not None and due <= fold.logged_at:
        yield from _work(fold, [Record(fold.next_offset, fold.logged_at, "", TICK)])


def _work(fold: PartitionFold, records: list[Record]) -> Iterator[Entry]:
    fold.push(records)
    yield from fold.work(_UNLIMITED)
    while fold.busy:
        yield from fold.work(_UNLIMITED)


def _empty() -> Effects:
    return {topic: {} for topic in ID_OF}


def _take(found: Effects, effects: Iterable[Entry]) -> None:
    for topic, _, value, _ in effects:
        if topic in found:
            found[topic].setdefault(ID_OF[topic](value), _digest(value))


def _digest(value: bytes) -> bytes:
    return blake2b(value, digest_size=16).digest()


def _logged(log: Log) -> dict[str, dict[str, set[bytes]]]:
    """What the log holds, to its end: topic -> id -> the digests of all records with that id. Messages that somebody
    sent to try a template come from no fold.
    """
    found: dict[str, dict[str, set[bytes]]] = {topic: defaultdict(set) for topic in ID_OF}
    for topic, id_of in ID_OF.items():
        for n in range(log.partitions(topic)):
            offset = log.begin(topic, n)
            while records := log.read(topic, n, offset):
                for record in records:
                    if topic == SENDS and is_test(decode_send(record.value)):
                        continue
                    found[topic][id_of(record.value)].add(_digest(record.value))
                offset = records[-1].offset + 1
    return found


def _compare(certain: dict[str, bytes], every: dict[str, bytes], logged: dict[str, set[bytes]]) -> Compared:
    return Compared(
        again=len(every),
        logged=len(logged),
        missing=sorted(certain.keys() - logged.keys()),
        extra=sorted(logged.keys() - every.keys()),
        different=sorted(id for id in every.keys() & logged.keys() if logged[id] != {every[id]}),
    )
