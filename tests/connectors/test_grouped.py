from __future__ import annotations

import os
import threading
from collections.abc import Sequence

import pytest

from connectors.grouped import Grouped


class Gate:
    """A `write` that remembers its groups, and stops in each until it is opened."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.may_pass = threading.Semaphore(0)
        self.fault: BaseException | None = None

    def write(self, items: Sequence[int]) -> None:
        self.groups.append(list(items))
        self.may_pass.acquire()
        if self.fault is not None:
            raise self.fault


def start(
    grouped: Grouped[int], items: Sequence[int], answers: dict[int, BaseException | None]
) -> list[threading.Thread]:
    """A thread an item, in this order: each has queued its item before the next one begins."""

    def do(item: int) -> None:
        answers[item] = grouped.do(item)

    threads = []
    for n, item in enumerate(items):
        threads.append(threading.Thread(target=do, args=(item,)))
        threads[-1].start()
        while n and len(grouped._waiting) < n:
            os.sched_yield()
        while not n and not gate_of(grouped).groups:
            os.sched_yield()
    return threads


def gate_of(grouped: Grouped[int]) -> Gate:
    return grouped._write.__self__  # type: ignore[attr-defined]


def finish(gate: Gate, threads: list[threading.Thread]) -> None:
    gate.may_pass.release(100)
    for thread in threads:
        thread.join()


def test_those_who_come_while_one_writes_are_written_together_next() -> None:
    gate, answers = Gate(), {}
    threads = start(Grouped(gate.write, lambda item: 1, 100), range(6), answers)
    finish(gate, threads)
    assert gate.groups == [[0], [1, 2, 3, 4, 5]]
    assert answers == dict.fromkeys(range(6))


def test_a_group_stops_growing_at_its_limit() -> None:
    gate, answers = Gate(), {}
    threads = start(Grouped(gate.write, lambda item: item, 10), [1, 6, 4, 1, 30, 2], answers)
    finish(gate, threads)
    assert gate.groups == [[1], [6, 4, 1], [30], [2]]


def test_a_group_that_fails_tells_every_one_of_it_and_the_next_goes_on() -> None:
    gate, answers = Gate(), {}
    grouped = Grouped(gate.write, lambda item: 1, 100)
    threads = start(grouped, [0, 1, 2], answers)
    gate.fault = OSError("no space left")
    finish(gate, threads)
    assert all(answers[item] is gate.fault for item in (0, 1, 2))
    gate.fault = None
    assert grouped.do(3) is None


def test_an_interrupted_leader_leaves_the_lead_to_the_next() -> None:
    gate, answers = Gate(), {}
    grouped = Grouped(gate.write, lambda item: 1, 100)
    gate.fault = KeyboardInterrupt()
    gate.may_pass.release(1)
    with pytest.raises(KeyboardInterrupt):
        grouped.do(0)
    gate.fault = None
    gate.groups.clear()
    finish(gate, start(grouped, [1, 2, 3], answers))
    assert gate.groups == [[1], [2, 3]]
    assert answers == {1: None, 2: None, 3: None}


class Interrupted(threading.Event):
    """What a thread waits for that is interrupted at once: a real signal may come just before it waits, and be lost."""

    def wait(self, timeout: float | None = None) -> bool:
        raise KeyboardInterrupt


def test_an_interrupted_follower_takes_its_item_back(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, answers = Gate(), {}
    grouped = Grouped(gate.write, lambda item: 1, 100)
    threads = start(grouped, [0], answers)
    with monkeypatch.context() as patch:
        patch.setattr("connectors.grouped.threading.Event", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            grouped.do(1)
    finish(gate, threads)
    assert gate.groups == [[0]]
    assert grouped.do(2) is None
