"""Figures for Prometheus that are read off a log, a fold or ClickHouse at the moment they are asked for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from api.watermark import Ends, Freshness
from connectors.log import Log
from flows.contact.flow import Partition
from flows.segments.where import MISMATCHES
from schemas.errors import WaxwingError
from schemas.topics import EVENTS, TOPICS

Group: TypeAlias = tuple[str, str, int, int]  # group, topic, partition, next offset

_AWAY: Final = (WaxwingError, OSError)
_LOG: Final = logging.getLogger(__name__)


class LogCollector(Collector):
    """The log's ends, and how far each consumer group is behind them. `groups` asks for the groups' progress."""

    def __init__(self, log: Log, groups: Callable[[], Iterable[Group]]):
        self._log, self._groups = log, groups

    def describe(self) -> list[Metric]:
        return list(_log_families())

    def collect(self) -> list[Metric]:
        up, end, lag = families = _log_families()
        try:
            for topic in TOPICS:
                for n in range(self._log.partitions(topic.name)):
                    end.add_metric([topic.name, str(n)], self._log.end(topic.name, n))
            for group, name, n, offset in self._groups():
                lag.add_metric([group, name, str(n)], max(0, self._log.end(name, n) - offset))
        except _AWAY as fault:
            _LOG.warning("the log cannot be asked now: %s", fault)
            up.add_metric([], 0)
            return [up]
        up.add_metric([], 1)
        return list(families)


def _log_families() -> tuple[GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily]:
    return (
        GaugeMetricFamily("waxwing_log_up", "1 where the log answers", labels=[]),
        GaugeMetricFamily("waxwing_log_end", "Offset of the next record", labels=["topic", "partition"]),
        GaugeMetricFamily("waxwing_log_lag", "Records a group has yet to read", labels=["group", "topic", "partition"]),
    )


class FoldCollector(Collector):
    """Where the contacts flow stands, a partition each. `opened` are those that it folds now."""

    def __init__(self, log: Log, opened: Mapping[int, Partition]):
        self._log, self._opened = log, opened

    def describe(self) -> list[Metric]:
        return [make(f"waxwing_contacts_{name}", text, labels=["partition"]) for name, make, text, _ in _OF_A_FOLD]

    def collect(self) -> list[Metric]:
        families: list[Any] = self.describe()
        for number, partition in list(self._opened.items()):
            try:
                end = self._log.end(EVENTS, number)
            except _AWAY as fault:
                _LOG.warning("the log cannot be asked now: %s", fault)
                continue
            for family, (_, _, _, read) in zip(families, _OF_A_FOLD, strict=True):
                family.add_metric([str(number)], read(partition, end))
        return families


_Read: TypeAlias = Callable[[Partition, int], float]  # of a partition whose log ends at the offset
_OF_A_FOLD: Final[tuple[tuple[str, type[Any], str, _Read], ...]] = (
    ("records", CounterMetricFamily, "Records folded since the start", lambda p, end: p.fold.records),
    ("duplicates", CounterMetricFamily, "Records that the contact had had before", lambda p, end: p.fold.duplicates),
    ("timers_fired", CounterMetricFamily, "Timers that have fired", lambda p, end: p.fold.fired),
    ("timers_pending", GaugeMetricFamily, "Contacts with a timer pending", lambda p, end: p.fold.timers),
    ("held", GaugeMetricFamily, "Contacts whose state is held", lambda p, end: len(p.fold.states)),
    ("unsaved", GaugeMetricFamily, "Contacts whose state has yet to be saved", lambda p, end: len(p.fold.changed)),
    ("checkpoint_age_seconds", GaugeMetricFamily, "How long states wait to be saved", lambda p, end: p.unsaved_s()),
    ("lag", GaugeMetricFamily, "Records of the log yet to be folded", lambda p, end: max(0, end - p.fold.next_offset)),
)


class MismatchCollector(Collector):
    """How often a leaf met a value that is no number where one was expected, by the leaf's id (`memory` of a segment
    says which leaf that is). Such a leaf is false, and that is not always what was meant."""

    def describe(self) -> list[Metric]:
        return [self._family()]

    def collect(self) -> list[Metric]:
        family = self._family()
        for leaf, times in sorted(MISMATCHES.copy().items()):
            family.add_metric([leaf], times)
        return [family]

    def _family(self) -> CounterMetricFamily:
        text = "Values of another type than a leaf of a condition compares with"
        return CounterMetricFamily("waxwing_contacts_type_mismatches", text, labels=["leaf"])


class WatermarkCollector(Collector):
    """How far ClickHouse is behind the log's clock. `look(ends)` asks it for its progress; None while it is away.

    What ClickHouse was last known to hold stays meanwhile, so the age grows.
    """

    def __init__(self, ends: Callable[[], Ends], look: Callable[[Ends], Freshness | None]):
        self._ends, self._look = ends, look
        self._last: int | None = None

    def describe(self) -> list[Metric]:
        return [self._family()]

    def collect(self) -> list[Metric]:
        try:
            ends = self._ends()  # before the progress: the order matters
        except _AWAY as fault:
            _LOG.warning("the log cannot be asked now: %s", fault)
            return []
        if (fresh := self._look(ends)) is not None:
            self._last = fresh.watermark
        if self._last is None:
            return []
        return [self._family(max(0, ends.now - self._last) / 1000)]

    def _family(self, age_s: float | None = None) -> Metric:
        text = "How far ClickHouse is behind the log's clock"
        return GaugeMetricFamily("waxwing_watermark_age_seconds", text, value=age_s)
