"""Starts the processes of an installation, starts again what dies, and ends them all.

    supervisor ──stdin pipe, listener, lock──▶ python -m infra.roles api warehouse hydration …
                                             ▶ python -m infra.roles contacts …

The children hold the folder's lock with the supervisor, so that a new one never works beside the children of one that
was killed. They end by themselves when the pipe does.
"""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from schemas.errors import InvalidInput, Violation

# Which roles share a process. ClickHouse, embedded, allows one process; the fold has a core to itself.
GROUPS: Final = (
    ("api", "warehouse", "hydration", "verify", "analysis", "campaigns"),
    ("contacts",),
    ("ingest", "delivery", "learning"),
)

GRACE_S: Final = 20.0  # between SIGTERM and SIGKILL
OWN_S: Final = 10.0  # how long the children of a killed supervisor are waited for
BACKOFF_S: Final = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
STEADY_S: Final = 60.0  # after so long without a death a child's backoff begins anew
BAD_INPUT: Final = 2
STDERR: Final = 2  # the file descriptor: standard output is left to the summary
_LOG: Final = logging.getLogger("waxwing")


def groups_of(workers: int) -> list[tuple[str, ...]]:
    """The groups, with the fold's partitions shared out among so many processes."""
    shares = [(f"contacts@{n}/{workers}",) for n in range(workers)]
    return [group for one in GROUPS for group in (shares if one == ("contacts",) and workers > 1 else [one])]


@contextmanager
def owned(folder: Path) -> Iterator[IO[bytes]]:
    """The folder's lock, held by this process and its children. InvalidInput while another installation has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "run.lock").open("ab") as lock:
        deadline = time.monotonic() + OWN_S
        while not _locked(lock):
            if time.monotonic() > deadline:
                raise InvalidInput("settings", [Violation("data", f"another `waxwing run` works on {folder}")])
            time.sleep(0.1)
        yield lock


def _locked(lock: IO[bytes]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Child:
    """One process with its roles: started, watched, started again."""

    def __init__(
        self,
        roles: Sequence[str],
        fds: Sequence[int],
        listener: int,
        output: IO[bytes] | int,
        environment: Mapping[str, str],
    ):
        self.name = "+".join(roles)
        self._command = [sys.executable, "-m", "infra.roles", *roles]
        if "api" in roles:
            self._command[3:3] = ["--listener", str(listener)]
        self._fds, self._output, self.environment = fds, output, environment
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths = 0
        self._started = self._next = 0.0

    def start(self) -> None:
        """Start the process now."""
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=self._output,
            pass_fds=self._fds,
            env=os.environ | self.environment,
        )

    def watch(self) -> None:
        """Note a death, and start again when its time has come. InvalidInput where the settings are at fault."""
        if self.process is not None and (code := self.process.poll()) is not None:
            self._bury(code)
        if self.process is None and time.monotonic() >= self._next:
            self.start()

    def _bury(self, code: int) -> None:
        _close(self.process)
        self.process = None
        if code == BAD_INPUT:
            raise InvalidInput(
                "run", [Violation(self.name, "its settings, input or log are at fault; it said which above")]
            )
        if time.monotonic() - self._started > STEADY_S:
            self.deaths = 0
        wait = BACKOFF_S[min(self.deaths, len(BACKOFF_S) - 1)]
        self.deaths += 1
        self._next = time.monotonic() + wait
        _LOG.warning("process %s ended (code %d); it is started again in %g s", self.name, code, wait)


class Supervisor:
    """The processes of one installation. `output` takes what they print; `environment` goes over this process's own.

    The first process tells its figures on `metrics_port`, the next ones on the ports after it; 0: none does.
    """

    def __init__(
        self,
        lock: IO[bytes],
        listener: socket.socket,
        groups: Sequence[Sequence[str]] = GROUPS,
        output: IO[bytes] | int = STDERR,
        environment: Mapping[str, str] | None = None,
        metrics_port: int = 0,
    ):
        fds = (lock.fileno(), listener.fileno())
        self.children = [
            Child(roles, fds, fds[1], output, dict(environment or {}) | _metrics_at(metrics_port, number))
            for number, roles in enumerate(groups)
        ]

    def start(self) -> None:
        """Start every process."""
        for child in self.children:
            child.start()

    def watch(self) -> None:
        """Look after every process once; to be called a few times a second."""
        for child in self.children:
            child.watch()

    def stop(self, grace_s: float = GRACE_S) -> bool:
        """Ask every process to end, wait, kill by id what did not. Whether all ended well."""
        running = [child.process for child in self.children if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + grace_s
        for child in self.children:
            if child.process is not None:
                _wait(child, deadline)
        return all(process.returncode == 0 for process in running)


def _metrics_at(port: int, number: int) -> dict[str, str]:
    return {"WAXWING_METRICS_PORT": str(port + number)} if port else {}


def _wait(child: Child, deadline: float) -> None:
    process = child.process
    assert process is not None
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        _LOG.warning("process %s did not end in time and is killed", child.name)
        process.kill()
        process.wait()
    _close(process)


def _close(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None and process.stdin is not None:
        process.stdin.close()
