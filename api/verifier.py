"""Stream against batch: every segment recomputed by ClickHouse from history, and compared with what the fold has said.

Both are asked about one instant, a little before everything that is in ClickHouse. What differs is asked again at a
later one: only what differs each time is a mismatch, since a flip may be on its way, and a merge takes a few
milliseconds from one partition to another. A segment that cannot be recomputed is reported with the reason, and keeps
no other from being compared.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from prometheus_client import Gauge

from api.reads import load_queries
from api.watermark import ends_of, freshness
from connectors.log import Log
from connectors.surroundings import MembersOf, PlacesIn, surroundings
from flows.contact.active import Definitions
from flows.definitions.catalogue import Published
from flows.segments.sql.run import Ask, truths
from flows.segments.whole import begun, young
from schemas.definitions.condition_tree import InSegment
from schemas.times import format_instant
from schemas.topics import DEFINITIONS

SETTLE_MS: Final = 5_000  # what the fold has concluded so long ago is in ClickHouse
LOOKS: Final = 3  # at most, at different instants
PAUSE_S: Final = 2.0  # between two
SHOWN: Final = 100  # ids of a segment that differ
REASON: Final = 300  # characters of why one failed
_TOGETHER: Final = 25  # segments of one query
_LOG: Final = logging.getLogger(__name__)
_MISMATCHES: Final = Gauge("waxwing_verify_mismatches", "Contacts about whom stream and batch differ", ["segment"])
_YOUNG: Final = Gauge("waxwing_verify_young_segments", "Segments not verified: a part of their past was not seen")
_FAILED: Final = Gauge("waxwing_verify_failed_segments", "Segments that could not be recomputed")
_AT: Final = Gauge("waxwing_verify_instant_seconds", "The instant that was verified last, since the epoch")

Members = Mapping[str, frozenset[str]]  # segment -> contacts


class Checked(NamedTuple):
    """One segment: how many members each finds, and who is only in one of the two."""

    stream: int
    batch: int
    only_stream: list[str]
    only_batch: list[str]


class Report(NamedTuple):
    """`young`: segments that were not compared -> since when the stream has seen all that they ask. `failed`: those
    that could not be recomputed -> why."""

    at: int
    segments: dict[str, Checked]
    young: dict[str, int]
    failed: Mapping[str, str]

    @property
    def mismatches(self) -> int:
        """How many memberships differ."""
        return sum(len(c.only_stream) + len(c.only_batch) for c in self.segments.values())

    def as_json(self) -> dict[str, Any]:
        """Segment -> its figures, or why it was skipped or failed; of those who differ the first SHOWN."""
        told: dict[str, Any] = {
            id: c._replace(only_stream=c.only_stream[:SHOWN], only_batch=c.only_batch[:SHOWN])._asdict()
            for id, c in self.segments.items()
        }
        why = "what it asks of events has been seen since {} only"
        told |= {id: {"skipped": why.format(format_instant(since))} for id, since in self.young.items()}
        return told | {id: {"failed": reason} for id, reason in self.failed.items()}


class Verifier:
    """Compares, one run at a time. It keeps the definitions that it has read."""

    def __init__(self, log: Log, ask: Ask, members_of: MembersOf, places_in: PlacesIn):
        self._log, self._ask, self._members_of, self._places_in = log, ask, members_of, places_in
        self._definitions = Definitions()
        self._lock = threading.Lock()
        self._progress = load_queries()["progress"]

    def run(self, pause: Callable[[float], object] = threading.Event().wait) -> Report:
        """The report, also as metrics and, where there is a mismatch or a failure, as a line of the log."""
        with self._lock:
            report = self._look()
            for _ in range(LOOKS - 1):
                if not (report.mismatches or report.failed):
                    break
                pause(PAUSE_S)
                report = _both(report, self._look())
        _publish(report)
        return report

    def _look(self) -> Report:
        at = freshness(ends_of(self._log), [dict(r) for r in self._ask(self._progress, {})]).watermark - SETTLE_MS
        self._read_definitions()
        firsts = {row["name"]: row["first"] for row in self._ask(_FIRSTS, {})}
        active = self._definitions.at(at)
        too_young = young(active, begun(self._definitions, at), firsts, at)
        ids = sorted(id for id in active.segments.by_id if id not in too_young)
        stream, (batch, failed) = _stream(self._ask, at), self._batch(ids, at)
        compared = {id: _compare(stream.get(id, frozenset()), batch[id]) for id in ids if id in batch}
        return Report(at, compared, too_young, failed)

    def _read_definitions(self) -> None:
        catalogue = self._definitions.catalogue
        while records := self._log.read(DEFINITIONS, 0, catalogue.next_offset):
            for record in records:
                self._definitions.apply(record)

    def _batch(self, ids: Sequence[str], at: int) -> tuple[dict[str, frozenset[str]], dict[str, str]]:
        """Who is in each segment by the recompute; and of those that cannot be recomputed, why."""
        published = list(self._definitions.catalogue.active(at).current.values())
        found: dict[str, frozenset[str]] = {}
        failed: dict[str, str] = {}
        for first in range(0, len(ids), _TOGETHER):
            part = ids[first : first + _TOGETHER]
            try:
                found |= self._members(published, part, at)
            except Exception as together:  # whatever one of them makes ClickHouse or a file's system say
                _LOG.info("%d segments are recomputed one by one: %s", len(part), reason(together))
                for id in part:
                    try:
                        found |= self._members(published, [id], at)
                    except Exception as fault:
                        self._ask(_AWAKE, {})  # a ClickHouse that is away is no segment's fault: raises
                        failed[id] = reason(fault)
        return found, failed

    def _members(self, published: Sequence[Published], ids: Sequence[str], at: int) -> dict[str, frozenset[str]]:
        """Who is in each of the segments, by one query."""
        conditions = [InSegment(id) for id in ids]
        given = surroundings(published, conditions, at, self._members_of, self._places_in, self._ask)
        rows = truths(self._ask, conditions, at, given)
        return {id: frozenset(c for c, holds in rows.items() if holds[n]) for n, id in enumerate(ids)}


_AWAKE: Final = "SELECT 1 AS awake"

_FIRSTS: Final = """\
SELECT name, toUnixTimestamp64Milli(min(logged_at)) AS first
FROM events
GROUP BY name"""

_STREAM: Final = """\
SELECT segment, groupArray(contact) AS contacts
FROM
(
    SELECT segment, contact, argMax(kind, (at, offset)) AS last_kind
    FROM changes
    WHERE kind IN ('segment_entered', 'segment_left') AND at <= fromUnixTimestamp64Milli({at:Int64}, 'UTC')
    GROUP BY segment, contact
)
WHERE last_kind = 'segment_entered'
GROUP BY segment"""


def _stream(ask: Ask, at: int) -> Members:
    """Who is in each segment at the instant, by what the fold has said."""
    return {row["segment"]: frozenset(row["contacts"]) for row in ask(_STREAM, {"at": at})}


def reason(fault: Exception) -> str:
    """What went wrong, in a line."""
    return f"{type(fault).__name__}: {fault}".partition("\n")[0][:REASON]


def _compare(stream: frozenset[str], batch: frozenset[str]) -> Checked:
    return Checked(len(stream), len(batch), sorted(stream - batch), sorted(batch - stream))


def _both(before: Report, now: Report) -> Report:
    """The later report, of what differs only that which differed before."""
    return now._replace(segments={id: _still(before.segments.get(id), c) for id, c in now.segments.items()})


def _still(before: Checked | None, now: Checked) -> Checked:
    if before is None:
        return now._replace(only_stream=[], only_batch=[])
    return now._replace(
        only_stream=_in_both(before.only_stream, now.only_stream),
        only_batch=_in_both(before.only_batch, now.only_batch),
    )


def _in_both(a: Iterable[str], b: Iterable[str]) -> list[str]:
    return sorted(set(a) & set(b))


def _publish(report: Report) -> None:
    _MISMATCHES.clear()
    for id, checked in report.segments.items():
        differ = len(checked.only_stream) + len(checked.only_batch)
        _MISMATCHES.labels(id).set(differ)
        if differ:
            text = "segment %s at %s: stream %d, batch %d members; only in the stream %s, only in the batch %s"
            only = (checked.only_stream[:5], checked.only_batch[:5])
            _LOG.error(text, id, format_instant(report.at), checked.stream, checked.batch, *only)
    for id, why in report.failed.items():
        _LOG.error("segment %s at %s could not be recomputed: %s", id, format_instant(report.at), why)
    _YOUNG.set(len(report.young))
    _FAILED.set(len(report.failed))
    _AT.set(report.at / 1000)
