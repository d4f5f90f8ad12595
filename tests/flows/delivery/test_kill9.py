"""kill -9 where the provider can be asked what became of a send: then each goes exactly once, whatever its class.

The sandbox's own list of what it accepted is the judge. `tests.recovery.delivery_chaos` dies at every await.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from connectors.sqlite_log import SqliteLog
from flows.delivery.runner import GROUP
from schemas.records import Fallback, Send, decode_event
from tests.conftest import ROOT
from tests.flows.delivery.support import attempts_of, ends, events_of, everything, new_log, plan, send

POINTS = {  # the chance to die each time
    "delivery_started": 0.05,
    "delivery_answered": 0.05,
    "delivery_fell_back": 0.2,
    "delivery_ended": 0.05,
    "outcomes_appended": 1.0,
}
EACH = 150
GIVE_UP_S = 60


@contextmanager
def worker(data: Path, point: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """The role as a process; never left behind."""
    die = {"WAXWING_DIE_AT": point, "WAXWING_DIE_IN": str(POINTS[point])} if point else {}
    command = [sys.executable, "-m", "tests.flows.delivery.worker", str(data)]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | die) as process:
        try:
            yield process
        finally:
            process.kill()


def accepted(data: Path) -> Counter[str]:
    db = sqlite3.connect(data / "sandbox.db")
    found = Counter(row[0] for row in db.execute("SELECT send FROM accepted"))
    db.close()
    return found


def wait(what: str, is_true: Callable[[], bool]) -> None:
    until = time.monotonic() + GIVE_UP_S
    while not is_true():
        assert time.monotonic() < until, f"not within {GIVE_UP_S} s: {what}"
        time.sleep(0.02)


def is_over(process: subprocess.Popen[bytes], log: SqliteLog, planned: int) -> bool:
    """Dead, or through with all that is planned."""
    return process.poll() is not None or sum(log.committed(GROUP, "sends", p) for p in range(2)) == planned


def one(n: int) -> Send:
    """Of ten messages one cannot be rendered, and one is refused its address and goes on as a webhook."""
    if n % 10 == 5:
        other = Fallback("webhook", data={"name": "x"})
        return send(n, to=f"c{n}@nowhere.invalid", data={"name": "x"}, channels=["webhook"], fallback=[other])
    return send(n, data={"name": "x"} if n % 10 else {})


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_goes_twice(tmp_path: Path):
    log, planned = new_log(tmp_path / "log.db"), 0
    for point, chance in POINTS.items():
        plan(log, *(one(n) for n in range(planned, planned + EACH)))
        planned += EACH
        with worker(tmp_path, point) as process:
            wait(f"death at {point}", partial(is_over, process, log, planned if chance < 1 else -1))
            process.kill()
            assert process.wait() == -9
        standing = ends(log)  # whatever was begun is in exactly one state
        assert standing.total() <= planned
        assert standing["unknown"] == standing["refused"] == 0
    with worker(tmp_path) as process:
        wait("all sends settled", partial(is_over, process, log, planned))
        process.terminate()
        assert process.wait(GIVE_UP_S) == 0

    invalid = {send(n).id for n in range(0, planned, 10)}
    everybody = {send(n).id for n in range(planned)}
    assert accepted(tmp_path) == Counter(everybody - invalid)
    assert ends(log) == {"accepted": planned - len(invalid), "skipped": len(invalid)}
    tenth = planned // 10
    told = [
        e for e in events_of(log) if e.type.endswith(("_sent", "_skipped")) or e.properties.get("reason") == "refused"
    ]
    facts = Counter(e.type for e in told)
    assert facts == {
        "email_sent": planned - 2 * tenth,
        "webhook_sent": tenth,
        "email_skipped": tenth,
        "address_suppressed": tenth,
    }
    assert {attempt.send for attempt in attempts_of(log)} == everybody
    values = defaultdict[str, set[bytes]](set)
    for record in everything(log, "events"):
        values[decode_event(record.value).id].add(record.value)
    assert all(len(repeated) == 1 for repeated in values.values())  # what was told twice was told in the same bytes
    log.close()
