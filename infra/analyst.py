"""What is concluded from everyone's records in ClickHouse, and published as a definition: decisions on experiments, and
the hours at which people answer messages.

The publication is all that is written: a crash before it decides again by the figures of then, and of two that decide
at once the first write of the version stands (rule 4).
"""

from __future__ import annotations

import logging
from typing import Any, Final

from api.watermark import ends_of, freshness
from connectors.fail_points import fail_point
from connectors.log import Log
from connectors.publish import CatalogueReader, newest, publish
from flows.definitions.catalogue import Published
from flows.experiments.judge import decide
from flows.experiments.running import Running, running
from flows.segments.sql.run import Ask
from schemas.definitions.journey import Journey
from schemas.definitions.send_time import DEFAULT, SendTime
from schemas.definitions.split import Bandit
from schemas.errors import InvalidInput, VersionTaken
from schemas.times import DAY, parse_duration
from sinks.experiment_query import Question, seen
from sinks.send_time_query import answers_by_hour

BY: Final = "analysis"
HOURS_EVERY: Final = DAY
ENOUGH_ANSWERS: Final = 100
_LOG: Final = logging.getLogger(__name__)


class Analyst:
    """One is enough for an installation; of two the slower one's decisions are void."""

    def __init__(self, log: Log, ask: Ask, progress: str):
        self._log, self._ask, self._progress = log, ask, progress
        self._reader = CatalogueReader(log)

    def round(self) -> list[str]:
        """Publish what is due; the ids of what was published. Raises what ClickHouse raises."""
        return self._experiments() + self._hours()

    def _experiments(self) -> list[str]:
        with self._reader.open() as catalogue:
            found = [one for one in running(catalogue) if not one.is_in_hand]
        decided = []
        for one in found:
            at = self._watermark()
            if self._is_due(one, at) and self._decide(one, at):
                decided.append(f"{one.journey}/{one.split.id}")
        return decided

    def _hours(self) -> list[str]:
        """Everyone's hours once a day, where a journey asks for a best time and nobody has set them by hand."""
        with self._reader.open() as catalogue:
            snapshot = newest(catalogue)
            stands, workspace = snapshot.get(SendTime.KIND, DEFAULT), snapshot.get("workspace", DEFAULT)
            is_asked = any(_asks_for_best_time(p) for p in snapshot.of(Journey.KIND))
        at = self._watermark() if is_asked else 0
        is_in_hand = stands is not None and stands.body.get("method", "hand") == "hand"
        if not is_asked or is_in_hand or (stands is not None and at - stands.since < HOURS_EVERY):
            return []
        zone = workspace.body.get("timezone", "UTC") if workspace else "UTC"
        hours = answers_by_hour(self._ask, at, zone)
        if (answers := sum(hours)) < ENOUGH_ANSWERS:
            return []
        shares = [round(100 * count / answers, 2) for count in hours]
        body = {"kind": SendTime.KIND, "id": DEFAULT, "hours": shares, "answers": answers, "method": "learned"}
        return [DEFAULT] if self._publish(body, stands.version if stands else 0) else []

    def _watermark(self) -> int:
        return freshness(ends_of(self._log), self._ask(self._progress, {})).watermark

    def _is_due(self, one: Running, at: int) -> bool:
        rule = one.split.rule
        if isinstance(rule, Bandit):
            return one.latest is None or at - one.latest.since >= parse_duration(rule.every)
        return one.latest is None

    def _decide(self, one: Running, at: int) -> bool:
        figures = seen(self._ask, Question(one.journey, one.split, one.versions, at))
        body = decide(one.journey, one.split, figures, one.latest.body if one.latest else None)
        if body is None:
            return False
        if not self._publish(body, one.stands):
            return False
        leader = max(body["arms"], key=lambda arm: float(arm["share"]))
        _LOG.info("experiment %s: %s, by %s: arm %s", body["id"], body["method"], body["reason"], leader["name"])
        return True

    def _publish(self, body: dict[str, Any], stands: int) -> bool:
        """False where somebody else was first."""
        fail_point("before_decision")
        try:
            publish(self._reader, [body], BY, {(body["kind"], body["id"]): stands})
        except (VersionTaken, InvalidInput) as fault:  # or the journey has changed meanwhile
            _LOG.info("%s %s: %s", body["kind"], body["id"], fault)
            return False
        fail_point("after_decision")
        return True


def _asks_for_best_time(journey: Published) -> bool:
    return any("best_time" in node for node in journey.body.get("nodes", ()))
