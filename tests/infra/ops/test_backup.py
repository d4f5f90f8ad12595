"""A copy that is taken under load makes an installation that concludes what its own log says."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connectors.sqlite_log import SqliteLog
from infra.backup import backup, restore
from infra.cli import app
from infra.roles import contacts
from infra.settings import Settings
from schemas.errors import InvalidInput
from schemas.records import Definition, Entry, Event, decode_change, decode_event, encode

PATIENCE_S = 30
OFTEN = {"performed": "cart", "count": {"op": "gte", "value": 3}}
REGULARS = {"kind": "segment", "id": "regulars", "name": "Regulars", "where": OFTEN}
PUBLISHED = encode(Definition("segment", "regulars", "publish", 1, REGULARS))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data=tmp_path / "data", partitions=2)


def until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(PATIENCE_S * 50):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError("it did not come to pass")


@contextmanager
def in_thread(act: Callable[[threading.Event], None]) -> Iterator[None]:
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(act, stop)
        try:
            yield
        finally:
            stop.set()
            done.result()


def feed(log: SqliteLog, stop: threading.Event) -> None:
    """Carts of 40 people, as fast as the log takes them."""
    for n in count():
        if stop.is_set():
            return
        contact = f"c{n * n % 40}"
        event = Event("track", event="cart", id=f"e{n}", at=log.now(), user_id=contact, received_at=log.now())
        log.append([Entry("events", contact, encode(event))])


def carts(log: SqliteLog) -> Counter[str]:
    """What the log holds of each contact, counted without the fold."""
    records = [record for n in range(2) for record in log.read("events", n, 0, 1_000_000)]
    return Counter(record.key for record in records if record.key and decode_event(record.value).event == "cart")


def members(log: SqliteLog) -> set[str]:
    """Who is in, by the flips in `changes`; a flip that was written twice is one flip."""
    found: set[str] = set()
    for n in range(2):
        for record in log.read("changes", n, 0, 1_000_000):
            change = decode_change(record.value)
            if change.kind == "segment_entered":
                found.add(change.contact)
    return found


def folded(settings: Settings, enough: Callable[[SqliteLog], bool]) -> set[str]:
    """The members once the contacts role has run until there is enough."""
    with closing(SqliteLog(settings.log_path, 2)) as log:
        with in_thread(lambda stop: contacts.role(settings, stop)):
            until(lambda: enough(log))
        return members(log)


def test_a_copy_taken_under_load_concludes_the_same_memberships_as_its_log_says(
    settings: Settings, tmp_path: Path
) -> None:
    copy, again = tmp_path / "copy", Settings(_env_file=None, data=tmp_path / "again", partitions=2)
    with closing(SqliteLog(settings.log_path, 2)) as log:
        log.append([Entry("definitions", "segment/regulars", PUBLISHED)])
        started = log.now()
        until(lambda: log.now() > started + 1_000)  # active from there on
        with in_thread(lambda stop: contacts.role(settings, stop)), in_thread(lambda stop: feed(log, stop)):
            until(lambda: bool(members(log)))
            manifest = backup(settings.data, copy)
            ended = sum(log.end("events", n) for n in range(2))
            until(lambda: sum(log.end("events", n) for n in range(2)) > ended + 100)  # writers were not kept
    assert restore(copy, again.data) == manifest
    with closing(SqliteLog(again.log_path, 2)) as log:
        expected = {contact for contact, number in carts(log).items() if number >= 3}
        assert expected
        assert sum(carts(log).values()) <= ended  # nothing that came later
    assert folded(again, lambda log: members(log) >= expected) == expected


def test_everything_that_cannot_be_computed_again_is_in_the_copy(settings: Settings, tmp_path: Path) -> None:
    SqliteLog(settings.log_path, 2).close()
    with closing(sqlite3.connect(settings.data / "sandbox.db")) as db:
        db.execute("CREATE TABLE accepted (send TEXT)")
        db.execute("INSERT INTO accepted VALUES ('s1')")
        db.commit()
    (settings.data / "files" / "assets" / "ab").mkdir(parents=True)
    (settings.data / "files" / "assets" / "ab" / "logo.png").write_bytes(b"picture")
    for name in ("link.key", "providers.json", "run.log"):
        (settings.data / name).write_text(name)
    (settings.data / "link.key").chmod(0o600)
    (settings.data / "state").mkdir()
    (settings.data / "state" / "0").write_text("computed")
    backup(settings.data, tmp_path / "copy")
    restore(tmp_path / "copy", tmp_path / "again")
    there = {
        path.relative_to(tmp_path / "again").as_posix() for path in (tmp_path / "again").rglob("*") if path.is_file()
    }
    assert there == {"log.db", "sandbox.db", "link.key", "providers.json", "files/assets/ab/logo.png"}
    assert (tmp_path / "again" / "link.key").stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(tmp_path / "again" / "sandbox.db")) as db:
        assert db.execute("SELECT send FROM accepted").fetchall() == [("s1",)]
    assert (tmp_path / "copy").stat().st_mode & 0o077 == 0


@pytest.fixture
def copy(settings: Settings, tmp_path: Path) -> Path:
    SqliteLog(settings.log_path, 2).close()
    (settings.data / "link.key").write_bytes(b"k" * 32)
    backup(settings.data, tmp_path / "copy")
    return tmp_path / "copy"


def test_a_folder_that_holds_something_is_refused_and_left_as_it_was(copy: Path, settings: Settings) -> None:
    with pytest.raises(InvalidInput, match="must be an empty folder"):
        restore(copy, settings.data)
    with pytest.raises(InvalidInput, match="must be an empty folder"):
        backup(settings.data, copy)
    assert (settings.data / "link.key").read_bytes() == b"k" * 32


def test_every_damaged_or_missing_file_is_named_and_nothing_is_restored(copy: Path, tmp_path: Path) -> None:
    (copy / "link.key").write_bytes(b"x" * 32)
    (copy / "log.db").unlink()
    with pytest.raises(InvalidInput) as refused:
        restore(copy, tmp_path / "again")
    assert [(fault.path, fault.message.split(":")[0]) for fault in refused.value.violations] == [
        ("link.key", "is damaged"),
        ("log.db", "is missing"),
    ]
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": 99}, "is of version 99"),
        ({"files": {"../../etc/passwd": {"bytes": 1, "sha256": ""}}}, "lies outside the copy"),
        ({"files": 7}, "Expected `object`"),
    ],
)
def test_a_manifest_that_was_tampered_with_is_refused(
    copy: Path, tmp_path: Path, change: dict[str, object], says: str
) -> None:
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps(manifest | change))
    with pytest.raises(InvalidInput, match=says):
        restore(copy, tmp_path / "again")


def test_a_copy_that_failed_half_way_leaves_nothing(settings: Settings, tmp_path: Path) -> None:
    settings.data.mkdir()
    settings.log_path.write_bytes(b"no database, but long enough to be taken for one" * 100)
    with pytest.raises(InvalidInput, match=r"log\.db: cannot be read: file is not a database"):
        backup(settings.data, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == [settings.data]


def waxwing(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_the_commands_say_what_they_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAXWING_DATA", str(tmp_path / "data"))
    empty = waxwing("backup", "copy")
    assert (empty.exit_code, empty.stderr) == (
        2,
        f"backup: data: {tmp_path}/data holds no log.db: there is nothing to copy\n",
    )
    SqliteLog(tmp_path / "data" / "log.db").close()
    made = json.loads(waxwing("backup", "copy").stdout)
    assert (made["folder"], made["files"]) == ("copy", 1)
    monkeypatch.setenv("WAXWING_DATA", str(tmp_path / "again"))
    assert json.loads(waxwing("restore", "copy").stdout) == made
    assert waxwing("restore", "nowhere").exit_code == 2
    monkeypatch.setenv("WAXWING_LOG", "kafka://localhost:9092")
    assert "a copy of an embedded installation" in waxwing("restore", "copy").stderr
