"""Stream, batch and oracle agree about random trees over random histories; where a rule is broken, that is seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from schemas.times import parse_duration
from tests.clickhouse import engine
from tests.flows.segments import hydrating, naive
from tests.flows.segments.differential import TREES, Round

ROUNDS = 50  # of 40 trees each; python -m tests.flows.segments.differential plays as many as are asked for
TOGETHER = 5  # rounds of one test, so that the tests can be shared out


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, ROUNDS, TOGETHER))
def test_stream_batch_and_oracle_agree(first: int) -> None:
    for seed in range(first, first + TOGETHER):
        assert list(Round(seed).differences(engine())) == []


def test_2000_trees_are_tried() -> None:
    assert ROUNDS * TREES == 2_000


in_window = naive.in_window


def closed_at_its_far_end(at: int, leaf: Mapping[str, Any], t: int) -> bool:
    within = leaf.get("within")
    return in_window(at, leaf, t) or (isinstance(within, str) and at == t - parse_duration(within))


def nobody_is_merged(read: Sequence[naive.Logged]) -> dict[str, str]:
    return {}


def the_earlier_in_the_log_is_the_later(fact: naive.Fact) -> tuple[int, int]:
    return fact.at, -fact.order


BROKEN: dict[str, Callable[..., Any]] = {
    "in_window": closed_at_its_far_end,
    "merged": nobody_is_merged,
    "when": the_earlier_in_the_log_is_the_later,
}


@pytest.mark.slow
@pytest.mark.parametrize("rule", BROKEN)
def test_an_oracle_with_a_broken_rule_is_found_out(monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    monkeypatch.setattr(naive, rule, BROKEN[rule])
    assert any(True for seed in range(10) for _ in Round(seed).differences(engine()))


@pytest.mark.slow
def test_an_edited_segment_that_forgets_its_past_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hydrating, "fold_past", lambda archive, history: {})
    assert any(True for seed in range(10) for _ in Round(seed).differences(engine()))
