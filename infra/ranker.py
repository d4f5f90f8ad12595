"""Computes the rankings that are due, in ClickHouse, and publishes each as files and the definition that names them.

A ranking is computed as of an instant of its schedule, once ClickHouse holds everything logged before; a new one, or a
new version of one, at once. After a downtime the latest instant that was missed is made up for. The publication is
all that the fold sees: a crash before it computes again, and of two who compute at once the first write stands.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from api.watermark import ends_of, freshness
from connectors.fail_points import fail_point
from connectors.log import Log
from connectors.publish import CatalogueReader, publish
from flows.definitions.catalogue import Published, Snapshot
from flows.journeys.arming import next_cron
from flows.segments.hydration import pack
from flows.segments.ranking import Place, result_body
from flows.segments.sql.given import given_by
from flows.segments.sql.run import Ask, ranked
from schemas.definitions import parse
from schemas.definitions.ranking import RESULT, Ranking
from schemas.errors import VersionTaken
from schemas.topics import EVENTS
from sinks.past_store import PastStore

BY: Final = "analysis"
_END: Final = 1 << 62
_LOG: Final = logging.getLogger(__name__)


class Ranker:
    """One is enough for an installation; of two the slower one's results are void."""

    def __init__(self, log: Log, ask: Ask, progress: str, files: PastStore):
        self._log, self._ask, self._progress, self._files = log, ask, progress, files
        self._reader = CatalogueReader(log)

    def round(self) -> list[str]:
        """Compute what is due; the ids. Raises what ClickHouse raises."""
        with self._reader.open() as catalogue:
            snapshot = catalogue.active(_END)
        rankings = snapshot.of("ranking")
        if not rankings:
            return []
        watermark = freshness(ends_of(self._log), self._ask(self._progress, {})).watermark
        due = ((p, due_at(p, snapshot, watermark)) for p in rankings)
        return [p.id for p, at in due if at is not None and self._compute(p, snapshot, at)]

    def _compute(self, published: Published, snapshot: Snapshot, at: int) -> bool:
        ranking = _parsed(published)
        found = ranked(self._ask, ranking, at, given_by([p.body for p in snapshot.current.values()]))
        following = next_cron(ranking.schedule, at, zone_of(ranking, snapshot))
        files = self._put(found.places)
        body = result_body(ranking.id, published.version, at, following, found.ranked, files)
        stands = snapshot.get(RESULT, ranking.id)
        fail_point("before_ranking")
        try:
            publish(self._reader, [body], BY, {(RESULT, ranking.id): stands.version if stands else 0}, of_system=True)
        except VersionTaken as fault:
            _LOG.info("ranking %s: %s", ranking.id, fault)
            return False
        _LOG.info("ranking %s: %d contacts", ranking.id, found.ranked)
        return True

    def _put(self, places: Mapping[str, Place]) -> dict[str, str]:
        parts: dict[int, dict[str, Place]] = {}
        for contact, place in places.items():
            parts.setdefault(self._log.partition_of(EVENTS, contact), {})[contact] = place
        return {str(n): self._files.put(pack(part)) for n, part in sorted(parts.items())}


def due_at(published: Published, snapshot: Snapshot, watermark: int) -> int | None:
    """The instant as of which the ranking is to be computed; None where it need not be now."""
    result = snapshot.get(RESULT, published.id)
    if result is None or result.body["ranking_version"] != published.version:
        return watermark
    ranking = _parsed(published)
    zone, due, latest = zone_of(ranking, snapshot), int(_body(result)["next"]), None
    while due <= watermark:
        latest, due = due, next_cron(ranking.schedule, due, zone)
    return latest


def zone_of(ranking: Ranking, snapshot: Snapshot) -> ZoneInfo:
    """The zone of its schedule."""
    workspace = snapshot.get("workspace", "default")
    return ZoneInfo(ranking.timezone or (_body(workspace).get("timezone", "UTC") if workspace else "UTC"))


def _body(published: Published) -> Mapping[str, Any]:
    return published.body


def _parsed(published: Published) -> Ranking:
    ranking = parse(published.body)
    assert isinstance(ranking, Ranking)
    return ranking
