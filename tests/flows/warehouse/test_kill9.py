"""kill -9 of the warehouse in the middle of its writes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.sqlite_log import SqliteLog
from schemas.records import Change, Entry, Event, encode

ROOT = Path(__file__).resolve().parents[3]
KILLS = 5


def start(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.flows.warehouse.worker", str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_shows_twice(tmp_path: Path):
    log, contacts = SqliteLog(tmp_path / "log.db", partitions=2), 50
    for i in range(1000):
        contact = f"c{i % contacts}"
        change = Change(f"k{i}", "segment_left" if i < 1000 - contacts else "segment_entered", contact, i, segment="s")
        log.append(
            [
                Entry("events", contact, encode(Event("page", id=f"e{i}", at=i))),
                Entry("changes", contact, encode(change)),
            ]
        )
    log.close()
    dice = random.Random(7)
    for _ in range(KILLS):
        with start(tmp_path) as worker:
            assert worker.stdout is not None
            for _ in range(dice.randrange(6, 24)):  # the first two are the migrations'
                worker.stdout.readline()
            worker.kill()
    with start(tmp_path) as worker:
        output, _ = worker.communicate(timeout=60)
    assert worker.returncode == 0
    assert json.loads(output.splitlines()[-1]) == {"events": 1000, "changes": 1000, "members": contacts}
