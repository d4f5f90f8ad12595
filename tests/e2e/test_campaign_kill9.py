"""kill -9 of a whole installation in the middle of a broadcast: nobody twice, nobody lost, and the sums always hold."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from connectors.sqlite_log import SqliteLog
from infra.cli import app
from schemas.records import Record, decode_attempt, decode_send
from schemas.topics import ATTEMPTS, SENDS

pytestmark = pytest.mark.slow

PEOPLE, PARTITIONS, WAIT_S = 240, 4, 60.0
PARTS = ("sent", "skipped", "failed", "unknown", "queued")
DEFINITIONS: dict[str, dict[str, Any]] = {
    "topics/default": {"default": "subscribed"},
    "email_templates/note": {"subject": "Hello {{ name }}", "html": "<p>Hello</p>"},
    "campaigns/spring": {
        "type": "one_time",
        "audience": {"everyone": True},
        "content": {"channel": "email", "template": "note"},
        "rate": {"messages": 12, "per": "second"},
    },
}


class Life:
    """One start of the installation, in a session of its own, and its end by kill -9."""

    def __init__(self, data: Path):
        env = {**os.environ, "WAXWING_DATA": str(data), "WAXWING_PORT": "0"}
        self.errors = data / "stderr"
        data.mkdir(exist_ok=True)
        with self.errors.open("wb") as errors:
            command = [sys.executable, "-m", "infra.cli", "run"]
            self.process = subprocess.Popen(
                command, env=env, stdout=subprocess.DEVNULL, stderr=errors, start_new_session=True
            )
        address = self.eventually(lambda: re.search(r"Waxwing: (http\S+)/docs", self.errors.read_text()))
        self.client = httpx.Client(base_url=address.group(1), auth=("demo", ""), timeout=20)
        self.eventually(self._answers)

    def _answers(self) -> bool:
        try:
            return self.client.get("/v1/campaigns").is_success
        except httpx.HTTPError:
            return False

    def eventually(self, look: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            if found := look():
                return found
            assert self.process.poll() is None, self.errors.read_text()[-4_000:]
            time.sleep(0.1)  # a process of its own works meanwhile
        raise AssertionError(self.errors.read_text()[-4_000:])

    def progress(self) -> dict[str, Any]:
        """The campaign; its sums hold at every look, and the audience is never more or less than it was."""
        found: dict[str, Any] = self.client.get("/v1/campaigns/spring").raise_for_status().json()
        messages = found["messages"]
        if messages is not None and found["phase"] != "draft" and messages["planned"]:
            assert messages["planned"] == sum(messages[part] for part in PARTS)
            assert messages["planned"] == PEOPLE
        return found

    def until_ended(self, count: int) -> None:
        def ended() -> bool:
            messages = self.progress()["messages"] or {}
            return bool(sum(messages.get(part, 0) for part in PARTS[:-1]) >= count)

        self.eventually(ended)

    def campaign(self, act: str, *options: str) -> None:
        """`waxwing campaign`, as a person types it."""
        environment = {"WAXWING_PORT": str(self.client.base_url.port)}
        done = CliRunner().invoke(app, ["campaign", act, "spring", *options], env=environment)
        assert done.exit_code == 0, done.stderr

    def kill(self) -> None:
        self.client.close()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def prepare(life: Life) -> None:
    for path, body in DEFINITIONS.items():
        answer = life.client.put(f"/v1/{path}", json=body)
        assert answer.is_success, answer.text
    calls = [
        {"type": "identify", "userId": f"c{n}", "traits": {"name": f"C{n}"} | address(n), "messageId": f"m{n}"}
        for n in range(PEOPLE)
    ]
    life.client.post("/v1/batch", json={"batch": calls}).raise_for_status()
    life.eventually(lambda: life.client.get("/v1/campaigns/spring/preview").json()["planned"] == PEOPLE)
    life.campaign("launch")


def address(n: int) -> dict[str, str]:
    return {"email": f"c{n}@example.com"} if n % 8 else {}


def everything(log: SqliteLog, topic: str) -> list[Record]:
    return [r for n in range(PARTITIONS) for r in log.read(topic, n, 0, 1_000_000)]


def test_a_broadcast_goes_on_through_kills_with_nobody_twice_and_nobody_lost(tmp_path: Path):
    data = tmp_path / "data"
    life = Life(data)
    prepare(life)
    life.until_ended(30)
    life.campaign("pause", "--reason", "a kill comes")
    life.kill()  # before the pause is active
    life = Life(data)
    assert life.progress()["phase"] == "paused"
    life.campaign("resume")
    life.until_ended(100)
    life.kill()  # in the middle of the release; what is due meanwhile is late
    life = Life(data)
    life.until_ended(PEOPLE)
    found = life.progress()
    life.kill()
    assert (found["phase"], found["messages"]["queued"]) == ("done", 0)
    assert found["skips"]["no_address"] == PEOPLE // 8
    log = SqliteLog(data / "log.db", partitions=PARTITIONS)
    sends: dict[str, set[bytes]] = defaultdict(set)
    for record in everything(log, SENDS):
        send = decode_send(record.value)
        if send.campaign == "spring":
            sends[send.contact].add(record.value)
    attempts = [decode_attempt(r.value) for r in everything(log, ATTEMPTS)]
    log.close()
    assert sends.keys() == {f"c{n}" for n in range(PEOPLE) if n % 8}
    assert {len(values) for values in sends.values()} == {1}
    accepted = Counter(send for send, _ in {(a.send, a.provider_id) for a in attempts if a.status == "accepted"})
    assert set(accepted.values()) == {1}
