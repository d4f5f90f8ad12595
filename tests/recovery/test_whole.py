"""A short chaos over a whole installation; `make chaos` has the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recovery.whole import Chaos

pytestmark = pytest.mark.slow


def test_after_deaths_of_its_processes_an_installation_has_lost_and_repeated_nothing(tmp_path: Path) -> None:
    chaos = Chaos(tmp_path, kills=5, seed=1)
    verdict = chaos.go()
    assert chaos.installation.deaths.total() >= 5
    assert verdict.fold.compared["changes"] > 100
    assert verdict.standings["accepted"] > 5
    assert verdict.is_right, verdict
