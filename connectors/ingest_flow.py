"""The ingest flow: crm -> events, by the active mapping; what it cannot read -> dead_letters. Restart repeats nothing.

    log ──RecordBatch──▶ map ──Batch (events, dead letters, progress)──▶ append

A batch's events, its dead letters and the group's progress are one append, by the claim on the partition: whoever had
it before appends nothing for it any more. Step ids are a contract.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from prometheus_client import Counter

from connectors import dead_letters
from connectors.crm_mapping import Mapper, mapping_of, read_record
from connectors.log import Claim, Log, Progress
from connectors.segment_spec import entry_of
from connectors.source import LogSource, RecordBatch, record_pullers
from flows.definitions.catalogue import Catalogue
from schemas.errors import UnreadableRecord
from schemas.records import FRESH_MS, Entry, Record
from schemas.topics import CRM, DEAD_LETTERS, DEFINITIONS, EVENTS
from sinks.log import Batch, ClaimedSink

GROUP = "ingest"
_RECORDS = Counter("waxwing_crm_records", "Change records of the CRM that were read")
_ENTRIES = Counter("waxwing_crm_entries", "What they became", ["topic"])


def build(
    log: Log,
    poll_ms: float = 20.0,
    stop: Callable[[], bool] = lambda: False,
    numbers: Sequence[int] | None = None,
) -> Dataflow:
    """crm -> events, dead_letters; of the partitions with these numbers, all by default."""
    numbers = range(log.partitions(CRM)) if numbers is None else numbers

    @cache
    def claim() -> Claim:
        return log.claim(GROUP, numbers)

    def start(number: int) -> int:
        claim()  # before it is asked how far the one before has come
        return log.committed(GROUP, CRM, number)

    flow = Dataflow("ingest")
    source = LogSource(record_pullers(log, CRM, start, numbers=numbers), poll_ms, stop)
    batches = op.input("crm", flow, source)  # RecordBatch: one partition's next records
    mapped = op.map("map", batches, Mapping(log).apply)  # Batch: their events and the progress
    op.output("append", mapped, ClaimedSink(claim))
    return flow


class Mapping:
    """Maps batches; each record by the mapping that was active when the log took it (rule 4)."""

    def __init__(self, log: Log):
        self._log, self._catalogue, self._read_at = log, Catalogue(), -1
        self._mappers: dict[int, Mapper] = {}  # by the instant from which definitions stand

    def apply(self, batch: RecordBatch) -> Batch:
        """What the batch's records become."""
        self._freshen(batch.records[-1].logged_at)
        entries = [entry for record in batch.records for entry in self._entries(batch.partition, record)]
        _RECORDS.inc(len(batch.records))
        _ENTRIES.labels(DEAD_LETTERS).inc(refused := sum(entry.topic == DEAD_LETTERS for entry in entries))
        _ENTRIES.labels(EVENTS).inc(len(entries) - refused)
        return Batch(entries, Progress(GROUP, {(CRM, batch.partition): batch.records[-1].offset + 1}))

    def _entries(self, partition: int, record: Record) -> list[Entry]:
        try:
            events = self._mapper(record.logged_at).map_record(read_record(record.value), record.logged_at)
        except UnreadableRecord as refused:
            return [dead_letters.entry_of(dead_letters.from_record(CRM, partition, record, str(refused)))]
        return [entry_of(event) for event in events]

    def _mapper(self, at: int) -> Mapper:
        since = self._catalogue.active(at).since
        found = self._mappers.get(since)
        if found is None:
            self._mappers = {
                since: (found := Mapper(mapping_of(self._catalogue, at)))
            }  # older ones are not asked again
        return found

    def _freshen(self, logged_at: int) -> None:
        if self._read_at >= logged_at - FRESH_MS:
            return
        now = self._log.now()  # before the read: what is appended meanwhile is not counted as read
        while records := self._log.read(DEFINITIONS, 0, self._catalogue.next_offset):
            for each in records:
                self._catalogue.apply(each)
        self._read_at = now
