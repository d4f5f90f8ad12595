"""A damaged log is made whole by a copy: every record at its offset and time; or nothing is changed, and it is told."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connectors.log import Progress
from connectors.sqlite_log import SqliteLog
from infra.cli import app
from schemas.records import Entry, Record
from schemas.topics import EVENTS, SENDS

DAMAGE = "UPDATE events SET value = x'00' WHERE partition = 1 AND offset BETWEEN 3 AND 9"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """An installation that was copied to `tmp_path`/copy, went on, and was damaged in what the copy holds."""
    data = tmp_path / "data"
    appended(data, 50)
    assert waxwing(data, "backup", str(tmp_path / "copy")).exit_code == 0
    appended(data, 20)
    return data


def appended(data: Path, count: int) -> None:
    with closing(SqliteLog(data / "log.db", partitions=2)) as log:
        for n in range(count):
            log.append([Entry(EVENTS, f"c{n}", b"event %d" % n, n % 2)], Progress("g", {(SENDS, 0): n}))


def held(data: Path) -> tuple[list[list[Record]], int]:
    with closing(SqliteLog(data / "log.db", partitions=2)) as log:
        return [log.read(EVENTS, n, 0) for n in (0, 1)], log.committed("g", SENDS, 0)


def damaged(data: Path, sql: str) -> None:
    with closing(sqlite3.connect(data / "log.db")) as db, db:
        db.execute(sql)


def waxwing(data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"WAXWING_DATA": str(data), "WAXWING_PARTITIONS": "2"})


def test_what_is_damaged_is_listed_brought_back_from_the_copy_and_the_rest_stays(data: Path, tmp_path: Path) -> None:
    before = held(data)
    damaged(data, DAMAGE)
    told = waxwing(data, "topics", "--check")
    assert told.exit_code == 1
    assert "events partition 1 offsets 3 to 9: " in told.stderr
    mended = waxwing(data, "restore", str(tmp_path / "copy"), "--mend")
    assert mended.exit_code == 0, mended.stderr
    assert json.loads(mended.stdout) == {"records": 7, "damaged": str(data / "log.db.damaged")}
    assert held(data) == before
    assert waxwing(data, "topics", "--check").exit_code == 0
    assert (data / "log.db.damaged").is_file()
    again = waxwing(data, "restore", str(tmp_path / "copy"), "--mend")
    assert json.loads(again.stdout) == {"records": 0, "damaged": ""}
    assert sorted(p.name for p in data.iterdir() if "mending" in p.name or "copy" in p.name) == []


def test_what_the_copy_lacks_as_well_is_told_whole_and_nothing_is_changed(data: Path, tmp_path: Path) -> None:
    damaged(data, DAMAGE)
    damaged(data, "DELETE FROM events WHERE partition = 0 AND offset IN (30, 31)")  # after the copy
    before = (data / "log.db").read_bytes()
    refused = waxwing(data, "restore", str(tmp_path / "copy"), "--mend")
    assert refused.exit_code == 2
    assert refused.stderr.splitlines() == [
        "mend: events partition 0 offset 30: the copy lacks it too",
        "mend: events partition 0 offset 31: the copy lacks it too",
    ]
    assert (data / "log.db").read_bytes() == before


def test_a_damaged_log_is_not_copied_for_the_copy_would_take_the_place_of_a_good_one(
    data: Path, tmp_path: Path
) -> None:
    damaged(data, DAMAGE)
    refused = waxwing(data, "backup", str(tmp_path / "second"))
    assert refused.exit_code == 2
    assert "backup: events partition 1 offsets 3 to 9: " in refused.stderr
    assert not (tmp_path / "second").exists()
