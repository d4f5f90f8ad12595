from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource

from connectors.engine import run_flow
from schemas.errors import LogUnavailable


def doubled(numbers: list[int], out: list[int]) -> Dataflow:
    flow = Dataflow("doubled")
    stream = op.input("numbers", flow, TestingSource(numbers))
    op.output("out", op.map("double", stream, lambda n: n * 2), TestingSink(out))
    return flow


def test_two_flows_run_in_two_threads_of_one_process() -> None:
    outs: list[list[int]] = [[], []]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda out: run_flow(doubled([1, 2, 3], out)), outs))
    assert outs == [[2, 4, 6], [2, 4, 6]]


def test_what_stops_a_flow_is_raised_as_it_was_and_says_where() -> None:
    def fail(number: int) -> Any:
        raise LogUnavailable("the disk is full") from OSError("no space left on device")

    flow = Dataflow("failing")
    stream = op.input("numbers", flow, TestingSource([1]))
    op.output("out", op.map("fail", stream, fail), TestingSink([]))
    with pytest.raises(LogUnavailable, match="the disk is full") as raised:
        run_flow(flow)
    assert isinstance(raised.value.__cause__, OSError)
    assert "failing" in raised.value.__notes__[0]
