"""The contacts flow over a real log: how far it says that it has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connectors.engine import run_flow
from connectors.sqlite_log import SqliteLog
from flows.contact.flow import GROUP, Partition, build
from schemas.records import Entry, Event, encode
from schemas.topics import EVENTS
from sinks.state_store import StateStore

EVENT = Entry(EVENTS, "ann", encode(Event("track", event="cart", id="e1", at=5, user_id="ann", received_at=5)))
BAD = Entry(EVENTS, "ann", b"no event")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    with closing(SqliteLog(tmp_path / "log.db", partitions=1)) as log:
        yield log


def lag(log: SqliteLog) -> int:
    return log.end(EVENTS, 0) - log.committed(GROUP, EVENTS, 0)


def until(is_so: Callable[[], bool]) -> Callable[[], bool]:
    deadline = time.monotonic() + 60
    return lambda: is_so() or time.monotonic() > deadline


@pytest.mark.parametrize("last", [EVENT, BAD], ids=["a repeated event", "one that cannot be read"])
def test_records_that_change_no_state_are_behind_it_too_while_it_runs_and_when_it_ends(
    log: SqliteLog, tmp_path: Path, last: Entry
) -> None:
    log.append([EVENT])
    run_flow(build(log, tmp_path / "state", checkpoint_s=0.01, stop=until(lambda: lag(log) == 0)))
    log.append([last])
    run_flow(build(log, tmp_path / "state", checkpoint_s=0.01, stop=until(lambda: lag(log) == 0)))
    assert lag(log) == 0
    log.append([last])
    end = log.end(EVENTS, 0)
    opened: dict[int, Partition] = {}
    folded = until(lambda: 0 in opened and opened[0].fold.next_offset == end)
    run_flow(build(log, tmp_path / "state", checkpoint_s=3_600, stop=folded, opened=opened))
    with closing(StateStore(tmp_path / "state" / "0")) as store:
        assert store.next_offset == end
    assert lag(log) == 0
