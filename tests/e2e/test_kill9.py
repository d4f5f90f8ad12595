"""kill -9 of a whole installation with two workers, every process of it, under the demo's load; then it goes on."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from connectors.sqlite_log import SqliteLog
from flows.contact.active import Definitions
from flows.contact.replay import alone
from schemas.records import Attempt, Entry, Record, Send, decode_attempt, decode_send, encode
from schemas.topics import ATTEMPTS, DEFINITIONS, EVENTS, SENDS
from sinks.past_store import PastStore

pytestmark = pytest.mark.slow

PARTITIONS = 4


def settings(data: Path) -> dict[str, str]:
    return {**os.environ, "WAXWING_DATA": str(data), "WAXWING_PORT": "0", "WAXWING_WORKERS": "2"}


def run_and_kill(data: Path, after_s: float) -> None:
    """Start everything in a session of its own and kill that, whole, some seconds after it came up."""
    command = [sys.executable, "-m", "infra.cli", "run", "--demo"]
    process = subprocess.Popen(
        command, env=settings(data), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    until = time.monotonic() + after_s
    while time.monotonic() < until:
        assert process.poll() is None
        time.sleep(0.1)  # real time passes: it works, until it is killed
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def everything(log: SqliteLog, topic: str) -> list[Record]:
    return [r for n in range(log.partitions(topic)) for r in log.read(topic, n, 0, 1_000_000)]


def pure_sends(data: Path, log: SqliteLog) -> dict[str, bytes]:
    """What the fold of each contact alone would send, from the log's start to each partition's end."""
    files = PastStore((data / "files").absolute().as_uri())
    definitions, effects = Definitions(states_in=lambda partition, path: files.get(path)), list[Entry]()
    for record in everything(log, DEFINITIONS):
        definitions.apply(record)
    for n in range(PARTITIONS):
        own: dict[str, list[Record]] = {}
        records = log.read(EVENTS, n, 0, 1_000_000)
        for record in records:
            if record.key:
                own.setdefault(record.key, []).append(record)
        for contact, of_contact in own.items():
            alone(definitions, n, contact, of_contact, records[-1].logged_at, effects)
    files.close()
    return {decode_send(e.value).id: e.value for e in effects if e.topic == SENDS}


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, int]]]:
    data = tmp_path_factory.mktemp("killed")
    for after_s in (9.0, 7.0, 8.0):
        run_and_kill(data, after_s)
    command = [sys.executable, "-m", "infra.cli", "run", "--demo", "--for", "14s"]
    done = subprocess.run(command, env=settings(data), capture_output=True, timeout=120, check=True)
    return data, json.loads(done.stdout)


def test_the_sends_on_the_log_are_those_of_the_pure_fold(killed: tuple[Path, dict[str, dict[str, int]]]):
    log = SqliteLog(killed[0] / "log.db", partitions=PARTITIONS)
    expected = pure_sends(killed[0], log)
    logged: dict[str, set[bytes]] = {}
    for record in everything(log, SENDS):
        logged.setdefault(decode_send(record.value).id, set()).add(record.value)
    log.close()
    assert len(expected) > 30
    assert logged == {id: {value} for id, value in expected.items()}


def test_no_message_was_accepted_twice(killed: tuple[Path, dict[str, dict[str, int]]]):
    log = SqliteLog(killed[0] / "log.db", partitions=PARTITIONS)
    attempts: list[Attempt] = [decode_attempt(r.value) for r in everything(log, ATTEMPTS)]
    log.close()
    accepted = Counter((a.send, a.provider_id) for a in attempts if a.status == "accepted")
    sends = Counter(send for send, _ in accepted)
    assert len(sends) > 20
    assert set(sends.values()) == {1}


def test_the_identity_of_messages_holds_afterwards(killed: tuple[Path, dict[str, dict[str, int]]]):
    m = killed[1]["messages"]
    assert m["planned"] == m["sent"] + m["skipped"] + m["failed"] + m["unknown"] + m["queued"]
    assert m["sent"] > 5


def replayed(data: Path) -> tuple[int, dict[str, dict[str, int]]]:
    done = subprocess.run([sys.executable, "-m", "infra.cli", "replay"], env=settings(data), stdout=subprocess.PIPE)
    return done.returncode, json.loads(done.stdout)


def test_the_command_folds_the_history_again_and_tells_what_is_not_as_it_was(
    killed: tuple[Path, dict[str, dict[str, int]]],
):
    data, _ = killed
    code, answer = replayed(data)
    assert (code, answer["equal"]) == (0, True)
    assert answer["sends"]["again"] == answer["sends"]["logged"] > 30
    assert answer["changes"]["logged"] > 300
    with sqlite3.connect(data / "log.db") as db:
        (lost,) = db.execute("SELECT value FROM sends ORDER BY partition, offset LIMIT 1").fetchone()
        (altered,) = db.execute("SELECT value FROM changes ORDER BY partition DESC, offset DESC LIMIT 1").fetchone()
        # Without a checksum, as in logs of before there were any: else the damage itself would be told.
        made_up, alike = (
            encode(Send("made-up", "nobody", 0, 0, "email", journey="none")),
            altered.replace(b'"at":', b'"at": '),
        )
        db.execute("UPDATE sends SET value = ?, crc = NULL WHERE value = ?", (made_up, lost))
        db.execute("UPDATE changes SET value = ?, crc = NULL WHERE value = ?", (alike, altered))
    db.close()
    code, answer = replayed(data)
    assert (code, answer["equal"]) == (1, False)
    assert {
        topic: [answer[topic][name] for name in ("missing", "extra", "different")] for topic in ("sends", "changes")
    } == {
        "sends": [1, 1, 0],
        "changes": [0, 0, 1],
    }
