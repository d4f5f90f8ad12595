"""kill -9 of the contacts flow over Kafka changes nothing but duplicates, as over SQLite."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from connectors.kafka_config import KafkaConfig
from connectors.kafka_log import KafkaLog
from tests.recovery import history
from tests.recovery.driver import CHANCE, ROOT, Run

pytestmark = pytest.mark.slow


@dataclass
class KafkaRun(Run):
    """The run of the recovery suite, its log on a cluster."""

    config: KafkaConfig = field(kw_only=True)

    def __post_init__(self) -> None:
        self.rng, self.fate = random.Random(self.seed), random.Random(f"fate of {self.seed}")
        self.log = KafkaLog(self.config)
        self.definitions = history.Definitions(self.rng)
        self.sent = 0

    def start(self, point: str = "") -> subprocess.Popen[bytes]:
        env = dict(os.environ, PYTHONPATH=str(ROOT), WAXWING_DIE_AT=point, WAXWING_DIE_IN=str(CHANCE.get(point, 1)))
        where = (self.config.bootstrap, self.config.prefix, str(self.folder / "state"))
        with (self.folder / "stderr").open("ab") as errors:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.services.worker", *where], env=env, stderr=errors, cwd=ROOT
            )


def test_after_kills_everything_equals_the_pure_fold(tmp_path: Path, cluster: KafkaConfig) -> None:
    run = KafkaRun(tmp_path, kills=3, seed=5, config=cluster)
    verdict = run.go()
    run.log.close()
    assert run.died.total() == 3
    assert verdict.compared["sends"] > 20
    assert verdict.is_equal, verdict
