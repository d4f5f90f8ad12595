"""kill -9 changes nothing but duplicates; and a broken rule would be noticed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.recovery.driver import Run, run_for
from tests.recovery.judge import judge

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [1, 2])
def test_after_kills_at_random_and_at_named_points_everything_equals_the_pure_fold(tmp_path: Path, seed: int):
    run = Run(tmp_path, kills=12, seed=seed)
    verdict = run.go()
    assert run.died.total() == 12
    assert verdict.compared["sends"] > 100
    assert verdict.repeated > 0  # the kills did make it repeat itself
    assert verdict.is_equal, verdict


def test_a_state_committed_before_its_effects_would_be_noticed(tmp_path: Path):
    verdict = Run(tmp_path, kills=6, seed=3, broken="state_first", point="between").go()
    assert verdict.missing


def test_timers_that_use_the_definitions_of_a_later_record_would_be_noticed(tmp_path: Path):
    run = Run(tmp_path, kills=0, seed=4, broken="record_definitions")
    run.log.append(run.definitions.first())
    began = time.monotonic()
    for _ in range(8):  # nobody folds yet: timers come due, and definitions change after them
        run_for(run, 0.5, began)
        run.publish()
    run.settle(began)
    verdict = judge(run.log, tmp_path / "state", run.acknowledged)
    assert verdict.different or verdict.missing or verdict.extra
    run.log.close()
