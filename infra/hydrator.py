"""Brings versions that warm up their past from ClickHouse, then switches to them (DESIGN §2, "Membership").

    warming versions ──▶ everyone's past, from ClickHouse, while the leaves have not begun yet
                     ──▶ what was logged since, from the log itself, up to their beginning
                     ──▶ contact -> leaf states, by the leaves' own code ──▶ a file a partition ──▶ one append: switches

The switch is the only thing that is written, all switches of a round in one append, and it names the files: a crash
before it goes on from the parts that were put by, after it does nothing. One that was cancelled meanwhile is void, and
its files with it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from prometheus_client import Gauge

from connectors.fail_points import fail_point
from connectors.log import Log
from flows.contact.active import Definitions
from flows.contact.warming import leaves_with_past
from flows.definitions.catalogue import Published
from flows.segments.hydration import History, pack
from flows.segments.lacking import Lacking, lacking
from infra.past import Past, Tail, pages, rest, tail
from schemas.records import LEAD_MS, Definition, Entry, Record, encode
from schemas.topics import DEFINITIONS, EVENTS
from sinks.hydration_journal import Journal
from sinks.past_query import PastQuery
from sinks.past_store import PastStore

PATIENCE_MS: Final = 10_000  # what a claim of a merge gets to come to its end; then it is taken for refused
TAIL: Final = 50_000  # records that may lie between the archive's end and the log's: more are waited for
BYTES_A_MS: Final = 50_000  # of a switch's files; the fold reads them within the lead
_END: Final = 1 << 62
_LOG: Final = logging.getLogger(__name__)
_WARMING: Final = Gauge("waxwing_hydration_warming", "Versions of definitions that wait for their past")
_DONE: Final = Gauge("waxwing_hydration_done", "Share of the past that is folded, of the round that is under way")


class Work(NamedTuple):
    """A round that is under way: the past of everyone up to the archive's `places` when it began."""

    task: Lacking
    history: History
    places: Mapping[int, int]
    past: Past


class Cancelled(Exception):
    """A version of the round lacks its past no more, or began anew."""


class Hydrator:
    """One for an installation, where ClickHouse is. Two would do the same work twice, and the later switch is void."""

    def __init__(self, log: Log, archive: PastQuery, files: PastStore):
        self._log, self._archive, self._files = log, archive, files
        self._journal = Journal(files)
        self._definitions = Definitions()
        self._first: int | None = None  # when the first event was logged
        self._known: tuple[tuple[int, int | None], Lacking] = ((-1, None), Lacking((), {}, {}))  # by what it depends on
        self._ends: dict[tuple[int, bool], dict[int, int]] = {}  # (instant, whether it had passed) -> partitions' ends
        self._work: Work | None = None

    def round(self) -> list[Published]:
        """Go on; what was switched to, once its past is known. Raises what ClickHouse raises: to be called again."""
        self._read_definitions()
        task = self._task()
        _WARMING.set(len(task.versions))
        if not task.versions:
            return []
        try:
            past = self._past(task)
        except Cancelled:
            _LOG.info("hydration: what warms up has changed; it begins anew")
            self._work = None
            return []
        if past is None:
            return []
        self._switch(task, past)
        self._work, self._ends = None, {}
        self._journal.clear()
        return list(task.versions)

    def _read_definitions(self) -> None:
        while records := self._log.read(DEFINITIONS, 0, self._definitions.catalogue.next_offset):
            for record in records:
                self._definitions.apply(record)

    def _task(self) -> Lacking:
        """What lacks its past. What is published later does not hold up a round that is under way."""
        if self._work is not None and self._stands(self._work.task):
            return self._work.task
        if self._first is None:
            self._first = self._look_for_first()
        read = (self._definitions.catalogue.next_offset, self._first)
        if self._known[0] != read:
            self._known = read, lacking(self._definitions, self._first)
        return self._known[1]

    def _look_for_first(self) -> int | None:
        """When the first event was logged; None where there is none, or some are gone from the log."""
        begins = {n: self._log.begin(EVENTS, n) for n in range(self._log.partitions(EVENTS))}
        if any(begins.values()):
            return None
        firsts = [records[0].logged_at for n in begins if (records := self._log.read(EVENTS, n, 0, 1))]
        return min(firsts, default=None)

    def _stands(self, task: Lacking) -> bool:
        snapshot = self._definitions.catalogue.active(_END)
        stand = (snapshot.current, snapshot.warming)
        return all(any(s.get((p.kind, p.id)) == p for s in stand) for p in task.versions)

    def _check(self, task: Lacking) -> None:
        """Cancelled where a version of the task is no longer what lacks its past."""
        self._read_definitions()
        if not self._stands(task):
            raise Cancelled

    def _past(self, task: Lacking) -> Past | None:
        """The whole past before the leaves began; None as long as it cannot be known."""
        if not task.begun:
            return {}
        if self._work is None or self._work.task is not task:
            self._work = self._begin(task)
        return None if self._work is None else self._finish(self._work)

    def _begin(self, task: Lacking) -> Work | None:
        """Fold what the archive holds; None as long as it holds too little."""
        history = History(task.leaves, task.begun)
        places: Mapping[int, int] = self._archive.places()
        if self._missing(history.until, False, places) > TAIL:
            self._journal.tell(_names(task), "archive", 0.0, 0)
            return None
        part = self._journal.resume(task.versions, task.begun)
        past, last = (part.past, part.last) if part else ({}, "")
        places = part.places if part else places
        for page in pages(self._archive, history, last):
            self._check(task)
            past.update(page.past)
            _DONE.set(page.done)
            self._journal.tell(_names(task), "folding", page.done, len(past))
            self._journal.put_by(task.versions, task.begun, places, page.last, page.past)
        return Work(task, history, places, past)

    def _missing(self, until: int, passed: bool, places: Mapping[int, int]) -> int:
        """How many records the archive lacks: of those that were there when this was first asked of the instant, once
        before it, and once when it has `passed`."""
        ends = self._ends.get((until, passed))
        if ends is None:
            ends = {n: self._log.end(EVENTS, n) for n in range(self._log.partitions(EVENTS))}
            self._ends[until, passed] = ends
        return sum(max(0, end - places.get(partition, 0)) for partition, end in ends.items())

    def _finish(self, work: Work) -> Past | None:
        """Add what was logged since; None as long as the leaves have not begun, or a merge before that is open."""
        until = work.history.until
        self._check(work.task)
        self._journal.tell(_names(work.task), "settling", 1.0, len(work.past))
        if not self._log.settled(until):
            return None
        late = tail(work.history, self._since(work.places, until))
        if not self._merges_have_ended(late, until):
            return None
        past = dict(work.past)
        rest(self._archive, work.history, late.rows, past)
        self._check(work.task)
        return past

    def _since(self, places: Mapping[int, int], until: int) -> Iterator[tuple[int, Record]]:
        """What was logged from the places on and before the instant, partition by partition."""
        for partition in range(self._log.partitions(EVENTS)):
            offset = max(places.get(partition, 0), self._log.begin(EVENTS, partition))
            while records := self._log.read(EVENTS, partition, offset):
                before = [record for record in records if record.logged_at < until]
                yield from ((partition, record) for record in before)
                if len(before) < len(records):
                    break
                offset = records[-1].offset + 1

    def _merges_have_ended(self, late: Tail, until: int) -> bool:
        """Whether the archive knows how each merge from before the instant ended."""
        if not late.merges and self._archive.open_claims(until) == 0:
            return True
        if self._missing(until, True, self._archive.places()) > 0:
            return False
        return self._archive.open_claims(until) == 0 or self._log.now() > until + PATIENCE_MS

    def _switch(self, task: Lacking, past: Mapping[str, Mapping[str, Any]]) -> None:
        """The files first, then one append."""
        parts: dict[int, dict[str, Mapping[str, Any]]] = {}
        for contact, states in past.items():
            parts.setdefault(self._log.partition_of(EVENTS, contact), {})[contact] = states
        packed = {str(partition): pack(states) for partition, states in sorted(parts.items())}
        files = {partition: self._files.put(data) for partition, data in packed.items()}
        fail_point("before_switch")
        lead = self._log.lead_ms + sum(map(len, packed.values())) // BYTES_A_MS
        self._log.append([self._switch_to(version, task, files, lead) for version in task.versions])
        fail_point("after_switch")
        for version in task.versions:
            _LOG.info("hydration: %s %s version %d knows the past", version.kind, version.id, version.version)
        _LOG.info("hydration: the past of %d contacts, by %d leaves", len(past), len(task.begun))

    def _switch_to(self, version: Published, task: Lacking, files: Mapping[str, str], lead: int) -> Entry:
        """A version is current a whole lead after it was published, or later: as soon as its past is known."""
        leaves = sorted(leaves_with_past(version).keys() & task.begun.keys())
        body = {"since": version.since, "leaves": leaves, "past": files if leaves else {}}
        if self._definitions.catalogue.active(_END).current.get((version.kind, version.id)) != version:
            lead = max(lead, version.since - self._log.lead_ms + LEAD_MS - self._log.now())
        switch = Definition(version.kind, version.id, "switch", version.version, body, "hydration", lead=lead)
        return Entry(DEFINITIONS, f"{version.kind}/{version.id}", encode(switch))


def _names(task: Lacking) -> set[tuple[str, str]]:
    """The kind and id of each version."""
    return {(p.kind, p.id) for p in task.versions}
