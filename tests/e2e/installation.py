"""A whole installation as a user starts it: `waxwing run` in its own process, on an empty folder and a free port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

T = TypeVar("T")
WAIT_S = 180.0


class Installation:
    """A running installation and a client of its API, who has the write key."""

    def __init__(self, process: subprocess.Popen[bytes], client: httpx.Client):
        self.process, self.client = process, client

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON of a read; None for what is not there, or not yet."""
        answer = self.client.get(path, params=parameters)
        return None if answer.status_code in (404, 409) else answer.raise_for_status().json()

    def call(self, kind: str, **call: Any) -> None:
        """One of Segment's calls, answered once durable."""
        self.client.post(f"/v1/{kind}", json=call).raise_for_status()

    def put(self, path: str, body: dict[str, Any]) -> None:
        """Publish a definition."""
        answer = self.client.put(path, json=body)
        assert answer.is_success, answer.text

    def eventually(self, look: Callable[[], T | None], what: str) -> T:
        """What `look` finds, once it finds something."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            if found := look():
                return found
            assert self.process.poll() is None, "the installation has ended"
            time.sleep(0.1)
        raise AssertionError(f"not within {WAIT_S:g} s: {what}")


@contextmanager
def installation(data: Path, *arguments: str, **settings: str) -> Iterator[Installation]:
    """Started, waited for, and ended by its own process id with what Ctrl-C sends."""
    env = {**os.environ, "WAXWING_DATA": str(data), "WAXWING_PORT": "0", **settings}
    data.mkdir(parents=True, exist_ok=True)
    with (data / "stderr").open("wb") as errors:
        command = [sys.executable, "-m", "infra.cli", "run", *arguments]
        process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=errors)
    try:
        with httpx.Client(base_url=address(process, data / "stderr"), auth=("demo", ""), timeout=20) as client:
            yield Installation(process, client)
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(40)
    assert code == 0, (data / "stderr").read_text()[-4_000:]


def address(process: subprocess.Popen[bytes], errors: Path) -> str:
    """Where it says that it answers, once it does."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        assert process.poll() is None, errors.read_text()
        found = re.search(r"Waxwing: (http\S+)/docs", errors.read_text())
        if found and _answers(found.group(1)):
            return found.group(1)
        time.sleep(0.1)
    raise AssertionError(f"it did not come up: {errors.read_text()}")


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=10).is_success
    except httpx.HTTPError:
        return False
