"""Brings versions that warm up their past from ClickHouse, then switches to them (DESIGN §2, "Membership").

    warming versions ──▶ wait until ClickHouse holds what was logged before their leaves began
                     ──▶ contact -> leaf states, by the leaves' own code ──▶ a file a partition ──▶ one append: switches

The switch is the only thing that is written, all switches of a round in one append, and it names the files: a crash
before it does everything again, after it nothing. One that was cancelled meanwhile is void, and its files with it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple

from prometheus_client import Gauge

from connectors.fail_points import fail_point
from connectors.log import Log
from flows.contact.active import Definitions
from flows.contact.warming import leaves_with_past
from flows.definitions.catalogue import Published
from flows.segments.hydration import History, own_rows, pack, unfinished
from flows.segments.leaf import Leaf
from schemas.records import Definition, Entry, encode
from schemas.topics import DEFINITIONS, EVENTS
from sinks.past_query import PastQuery
from sinks.past_store import PastStore

VISIBLE_MS: Final = 250  # an append may become visible so long after the time that it carries
PATIENCE_MS: Final = 10_000  # what a claim of a merge gets to come to its end; then it is taken for refused
_END: Final = 1 << 62
_LOG: Final = logging.getLogger(__name__)
_WARMING: Final = Gauge("waxwing_hydration_warming", "Versions of definitions that wait for their past")
_DONE: Final = Gauge("waxwing_hydration_done", "Share of the past that is folded, of the round that is under way")


class Task(NamedTuple):
    """A round: the versions that warm up, their leaves, and of those that lack their past since when they know all."""

    versions: tuple[Published, ...]
    leaves: Mapping[str, Leaf]
    begun: Mapping[str, int]


class Cancelled(Exception):
    """A version of the round warms up no more, or began anew."""


class Hydrator:
    """One for an installation, where ClickHouse is. Two would do the same work twice, and the later switch is void."""

    def __init__(self, log: Log, archive: PastQuery, files: PastStore):
        self._log, self._archive, self._files = log, archive, files
        self._definitions = Definitions()
        self._ends: tuple[int, dict[int, int]] = (-1, {})  # until an instant, what each partition's end was after it

    def round(self) -> list[Published]:
        """Switch to what warms up, once its past can be known; what was switched to. Raises what ClickHouse raises."""
        self._read_definitions()
        task = self._task()
        _WARMING.set(len(task.versions))
        if not task.versions or not self._can_begin(task):
            return []
        try:
            past = fold_past(self._archive, History(task.leaves, task.begun), lambda: self._check(task))
        except Cancelled:
            _LOG.info("hydration: what warms up has changed; it begins anew")
            return []
        self._switch(task, past)
        return list(task.versions)

    def _read_definitions(self) -> None:
        while records := self._log.read(DEFINITIONS, 0, self._definitions.catalogue.next_offset):
            for record in records:
                self._definitions.apply(record)

    def _task(self) -> Task:
        """What warms up and has begun to, a moment ago: what is published later does not hold it up."""
        snapshot, begun = self._definitions.catalogue.active(_END), self._log.now() - VISIBLE_MS
        ready = [p for p in snapshot.warming.values() if p.since <= begun]
        versions = tuple(sorted(ready, key=lambda p: (p.kind, p.id)))
        leaves = {id: leaf for p in versions for id, leaf in leaves_with_past(p).items()}
        return Task(versions, leaves, unfinished(self._definitions, leaves.keys(), snapshot) if leaves else {})

    def _can_begin(self, task: Task) -> bool:
        """Whether ClickHouse holds every record from before the leaves began, and how each merge among them ended."""
        if not task.begun:
            return True
        until = max(task.begun.values())
        if self._ends[0] != until:
            self._ends = until, {n: self._log.end(EVENTS, n) for n in range(self._log.partitions(EVENTS))}
        there = self._archive.places()
        if any(there.get(partition, 0) < end for partition, end in self._ends[1].items()):
            return False
        return self._log.now() > until + PATIENCE_MS or self._archive.open_claims(until) == 0

    def _check(self, task: Task) -> None:
        """Cancelled where a version of the task is no longer what warms up."""
        self._read_definitions()
        warming = self._definitions.catalogue.active(_END).warming
        if any(warming.get((p.kind, p.id)) != p for p in task.versions):
            raise Cancelled

    def _switch(self, task: Task, past: Mapping[str, Mapping[str, Any]]) -> None:
        """The files first, then one append."""
        parts: dict[int, dict[str, Mapping[str, Any]]] = {}
        for contact, states in past.items():
            parts.setdefault(self._log.partition_of(EVENTS, contact), {})[contact] = states
        files = {str(partition): self._files.put(pack(states)) for partition, states in sorted(parts.items())}
        fail_point("before_switch")
        self._log.append([_switch_to(version, task, files) for version in task.versions])
        fail_point("after_switch")
        for version in task.versions:
            _LOG.info("hydration: %s %s version %d knows the past", version.kind, version.id, version.version)
        _LOG.info("hydration: the past of %d contacts, by %d leaves", len(past), len(task.begun))


def fold_past(
    archive: PastQuery, history: History, check: Callable[[], None] = lambda: None
) -> dict[str, dict[str, Any]]:
    """Contact -> leaf -> state from before the leaf began. `check` is called between pages, and may raise."""
    found: dict[str, dict[str, Any]] = {}
    if not history.until:
        return found
    part_of = archive.merges()
    apart = part_of.keys() | part_of.values()
    after, ends = "", archive.ends(history)
    for number, last in enumerate(ends):
        _DONE.set(number / len(ends))
        check()
        for contact, rows in groupby(archive.page(history, after, last), key=attrgetter("contact")):
            if contact not in apart and (states := history.take(rows)):
                found[contact] = states
        after = last
    for contact, own in archive.merged(history, part_of):
        if states := history.take(own_rows(own, part_of)):
            found[contact] = states
    check()
    _DONE.set(1)
    return found


def _switch_to(version: Published, task: Task, files: Mapping[str, str]) -> Entry:
    leaves = sorted(leaves_with_past(version).keys() & task.begun.keys())
    body = {"since": version.since, "leaves": leaves, "past": files if leaves else {}}
    switch = Definition(version.kind, version.id, "switch", version.version, body, "hydration")
    return Entry(DEFINITIONS, f"{version.kind}/{version.id}", encode(switch))
