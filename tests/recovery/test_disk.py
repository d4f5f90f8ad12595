"""Disks that are full, and files that a crash or a fault has damaged: what was acknowledged is there, or it is said."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.sqlite_log import SqliteLog
from schemas.errors import LogDamaged, LogUnavailable, StateAhead
from schemas.records import Entry
from schemas.topics import EVENTS
from sinks.state_store import Checkpoint, StateStore
from tests.connectors.log_conformance import everything
from tests.recovery.driver import Run, run_for
from tests.recovery.judge import judge
from tests.recovery.small_disk import small_disk

TORN = 1_000


def appended(log: SqliteLog, count: int, size: int = 100) -> set[bytes]:
    """Values that were acknowledged, one by one."""
    values = {b"%d-%s" % (n, os.urandom(size)) for n in range(count)}
    for value in values:
        log.append([Entry(EVENTS, "c", value)])
    return values


def held(log: SqliteLog) -> set[bytes]:
    return {record.value for records in everything(log, EVENTS).values() for record in records}


def crashed(folder: Path, into: Path) -> Path:
    """The log's files as a power cut would leave them: nobody has closed it."""
    into.mkdir()
    for path in folder.glob("log.db*"):
        shutil.copy(path, into / path.name)
    return into / "log.db"


def test_the_torn_end_of_a_write_ahead_log_costs_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", partitions=1)
    values = appended(log, 50)
    path = crashed(tmp_path, tmp_path / "after")
    with (path.parent / "log.db-wal").open("ab") as wal:  # a frame that the crash cut off
        wal.write(os.urandom(TORN))
    log.close()
    again = SqliteLog(path, partitions=1)
    assert held(again) == values
    values |= appended(again, 5)
    assert held(again) == values
    again.close()


def test_where_a_disk_lost_what_it_had_promised_the_state_that_knows_more_says_so(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", partitions=1)
    appended(log, 50)
    path = crashed(tmp_path, tmp_path / "after")
    wal = path.parent / "log.db-wal"
    os.truncate(wal, wal.stat().st_size // 2)
    log.close()
    again = SqliteLog(path, partitions=1)
    assert 0 < len(held(again)) < 50
    store = StateStore(tmp_path / "state")
    store.commit(Checkpoint(0, 50, 1, {"c": b"state"}))
    with pytest.raises(StateAhead, match=r"at offset 50, its log ends at \d+.*Remove .*/state to fold it anew"):
        store.check(again.end(EVENTS, 0))
    store.close()
    again.close()


def test_a_page_that_is_no_page_any_more_is_named_and_no_traceback(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", partitions=1)
    appended(log, 200)  # small: a page holds whole records, and says how many
    log.close()
    path = tmp_path / "log.db"
    with path.open("r+b") as file:
        file.seek(-4_096, os.SEEK_END)
        file.write(os.urandom(4_096))
    with pytest.raises(LogDamaged, match=r"log\.db.*malformed.*events partition 0 from offset \d+ on; `waxwing topics"):
        again = SqliteLog(path, partitions=1)
        try:
            everything(again, EVENTS)
        finally:
            again.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB, where this process may mount one."""
    folder = tmp_path / "small"
    with small_disk(folder, 6) as fault:
        if fault:
            pytest.skip(f"no small file system can be mounted here: {fault}")
        yield folder


def test_a_full_disk_takes_nothing_back_and_once_there_is_room_it_goes_on(small: Path) -> None:
    log = SqliteLog(small / "log.db", partitions=1)
    filler = small / "filler"
    filler.write_bytes(bytes(4_000_000))
    values = set[bytes]()
    with pytest.raises(LogUnavailable, match=r"log\.db"):
        while True:
            values |= appended(log, 1, size=50_000)
    with pytest.raises(LogUnavailable):
        appended(log, 1, size=50_000)
    assert held(log) == values
    filler.unlink()
    values |= appended(log, 20)
    assert held(log) == values
    log.close()


@pytest.mark.slow
def test_a_fold_whose_states_found_no_room_folds_on_exactly_once_there_is_some(tmp_path: Path, small: Path) -> None:
    run = Run(tmp_path, kills=0, seed=9)
    (tmp_path / "state").symlink_to(small)
    run.log.append(run.definitions.first())
    worker = run.start()
    began = run_for(run, 3.0)  # four stores have no room on it
    worker.kill()
    worker.wait()
    (tmp_path / "state").unlink()
    shutil.copytree(small, tmp_path / "state")
    run.settle(began)
    verdict = judge(run.log, tmp_path / "state", run.acknowledged)
    assert verdict.compared["states"] > 20
    assert verdict.is_equal, verdict
    run.log.close()
