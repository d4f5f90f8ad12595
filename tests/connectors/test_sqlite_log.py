from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from connectors.log import Progress
from connectors.log_clock import AHEAD_MS, Clock
from connectors.open import open_log
from connectors.sqlite_log import SqliteLog
from infra.settings import Settings
from schemas.errors import InvalidInput, LogUnavailable
from schemas.records import Entry
from schemas.topics import EVENTS
from tests.connectors.log_conformance import LogConformance, OpenLog, everything

ROOT = Path(__file__).resolve().parents[2]


class TestSqliteLog(LogConformance):
    @pytest.fixture
    def open_log(self, tmp_path: Path) -> OpenLog:
        return lambda: SqliteLog(tmp_path / "data" / "log.db", partitions=4)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    log = SqliteLog(tmp_path / "log.db")
    yield log
    log.close()


APPENDER = """
import sys
from pathlib import Path
from connectors.sqlite_log import SqliteLog
from schemas.records import Entry
path, name, count, size = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
log = SqliteLog(path)
for i in range(count):
    entries = [Entry("events", f"{name}:{i}:{j}", b"x" * 200) for j in range(size)]
    log.append(entries)
    print(i, flush=True)
"""


def appender(path: Path, name: str, count: int, size: int) -> subprocess.Popen[str]:
    """A process that appends `count` times `size` entries, and prints the number of each append once it returned."""
    arguments = [sys.executable, "-c", APPENDER, str(path), name, str(count), str(size)]
    return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def keys(log: SqliteLog) -> list[str]:
    return [r.key for records in everything(log, EVENTS).values() for r in records]


def test_several_processes_create_and_append_at_once(tmp_path: Path) -> None:
    processes = [appender(tmp_path / "log.db", name, 40, 5) for name in "abc"]
    for process in processes:
        process.communicate()
        assert process.returncode == 0
    log = SqliteLog(tmp_path / "log.db")
    assert sorted(keys(log)) == sorted(f"{n}:{i}:{j}" for n in "abc" for i in range(40) for j in range(5))
    for records in everything(log, EVENTS).values():
        assert [r.offset for r in records] == list(range(len(records)))
        assert [r.logged_at for r in records] == sorted(r.logged_at for r in records)
    log.close()


@pytest.mark.parametrize("acknowledged", [1, 7, 30])
def test_kill_9_in_the_middle_of_appends_loses_nothing_acknowledged(tmp_path: Path, acknowledged: int) -> None:
    with appender(tmp_path / "log.db", "a", 1_000_000, 50) as process:
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(acknowledged)]
        process.send_signal(signal.SIGKILL)
        told += [int(line) for line in process.stdout.read().split() if line]
    log = SqliteLog(tmp_path / "log.db")
    appends = len(keys(log)) // 50
    assert appends >= len(told) >= acknowledged
    assert sorted(keys(log)) == sorted(f"a:{i}:{j}" for i in range(appends) for j in range(50)), "whole appends only"
    log.append([Entry(EVENTS, "after", b"v")])
    log.close()


def test_appends_that_wait_for_each_other_become_one_transaction(tmp_path: Path) -> None:
    transactions = count()  # a clock that moves once a transaction
    log = SqliteLog(tmp_path / "log.db", clock=Clock(wall=lambda: 0, boot=lambda: next(transactions)))
    holder = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    threads = [threading.Thread(target=log.append, args=([Entry(EVENTS, f"{i}", b"v")],)) for i in range(20)]
    for thread in threads:
        thread.start()
    while len(log._group._waiting) < 19:  # one leads, and waits for the holder
        os.sched_yield()
    holder.execute("COMMIT")
    holder.close()
    for thread in threads:
        thread.join()
    times = Counter(r.logged_at for records in everything(log, EVENTS).values() for r in records)
    assert sorted(times.values()) == [1, 19], "the first alone, and one transaction for all that came meanwhile"
    log.close()


def test_a_log_locked_by_somebody_else_is_unavailable_and_named(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db", busy_s=0.05)
    holder = sqlite3.connect(tmp_path / "log.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(LogUnavailable, match=r"log\.db: nothing was appended: database is locked"):
        log.append([Entry(EVENTS, "c", b"v")], Progress("g", {(EVENTS, 0): 1}))
    assert log.read(EVENTS, 0, 0) == [], "reading goes on"
    holder.execute("COMMIT")
    holder.close()
    log.append([Entry(EVENTS, "c", b"v")])
    assert keys(log) == ["c"]
    assert log.committed("g", EVENTS, 0) == 0
    log.close()


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from connectors.sqlite_log import SqliteLog
from schemas.errors import LogUnavailable
from schemas.records import Entry
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
log = SqliteLog(Path(sys.argv[1]))
log.append([Entry("events", "before", b"v")])
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
try:
    log.append([Entry("events", "too much", b"x" * 1_000_000)])
except LogUnavailable as fault:
    print(fault)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
log.append([Entry("events", "after", b"v")])
"""


def test_a_full_disk_is_an_error_that_appends_nothing_and_passes(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / "log.db")], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert f"{tmp_path}/log.db: nothing was appended: " in run.stdout
    log = SqliteLog(tmp_path / "log.db")
    assert sorted(keys(log)) == ["after", "before"]
    log.close()


def test_what_is_committed_is_moved_into_the_file_while_it_is_open(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    empty = (tmp_path / "log.db").stat().st_size
    for i in range(5):  # some 2,000 pages, which SQLite itself would leave in the WAL
        log.append([Entry(EVENTS, f"{i}:{j}", b"x" * 1_000) for j in range(2_000)])
    deadline = time.monotonic() + 60
    while (tmp_path / "log.db").stat().st_size == empty:
        assert time.monotonic() < deadline, "nothing was moved"
        log.append([Entry(EVENTS, "one more", b"v")])
    log.close()
    assert not (tmp_path / "log.db-wal").exists(), "nobody holds the file any more"


def test_another_number_of_partitions_is_refused_with_the_right_one(tmp_path: Path) -> None:
    SqliteLog(tmp_path / "log.db", partitions=4).close()
    with pytest.raises(InvalidInput, match="made with 4 partitions, not 8; WAXWING_PARTITIONS=4 opens it"):
        SqliteLog(tmp_path / "log.db", partitions=8)


def test_a_file_that_is_no_log_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"a letter to my aunt " * 100)
    with pytest.raises(InvalidInput, match="file is not a database"):
        SqliteLog(tmp_path / "log.db")
    assert (tmp_path / "log.db").read_bytes() == b"a letter to my aunt " * 100


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LogUnavailable, match="file"):
        SqliteLog(tmp_path / "file" / "log.db")


class Hands:
    """Two clocks that a test turns: the wall's and the machine's time since boot."""

    def __init__(self, wall: int, boot: int):
        self.wall, self.boot = wall, boot

    def pass_ms(self, ms: int) -> None:
        self.wall += ms
        self.boot += ms


def clocked(path: Path, hands: Hands) -> SqliteLog:
    return SqliteLog(path, clock=Clock(lambda: hands.wall, lambda: hands.boot))


def test_a_wall_clock_set_back_neither_stops_nor_turns_the_log(tmp_path: Path) -> None:
    hands = Hands(wall=1_000_000_000_000, boot=5_000)
    log = clocked(tmp_path / "log.db", hands)
    assert log.now() == 1_000_000_000_000
    hands.wall -= 3_600_000
    hands.pass_ms(250)
    assert log.now() == log.append([Entry(EVENTS, "c", b"v")])[0].logged_at == 1_000_000_000_250
    log.close()


def test_a_wall_clock_set_forward_is_followed_by_every_process(tmp_path: Path) -> None:
    hands = Hands(wall=1_000_000_000_000, boot=5_000)
    log, other = clocked(tmp_path / "log.db", hands), clocked(tmp_path / "log.db", hands)
    assert other.now() == 1_000_000_000_000
    hands.wall += AHEAD_MS
    assert log.now() == 1_000_000_000_000, "so little is jitter"
    hands.wall += 3_600_000
    assert log.now() == other.now() == hands.wall
    log.close()
    other.close()


def test_after_a_restart_of_the_machine_time_goes_on_from_the_last_record(tmp_path: Path) -> None:
    hands = Hands(wall=1_000_000_000_000, boot=900_000)
    log = clocked(tmp_path / "log.db", hands)
    log.append([Entry(EVENTS, "c", b"v")])
    hands.wall, hands.boot = 1_000_000_060_000, 10
    assert log.append([Entry(EVENTS, "c", b"v")])[0].logged_at == 1_000_000_060_000
    hands.wall, hands.boot = 999_999_000_000, 20  # and once more, the wall clock now wrong
    assert log.append([Entry(EVENTS, "c", b"v")])[0].logged_at >= 1_000_000_060_000
    log.close()


def test_groups_lists_who_has_come_how_far(log: SqliteLog) -> None:
    log.commit(Progress("ingest", {("crm", 1): 5, ("crm", 0): 4}))
    log.commit(Progress("delivery", {("sends", 0): 9}))
    assert log.groups() == [("delivery", "sends", 0, 9), ("ingest", "crm", 0, 4), ("ingest", "crm", 1, 5)]


def test_the_settings_open_sqlite_and_refuse_what_is_not_known(tmp_path: Path) -> None:
    log = open_log(Settings(data=tmp_path, partitions=2))
    assert log.partitions(EVENTS) == 2
    log.close()
    with pytest.raises(InvalidInput, match="'redis://there' is no known log"):
        open_log(Settings(data=tmp_path, log="redis://there"))
