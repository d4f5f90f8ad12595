"""Workers of a role as processes with a disk each, over one log on Kafka: started, ended, killed, frozen, woken."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from connectors.kafka_config import KafkaConfig
from tests.conftest import ROOT

WAIT_S = 60.0
_ASSIGNED = re.compile(r": partitions \[(.*)\]")
SESSION_S = 2.0


class Fleet:
    """Each worker has `folder`/NAME for itself; copies and files are shared in `folder`/files."""

    def __init__(self, folder: Path, config: KafkaConfig, role: str, partitions: int = 4, **settings: str):
        self.folder, self._role = folder, role
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._env = {
            "PYTHONPATH": str(ROOT),
            "PYTHONFAULTHANDLER": "1",  # a client library that ends the process leaves a word
            "WAXWING_LOG": f"kafka://{config.bootstrap}",
            "WAXWING_KAFKA_PREFIX": config.prefix,
            "WAXWING_KAFKA_SESSION_S": str(SESSION_S),
            "WAXWING_PARTITIONS": str(partitions),
            "WAXWING_FILES": (folder / "files").as_uri(),
            "WAXWING_CHECKPOINT_S": "0.3",
            "WAXWING_COPY_EVERY": "1s",
            **settings,
        }

    def start(self, name: str, **settings: str) -> None:
        """Start the worker; again, if it was there before, with the disk that it had."""
        data = self.folder / name
        data.mkdir(parents=True, exist_ok=True)
        env = os.environ | self._env | {"WAXWING_WORKER": name, "WAXWING_DATA": str(data)} | settings
        with self._errors(name).open("ab") as errors:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "infra.roles", self._role],
                env=env,
                stdin=subprocess.PIPE,
                stderr=errors,
                cwd=ROOT,
            )

    def end(self, name: str) -> None:
        """Tell it to end, and see it end well."""
        process = self.running.pop(name)
        process.terminate()
        assert process.wait(WAIT_S) == 0, self.said(name)[-4_000:]
        _close(process)

    def kill(self, name: str) -> None:
        """kill -9."""
        process = self.running.pop(name)
        process.kill()
        process.wait()
        _close(process)

    def lose_disk(self, name: str) -> None:
        """What a worker that was killed had on its disk is gone."""
        shutil.rmtree(self.folder / name)

    def freeze(self, name: str) -> None:
        """SIGSTOP."""
        self.running[name].send_signal(signal.SIGSTOP)

    def wake(self, name: str) -> None:
        """SIGCONT."""
        self.running[name].send_signal(signal.SIGCONT)

    def said(self, name: str) -> str:
        """All that it has said."""
        return self._errors(name).read_text()

    def assigned(self, name: str) -> list[int]:
        """The partitions that it works on, as it says."""
        said = _ASSIGNED.findall(self.said(name))
        return [int(number) for number in said[-1].split(", ") if number] if said else []

    def _errors(self, name: str) -> Path:
        return self.folder / f"{name}.stderr"

    def restart_dead(self) -> list[str]:
        """What a supervisor does; the names of those that were dead."""
        dead = [name for name, process in self.running.items() if process.poll() is not None]
        for name in dead:
            _close(self.running[name])
            self.start(name)
        return dead


@contextmanager
def fleet(folder: Path, config: KafkaConfig, role: str, **settings: str) -> Iterator[Fleet]:
    """A fleet of which nothing is left behind."""
    made = Fleet(folder, config, role, **settings)
    try:
        yield made
    finally:
        for name in list(made.running):
            made.kill(name)


def eventually(
    what: str, is_true: Callable[[], bool], meanwhile: Callable[[], object] = lambda: None, within_s: float = WAIT_S
) -> float:
    """Wait until it is true; how long that took, in seconds."""
    begun = time.monotonic()
    while not is_true():
        assert time.monotonic() - begun < within_s, f"not within {within_s:g} s: {what}"
        meanwhile()
        time.sleep(0.02)
    return time.monotonic() - begun


def _close(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    process.stdin.close()
