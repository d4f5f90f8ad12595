"""Many workers of the fold: more and fewer of them, killed, frozen, their disks lost. The judge compares with the pure
fold of the whole log.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.kafka_config import KafkaConfig
from flows.contact.flow import GROUP
from schemas.topics import EVENTS
from sinks.state_copies import StateCopies
from tests.recovery.driver import all_ends
from tests.recovery.judge import judge
from tests.services.fleet import SESSION_S, Fleet, eventually, fleet
from tests.services.test_kafka_recovery import KafkaRun

pytestmark = pytest.mark.slow
PARTITIONS = range(4)


@pytest.fixture
def run(tmp_path: Path, cluster: KafkaConfig) -> Iterator[KafkaRun]:
    run = KafkaRun(tmp_path, kills=0, seed=11, rate=50, config=cluster)
    run.log.append(run.definitions.first())
    yield run
    run.log.close()


class Stage:
    """Events come in real time; a worker that has ended by itself is started again."""

    def __init__(self, run: KafkaRun, workers: Fleet):
        self.run, self.workers, self.begun = run, workers, time.monotonic()
        self.restarted: list[str] = []

    def folds_on(self, what: str) -> float:
        """Wait until every partition is folded past its present end; the seconds that it took."""
        log = self.run.log
        self.produce()
        ends = [log.end(EVENTS, n) for n in PARTITIONS]
        return eventually(
            f"{what}: every partition is folded on",
            lambda: all(log.committed(GROUP, EVENTS, n) >= ends[n] for n in PARTITIONS),
            self.produce,
        )

    def shared_by(self, *names: str) -> None:
        """Wait until the workers share the partitions evenly, and go on with each."""
        share = len(PARTITIONS) // len(names)
        eventually(
            f"{names} have {share} each",
            lambda: all(len(self.workers.assigned(n)) == share for n in names),
            self.produce,
        )
        assert sorted(p for name in names for p in self.workers.assigned(name)) == list(PARTITIONS)
        self.folds_on(f"{names}")

    def produce(self) -> None:
        self.run.produce(self.begun)
        self.restarted += self.workers.restart_dead()

    def goes_on_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.produce()
            time.sleep(0.02)

    def comes_to_rest(self) -> None:
        """Nothing more is sent; wait until nothing more happens."""
        ends, quiet = (), time.monotonic()
        while time.monotonic() - quiet < 4.5:  # longer than the longest wait and window
            assert self.workers.restart_dead() == []
            if (now := all_ends(self.run.log)) != ends:
                ends, quiet = now, time.monotonic()
            time.sleep(0.1)


def test_from_one_worker_to_four_and_back_frozen_killed_and_without_their_disks_the_results_are_exact(
    run: KafkaRun, tmp_path: Path, cluster: KafkaConfig
) -> None:
    with fleet(tmp_path, cluster, "contacts") as workers:
        stage = Stage(run, workers)
        workers.start("a")
        stage.shared_by("a")
        workers.start("b")
        stage.shared_by("a", "b")
        stage.goes_on_for(1.5)

        workers.freeze("a")  # past its session: `b` gets what it had
        stage.folds_on("the other one frozen")
        run.publish()
        stage.goes_on_for(SESSION_S)
        workers.wake("a")
        workers.start("c")
        workers.start("d")
        stage.shared_by("a", "b", "c", "d")
        stage.goes_on_for(2)

        workers.kill("b")
        workers.lose_disk("b")
        stage.folds_on("one lost with its disk")
        for name in ("c", "d"):
            workers.end(name)
        stage.shared_by("a")
        stage.comes_to_rest()
        workers.end("a")

        copies = StateCopies((tmp_path / "files").as_uri())
        for n in PARTITIONS:
            copies.bring(n, tmp_path / "judged" / str(n))
    verdict = judge(run.log, tmp_path / "judged", run.acknowledged)
    assert verdict.compared["sends"] > 50
    assert verdict.is_equal, verdict
    assert "lost partitions" in workers.said("a")


def test_of_two_workers_with_one_name_the_earlier_ends_and_says_why(tmp_path: Path, cluster: KafkaConfig) -> None:
    with fleet(tmp_path, cluster, "contacts") as workers:
        workers.start("a")
        eventually("the first one works", lambda: workers.assigned("a") == list(PARTITIONS))
        workers.start("b", WAXWING_WORKER="a")
        eventually("the second one takes its place", lambda: workers.assigned("b") == list(PARTITIONS))
        eventually("the first one ends", lambda: workers.running["a"].poll() == 1)
        assert "give each worker a name of its own (WAXWING_WORKER)" in workers.said("a")
