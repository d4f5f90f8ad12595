"""Brings frequency caps what was planned before they were active: from ClickHouse, by a switch, as the past of leaves.

    cap is active ──▶ ClickHouse holds the messages that were planned until then ──▶ a file a partition ──▶ one switch

A cap counts from its activation on; what it brings is what was planned before that, within its window. So nothing is
missing between the two, but where the fold lagged by more than SETTLED_MS, and nothing counts twice: a message is known
by its id. One that fails between the query and the switch counts still, so that rather one message too few goes.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from connectors.fail_points import fail_point
from connectors.log import Log
from connectors.publish import CatalogueReader, newest
from flows.definitions.catalogue import Catalogue, Published
from flows.policy.caps import Planned
from flows.policy.reducer import past_name
from flows.segments.hydration import pack, whole
from flows.segments.sql.run import Ask
from schemas.definitions.policy import FrequencyCap
from schemas.records import Definition, Entry, encode
from schemas.times import SECOND, parse_duration
from schemas.topics import ATTEMPTS, DEFINITIONS, EVENTS, SENDS
from sinks.past_query import PastQuery
from sinks.past_store import PastStore
from sinks.planned_query import planned_between

SETTLED_MS: Final = SECOND  # after a cap's activation the fold has planned what it plans before it
TOPICS: Final = (SENDS, ATTEMPTS, EVENTS)
BYTES_A_MS: Final = 50_000  # of the files; the fold reads them within the lead
_END: Final = 1 << 62
_LOG: Final = logging.getLogger(__name__)


class CapPast:
    """One is enough for an installation; of two the later switch is void. `progress` is the query by that name."""

    def __init__(self, log: Log, ask: Ask, progress: str, archive: PastQuery, files: PastStore):
        self._log, self._ask, self._progress, self._archive, self._files = log, ask, progress, archive, files
        self._reader = CatalogueReader(log)
        self._read, self._lacking = -1, list[Published]()
        self._done: set[str] = set()
        self._ends: dict[str, dict[tuple[str, int], int]] = {}  # past's name -> what ClickHouse has to hold

    def round(self) -> list[str]:
        """Bring what is due; the ids of the caps that it was brought to. Raises what ClickHouse raises."""
        with self._reader.open() as catalogue:
            if catalogue.next_offset != self._read:
                self._read, self._lacking = catalogue.next_offset, lacking(catalogue)
        self._lacking = [cap for cap in self._lacking if past_name(cap) not in self._done]
        brought = [cap for cap in self._lacking if self._is_known(cap) and self._bring(cap)]
        return [cap.id for cap in brought]

    def _is_known(self, cap: Published) -> bool:
        """Whether all that was planned before the cap was active, and how it has ended up to then, is in ClickHouse."""
        if self._log.now() < cap.since + SETTLED_MS:
            return False
        name = past_name(cap)
        ends = self._ends.get(name)
        if ends is None:
            parts = [(topic, n) for topic in TOPICS for n in range(self._log.partitions(topic))]
            ends = self._ends[name] = {(topic, n): self._log.end(topic, n) for topic, n in parts}
        places = {(row["topic"], row["partition"]): row["next_offset"] for row in self._ask(self._progress, {})}
        return all(places.get(part, 0) >= end for part, end in ends.items())

    def _bring(self, cap: Published) -> bool:
        """The files first, then the switch; False where there is nothing to bring."""
        name = past_name(cap)
        found = planned_between(self._ask, cap.since - parse_duration(str(cap.body["within"])), cap.since)
        self._done.add(name)
        self._ends.pop(name)
        if not found:
            return False
        packed = {str(n): pack(part) for n, part in sorted(self._by_partition(name, found).items())}
        files = {n: self._files.put(data) for n, data in packed.items()}
        fail_point("before_cap_past")
        lead = self._log.lead_ms + sum(map(len, packed.values())) // BYTES_A_MS
        body = {"since": cap.since, "leaves": [name], "past": files}
        switch = Definition(cap.kind, cap.id, "switch", cap.version, body, "hydration", lead=lead)
        self._log.append([Entry(DEFINITIONS, f"{cap.kind}/{cap.id}", encode(switch))])
        _LOG.info("frequency cap %s knows what was planned before it, for %d contacts", cap.id, len(found))
        return True

    def _by_partition(
        self, name: str, found: Mapping[str, list[Planned]]
    ) -> dict[int, dict[str, dict[str, list[Planned]]]]:
        """Partition of `events` -> contact -> what it brings; to what a merged contact has become a part of."""
        part_of = self._archive.merges()
        parts: dict[int, dict[str, dict[str, list[Planned]]]] = {}
        for id, planned in found.items():
            contact = whole(id, part_of)
            part = parts.setdefault(self._log.partition_of(EVENTS, contact), {})
            part.setdefault(contact, {name: []})[name].extend(planned)
        return parts


def lacking(catalogue: Catalogue) -> list[Published]:
    """The caps that stand and were not brought what was planned before they were active."""
    caps = newest(catalogue).of(FrequencyCap.KIND)
    first = min((cap.since for cap in caps), default=_END)
    brought = {id for snapshot in catalogue.between(first, _END) for past in snapshot.pasts for id in past.leaves}
    return [cap for cap in caps if past_name(cap) not in brought]
