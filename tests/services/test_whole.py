"""A whole installation over a broker: what a person fears most, once each, in an order that is fixed. `make chaos` has
more of it, by chance."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recovery.whole import Chaos, brokers

pytestmark = pytest.mark.slow


def test_killed_frozen_past_its_session_and_without_its_broker_it_has_lost_and_repeated_nothing(tmp_path: Path) -> None:
    with brokers("kafka", tmp_path / "broker") as broker:
        chaos = Chaos(tmp_path / "installation", kills=0, seed=7, broker=broker)
        verdict = chaos.go(
            ("kill", "delivery"),
            ("expel", "contacts@0/2"),
            ("away", ""),
            ("kill", "contacts@1/2"),
            ("clickhouse", ""),
            ("kill", "ingest"),
        )
    assert chaos.installation.kills == 4
    assert chaos.done["repeated events"] > 0
    assert chaos.installation.has_said("contacts@0/2", "lost partitions") or chaos.installation.deaths
    assert verdict.fold.compared["changes"] > 50
    assert verdict.standings["accepted"] > 0
    assert verdict.is_right, verdict
