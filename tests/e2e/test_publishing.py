"""Segments over a past, published, edited, deleted, cancelled, killed while events flow: then equal to batch."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.sqlite_log import SqliteLog
from schemas.records import decode_change
from schemas.topics import CHANGES
from tests.e2e.installation import Installation, installation

pytestmark = pytest.mark.slow
PEOPLE, BATCH = 3_000, 500


def bought(count: int) -> dict[str, Any]:
    return {"where": {"performed": "buy", "count": {"op": "gte", "value": count}, "within": "30d"}}


class Shop:
    """Random purchases, and how often each contact has bought, by our own count."""

    def __init__(self, waxwing: Installation):
        self._client, self._rng = waxwing.client, random.Random(7)
        self.counts: Counter[str] = Counter()
        self._sent = 0

    def sell(self, number: int) -> None:
        """So many events in one call."""
        batch = []
        for n in range(self._sent, self._sent + number):
            contact, event = f"c{self._rng.randrange(PEOPLE)}", self._rng.choice(("buy", "look"))
            batch.append({"type": "track", "userId": contact, "event": event, "messageId": str(n)})
            self.counts[contact] += event == "buy"
        self._sent += number
        self._client.post("/v1/batch", json={"batch": batch}).raise_for_status()

    @contextmanager
    def open(self) -> Iterator[None]:
        """It sells on, in a thread of its own; what was not answered, because of a kill, is sent again."""
        stop = threading.Event()

        def run() -> None:
            while not stop.wait(0.02):
                rng, sent, counts = self._rng.getstate(), self._sent, Counter(self.counts)
                try:
                    self.sell(10)
                except httpx.HTTPError:
                    self._rng.setstate(rng)
                    self._sent, self.counts = sent, counts

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def who(self, least: int) -> set[str]:
        return {contact for contact, count in self.counts.items() if count >= least}


def status(waxwing: Installation, id: str) -> tuple[int, str] | None:
    try:
        found = waxwing.get(f"/v1/segments/{id}")
    except httpx.HTTPError:
        return None
    return found and (found["version"], found["status"])


def kill_where_the_past_is_folded(waxwing: Installation) -> None:
    parent = waxwing.process.pid
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    (child,) = (pid for pid in children if b"hydration" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(int(child), signal.SIGKILL)


def flips(folder: Path, id: str) -> dict[str, list[str]]:
    """Contact -> what became of it in the segment, in order; what is repeated once."""
    log, found = SqliteLog(folder / "log.db"), dict[str, dict[str, str]]()
    for partition in range(log.partitions(CHANGES)):
        for record in log.read(CHANGES, partition, 0, 1_000_000):
            if (change := decode_change(record.value)).segment == id:
                found.setdefault(change.contact, {})[change.id] = change.kind
    log.close()
    return {contact: list(kinds.values()) for contact, kinds in found.items()}


def test_while_events_flow(tmp_path: Path) -> None:
    with installation(tmp_path, WAXWING_VERIFY_EVERY="0s") as waxwing:
        shop = Shop(waxwing)
        waxwing.put("/v1/segments/first", bought(1))  # what is sold until it is active counts as well
        for _ in range(12):
            shop.sell(BATCH)
        with shop.open():
            waxwing.put("/v1/segments/often", bought(2))
            waxwing.put("/v1/segments/never", {"where": {"performed": "look"}})
            assert waxwing.client.delete("/v1/segments/never").is_success
            waxwing.eventually(lambda: status(waxwing, "often") == (1, "active"), "the switch")
            waxwing.put("/v1/segments/often", bought(1))
            waxwing.eventually(lambda: status(waxwing, "often") == (2, "active"), "the switch of the edit")
            waxwing.put("/v1/segments/often", bought(3))
            assert status(waxwing, "often") == (3, "warming")
            assert waxwing.client.delete("/v1/segments/often/hydration").is_success
            assert status(waxwing, "often") == (2, "active")
            waxwing.put("/v1/segments/killed", bought(4))
            kill_where_the_past_is_folded(waxwing)
            waxwing.eventually(lambda: status(waxwing, "killed") == (1, "active"), "the switch after the kill")
        assert status(waxwing, "never") is None

        def count(id: str) -> int:
            return (waxwing.get(f"/v1/segments/{id}/count") or {}).get("members", -1)

        for id, least in (("first", 1), ("often", 1), ("killed", 4)):
            waxwing.eventually(lambda id=id, least=least: count(id) == len(shop.who(least)), f"members of {id}")

        def report() -> dict[str, Any] | None:
            answer = waxwing.client.post("/v1/verify").raise_for_status().json()
            whole = all(answer["segments"].get(id, {}).get("batch") == count(id) for id in ("first", "often", "killed"))
            return answer if whole else None

        found = waxwing.eventually(report, "a comparison of all that has happened")
        assert found["mismatches"] == 0
    assert {contact for contact, kinds in flips(tmp_path, "often").items() if kinds} == shop.who(1)
    assert all(kinds == ["segment_entered"] for kinds in flips(tmp_path, "often").values())
    assert set(flips(tmp_path, "killed")) == shop.who(4)
    assert flips(tmp_path, "never") == {}
    again = subprocess.run(
        [sys.executable, "-m", "infra.cli", "replay"],
        env={**os.environ, "WAXWING_DATA": str(tmp_path)},
        stdout=subprocess.PIPE,
        check=True,
    )
    assert json.loads(again.stdout)["equal"]
