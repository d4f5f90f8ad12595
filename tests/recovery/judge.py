"""The judge: what the log holds after all kills, against the pure fold of each contact alone from the log's start."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from connectors.log import Log
from flows.contact.active import Definitions
from flows.contact.replay import alone, settled
from schemas.records import Entry, Record, decode_change, decode_event, decode_send
from schemas.topics import CHANGES, DEFINITIONS, EVENTS, SENDS
from sinks.state_store import StateStore

DECODE = {SENDS: lambda v: decode_send(v).id, CHANGES: lambda v: decode_change(v).id}


def read_all(log: Log, topic: str, partition: int) -> list[Record]:
    return log.read(topic, partition, 0, 10_000_000)


@dataclass
class Verdict:
    """Every way in which the two differ; all empty where the run was as if undisturbed."""

    missing: list[str] = field(default_factory=list)  # ids that only the pure fold has
    extra: list[str] = field(default_factory=list)  # ids that only the log has
    different: list[str] = field(default_factory=list)  # one id, other bytes
    states: list[str] = field(default_factory=list)  # contacts whose saved state differs
    lost: list[str] = field(default_factory=list)  # acknowledged events that the log does not hold
    compared: dict[str, int] = field(default_factory=dict)
    repeated: int = 0

    @property
    def is_equal(self) -> bool:
        return not (self.missing or self.extra or self.different or self.states or self.lost)


def definitions_of(log: Log) -> Definitions:
    """All that was ever published."""
    definitions = Definitions()
    for record in read_all(log, DEFINITIONS, 0):
        definitions.apply(record)
    return definitions


def pure_fold(log: Log, definitions: Definitions) -> tuple[dict[str, dict[str, bytes]], dict[str, bytes]]:
    """Effects by topic and id, and states, of each contact alone: its own records, from offset 0."""
    effects, states = list[Entry](), dict[str, bytes]()
    for partition in range(log.partitions(EVENTS)):
        records = read_all(log, EVENTS, partition)
        by_contact = defaultdict[str, list[Record]](list)
        for record in records:
            if record.key:
                by_contact[record.key].append(record)
        for contact, own in by_contact.items():
            states[contact] = alone(definitions, partition, contact, own, records[-1].logged_at, effects).save()
    found: dict[str, dict[str, bytes]] = {SENDS: {}, CHANGES: {}}
    for topic, _, value, _ in effects:
        if topic in found:
            found[topic].setdefault(DECODE[topic](value), value)
    return found, states


def judge(log: Log, folder: Path, acknowledged: set[str]) -> Verdict:
    """Compare; the worker must have ended cleanly, so that its stores are at the end of the log."""
    definitions = definitions_of(log)
    pure, states = pure_fold(log, definitions)
    verdict = Verdict()
    for topic, expected in pure.items():
        logged: dict[str, set[bytes]] = defaultdict(set)
        count = 0
        for partition in range(log.partitions(topic)):
            for record in read_all(log, topic, partition):
                logged[DECODE[topic](record.value)].add(record.value)
                count += 1
        verdict.compared[topic] = len(expected)
        verdict.repeated += count - len(logged)
        verdict.missing += sorted(expected.keys() - logged.keys())
        verdict.extra += sorted(logged.keys() - expected.keys())
        verdict.different += [i for i in expected.keys() & logged.keys() if logged[i] != {expected[i]}]
    saved: dict[str, bytes] = {}
    for partition in range(log.partitions(EVENTS)):
        store = StateStore(folder / str(partition))
        assert store.next_offset == log.end(EVENTS, partition), "the worker has not folded all of its log"
        loaded, until = store.load(), store.logged_at
        saved |= {c: settled(definitions, c, blob, until, []) for c, blob in loaded.items()}
        store.close()
    verdict.states = [c for c in saved.keys() | states.keys() if saved.get(c) != states.get(c)]
    ids = {decode_event(r.value).id for p in range(log.partitions(EVENTS)) for r in read_all(log, EVENTS, p)}
    verdict.lost = sorted(acknowledged - ids)
    verdict.compared["states"] = len(states)
    return verdict
