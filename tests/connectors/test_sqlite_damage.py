"""A disk that lies: whatever part of a page is another than was written, it is noticed, named, and gone no further."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from connectors import sqlite_log
from connectors.sqlite_check import damage
from connectors.sqlite_log import SqliteLog
from schemas.errors import LogDamaged, WaxwingError
from schemas.records import Entry
from schemas.topics import EVENTS
from tests.connectors.log_conformance import everything

COUNT = 400
PAGE = 4_096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of two partitions, closed."""
    path = tmp_path / "log.db"
    with closing(SqliteLog(path, partitions=2)) as log:
        log.append([Entry(EVENTS, f"c{n % 7}", b"value %d of %d" % (n, COUNT), n % 2) for n in range(COUNT)])
    return path


def read_all(path: Path) -> dict[int, list[tuple[int, str, bytes]]]:
    with closing(SqliteLog(path, partitions=2)) as log:
        return {n: [(r.offset, r.key, r.value) for r in found] for n, found in everything(log, EVENTS).items()}


def edited(path: Path, edit: Callable[[bytes], bytes]) -> None:
    path.write_bytes(edit(path.read_bytes()))


def changed(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(sql)


def test_one_bit_of_a_value_is_noticed_and_its_place_is_named(path: Path) -> None:
    edited(path, lambda data: data.replace(b"value 123 of", b"value 122 of"))
    expected = (
        r"log\.db: events partition 1 offset 61: .*checksum differs; `waxwing topics --check`.*restore COPY --mend"
    )
    with pytest.raises(LogDamaged, match=expected):
        read_all(path)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE events SET key = 'other' WHERE partition = 1 AND offset = 61",
        "UPDATE events SET logged_at = logged_at - 1 WHERE partition = 1 AND offset = 61",
        "UPDATE events SET value = 'text' WHERE partition = 1 AND offset = 61",
        "UPDATE events SET key = CAST(x'ff' AS TEXT) WHERE partition = 1 AND offset = 61",
        "DELETE FROM events WHERE partition = 1 AND offset = 61",
        "UPDATE events SET offset = 1000 WHERE partition = 1 AND offset = 61",
        "UPDATE events SET partition = 5 WHERE partition = 1 AND offset = 61",
    ],
)
def test_whatever_of_a_record_is_another_is_noticed(path: Path, sql: str) -> None:
    changed(path, sql)
    with pytest.raises(LogDamaged, match="events partition 1 offset 61: "):
        read_all(path)


def test_an_end_that_is_gone_is_noticed_also_by_who_waits_there(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed(path, "DELETE FROM events WHERE partition = 0 AND offset >= 150")
    monkeypatch.setattr(sqlite_log, "END_LOOKED_AT_S", 0.0)
    with closing(SqliteLog(path, partitions=2)) as log:
        assert len(log.read(EVENTS, 0, 0)) == 150
        with pytest.raises(LogDamaged, match="partition 0 offset 150: the record is gone, and all up to offset 200"):
            log.read(EVENTS, 0, 150)


def test_wherever_a_page_is_overwritten_nobody_reads_anything_else_than_was_written(tmp_path: Path, path: Path) -> None:
    whole, sound, rng = read_all(path), path.read_bytes(), random.Random(5)
    noticed = 0
    for number in range(60):
        place = rng.randrange(len(sound) // 64) * 64
        length = rng.choice((1, 16, 64, PAGE))
        broken = tmp_path / f"{number}.db"
        broken.write_bytes(sound[:place] + rng.randbytes(length) + sound[place + length :])
        try:
            assert read_all(broken) == whole, f"{length} bytes at {place}"
        except WaxwingError:  # no log any more, or a damaged one; no traceback
            noticed += 1
    assert noticed > 10  # much of the file is empty


def test_every_damaged_record_is_listed(path: Path) -> None:
    with closing(SqliteLog(path, partitions=2)) as log:
        assert damage(log) == []
    changed(path, "DELETE FROM events WHERE partition = 0 AND offset BETWEEN 20 AND 22")
    changed(path, "UPDATE events SET value = x'00' WHERE partition = 1 AND offset = 7")
    with closing(SqliteLog(path, partitions=2)) as log:
        assert list(map(str, damage(log))) == ["events partition 0 offsets 20 to 22", "events partition 1 offset 7"]


def test_a_log_of_version_0_1_0_is_read_and_what_is_appended_now_has_checksums(path: Path) -> None:
    before = read_all(path)
    for topic in ("events", "sends"):
        changed(path, f"ALTER TABLE {topic} DROP COLUMN crc")
    assert read_all(path) == before
    with closing(SqliteLog(path, partitions=2)) as log:
        log.append([Entry(EVENTS, "c", b"new", 0)])
    with closing(sqlite3.connect(path)) as db:
        found = db.execute("SELECT count(*), count(crc) FROM events").fetchone()
    assert found == (COUNT + 1, 1)


def test_where_an_offset_would_be_given_twice_nothing_is_appended_and_the_damage_is_told(path: Path) -> None:
    changed(path, "UPDATE ends SET next = 10 WHERE topic = 'events' AND partition = 0")
    with closing(SqliteLog(path, partitions=2)) as log, pytest.raises(LogDamaged, match="nothing was appended: UNIQUE"):
        log.append([Entry(EVENTS, "c", b"new", 0)])
