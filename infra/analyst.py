"""Decides the experiments: reads from ClickHouse what became of the arms, and publishes what follows as a definition.

The publication is all that is written: a crash before it decides again by the figures of then, and of two that decide
at once the first write of the version stands (rule 4).
"""

from __future__ import annotations

import logging
from typing import Final

from api.watermark import ends_of, freshness
from connectors.fail_points import fail_point
from connectors.log import Log
from connectors.publish import CatalogueReader, publish
from flows.experiments.judge import decide
from flows.experiments.running import Running, running
from flows.segments.sql.run import Ask
from schemas.definitions.experiment import Experiment
from schemas.definitions.split import Bandit
from schemas.errors import VersionTaken
from schemas.times import parse_duration
from sinks.experiment_query import Question, seen

BY: Final = "analysis"
_LOG: Final = logging.getLogger(__name__)


class Analyst:
    """One is enough for an installation; of two the slower one's decisions are void."""

    def __init__(self, log: Log, ask: Ask, progress: str):
        self._log, self._ask, self._progress = log, ask, progress
        self._reader = CatalogueReader(log)

    def round(self) -> list[str]:
        """Decide what is due; the ids of the experiments that were decided. Raises what ClickHouse raises."""
        with self._reader.open() as catalogue:
            found = [one for one in running(catalogue) if not one.is_in_hand]
        decided = []
        for one in found:
            at = self._watermark()
            if self._is_due(one, at) and self._decide(one, at):
                decided.append(f"{one.journey}/{one.split.id}")
        return decided

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
        fail_point("before_decision")
        try:
            publish(self._reader, [body], BY, {(Experiment.KIND, body["id"]): one.stands})
        except VersionTaken as fault:
            _LOG.info("experiment %s: %s", body["id"], fault)
            return False
        leader = max(body["arms"], key=lambda arm: float(arm["share"]))
        _LOG.info("experiment %s: %s, by %s: arm %s", body["id"], body["method"], body["reason"], leader["name"])
        return True
