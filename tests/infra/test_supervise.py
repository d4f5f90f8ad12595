"""The processes of an installation: started again when they die, ended together, never two sets on one folder."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra import supervise
from infra.roles import api
from infra.settings import Settings
from infra.supervise import GROUPS, Supervisor, groups_of, owned
from schemas.errors import InvalidInput
from tests.conftest import ROOT


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("WAXWING_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("WAXWING_PORT", "0")
    return Settings()


@pytest.fixture
def listener(settings: Settings) -> Iterator[socket.socket]:
    with api.listen(settings) as listener:
        yield listener


def until_answered(supervisor: Supervisor, address: str) -> None:
    """Look after the processes until the API answers."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        supervisor.watch()
        try:
            httpx.get(f"{address}/health", timeout=1, trust_env=False).raise_for_status()
            return
        except httpx.HTTPError:
            continue
    raise AssertionError("the API did not answer")


def test_a_process_that_is_killed_is_started_again_on_the_same_address(
    settings: Settings, listener: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    with owned(settings.data) as lock:
        supervisor = Supervisor(lock, listener, groups=[["api"]])
        supervisor.start()
        until_answered(supervisor, api.address(listener))
        [child] = supervisor.children
        first = child.process
        assert first is not None
        first.send_signal(signal.SIGKILL)
        first.wait()
        until_answered(supervisor, api.address(listener))
        assert child.process is not None
        assert child.process.pid != first.pid
        assert "process api ended (code -9); it is started again in 0.5 s" in caplog.text
        assert supervisor.stop()


def test_a_process_that_cannot_work_with_its_settings_is_not_started_again(
    settings: Settings, listener: socket.socket, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WAXWING_LOG", "redis://there")
    with owned(settings.data) as lock:
        supervisor = Supervisor(lock, listener, groups=[["api"]])
        supervisor.start()
        [child] = supervisor.children
        assert child.process is not None
        assert child.process.wait() == 2
        with pytest.raises(InvalidInput, match="api: its settings, input or log are at fault"):
            supervisor.watch()
    assert "'redis://there' is no known log" in capfd.readouterr().err


SUPERVISOR = """
import sys, threading
from infra.roles import api
from infra.settings import Settings
from infra.supervise import GROUPS, Supervisor, groups_of, owned
settings = Settings()
with owned(settings.data) as lock, api.listen(settings) as listener:
    supervisor = Supervisor(lock, listener, groups=[["api"]])
    supervisor.start()
    print(supervisor.children[0].process.pid, api.address(listener), flush=True)
    threading.Event().wait()
"""


def test_the_processes_of_a_killed_supervisor_end_and_hold_the_folder_until_then(settings: Settings) -> None:
    with subprocess.Popen([sys.executable, "-c", SUPERVISOR], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid, address = parent.stdout.readline().split()
        httpx.get(f"{address}/health", timeout=60, trust_env=False).raise_for_status()
        parent.send_signal(signal.SIGKILL)
    with owned(settings.data), pytest.raises(ProcessLookupError):
        while True:  # whoever has the lock has it alone: the child is ending, or is gone
            os.kill(int(pid), 0)
            if Path(f"/proc/{pid}/stat").read_text().split(") ")[1].startswith("Z"):
                raise ProcessLookupError


def test_a_folder_that_somebody_works_on_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervise, "OWN_S", 0.0)
    with (
        owned(settings.data),
        pytest.raises(InvalidInput, match="another `waxwing run` works on"),
        owned(settings.data),
    ):
        pass


def test_a_port_that_is_taken_is_named(settings: Settings, listener: socket.socket) -> None:
    taken = Settings(port=listener.getsockname()[1])
    with pytest.raises(InvalidInput, match=f"cannot listen on 127.0.0.1 port {taken.port}"):
        api.listen(taken)


def test_the_folds_workers_have_a_process_each_and_the_other_roles_stay_together():
    assert groups_of(1) == list(GROUPS)
    assert groups_of(2) == [GROUPS[0], ("contacts@0/2",), ("contacts@1/2",), GROUPS[2]]
