"""A whole installation in processes, for chaos: each role one, ClickHouse one, the log on SQLite or on a broker."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from infra.broker.node import free_ports
from tests.recovery.driver import ROOT

ROLES: Final = ("contacts", "ingest", "delivery", "warehouse", "learning")
SHARED: Final = ("contacts@0/2", "contacts@1/2", *ROLES[1:])  # on Kafka two workers of the fold have its partitions
CLICKHOUSE: Final = "clickhouse"
_BY_ITSELF: Final = " by itself"
_GRACE_S: Final = 40.0
# A role whose log was away too long, who was fenced, or whose disk was full, where a library may abort; a supervisor
# starts it again.
_ENDED_BY_ITSELF: Final = (1, -signal.SIGABRT)


class Installation:
    """`environment` names the log. What dies is started again, as a supervisor would; deaths are counted by why."""

    def __init__(self, folder: Path, environment: Mapping[str, str]):
        self.folder = folder
        [self._port] = free_ports(1)
        self.clickhouse = f"http://waxwing:@127.0.0.1:{self._port}/default"
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.deaths: Counter[str] = Counter()
        self.may_end = False  # roles may end by themselves, because the log is taken away from them
        self._environment = {
            "PYTHONPATH": str(ROOT),
            "PYTHONFAULTHANDLER": "1",
            "WAXWING_DATA": str(folder / "data"),
            "WAXWING_CLICKHOUSE": self.clickhouse,
            "WAXWING_CHECKPOINT_S": "0.3",
            "WAXWING_COPY_EVERY": "1s",
            "WAXWING_MODEL_EVERY": "20",
            "WAXWING_BASE_URL": "https://links.example",
            **environment,
        }

    def start(self, name: str) -> None:
        """Start the role, or ClickHouse."""
        command = ["tests.services.clickhouse_http", str(self.folder / "clickhouse"), str(self._port)]
        if name != CLICKHOUSE:
            command = ["infra.roles", name]
        with self._errors(name).open("ab") as errors:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", *command],
                env=os.environ | self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                cwd=ROOT,
            )

    def kill(self, name: str) -> None:
        """kill -9."""
        self.running[name].kill()
        self.running[name].wait()

    def freeze(self, name: str) -> None:
        """SIGSTOP."""
        self.running[name].send_signal(signal.SIGSTOP)

    def wake(self, name: str) -> None:
        """SIGCONT."""
        self.running[name].send_signal(signal.SIGCONT)

    def watch(self) -> None:
        """Start again what is dead; AssertionError with its last words where it ended by itself without a reason."""
        for name, process in list(self.running.items()):
            code = process.poll()
            if code is None:
                continue
            expected = (-signal.SIGKILL, *(_ENDED_BY_ITSELF if self.may_end else ()))
            if code not in expected:
                raise AssertionError(f"{name} ended with {code}: {self.said(name)}")
            self.deaths[name if code == -signal.SIGKILL else name + _BY_ITSELF] += 1
            _close(process)
            self.start(name)

    def end(self, *names: str) -> None:
        """Tell the roles to end, and see them end well."""
        for name in names:
            self.running[name].terminate()
        for name in names:
            process = self.running.pop(name)
            if process.wait(_GRACE_S) != 0:
                raise AssertionError(f"no clean end of {name}: {self.said(name)}")
            _close(process)

    def clear(self) -> None:
        """Leave nothing behind."""
        while self.running:
            _, process = self.running.popitem()
            process.kill()
            process.wait()
            _close(process)

    def stacks(self) -> str:
        """What everybody is at: for who comes to no rest. It ends them all."""
        for name, process in self.running.items():
            if name != CLICKHOUSE:
                process.send_signal(signal.SIGABRT)
                process.wait()
        return "\n".join(f"{name}: {self._errors(name).read_text()[-20_000:]}" for name in self.running)

    def said(self, name: str) -> str:
        """Its last words."""
        return self._errors(name).read_text()[-3_000:]

    def has_said(self, name: str, text: str) -> bool:
        """Whether it ever said that."""
        return text in self._errors(name).read_text()

    @property
    def kills(self) -> int:
        """How many processes were killed; others ended by themselves."""
        return sum(count for name, count in self.deaths.items() if not name.endswith(_BY_ITSELF))

    def _errors(self, name: str) -> Path:
        return self.folder / f"{name.replace('/', '-')}.stderr"


def _close(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
