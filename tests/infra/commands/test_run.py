"""`waxwing run --role`: one role in a process of its own, ended by a signal or by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT


def waxwing(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"WAXWING_DATA": str(folder / "data"), "WAXWING_PORT": "0"}
    command = [sys.executable, "-m", "infra.cli", *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_role_works_until_it_is_told_to_end(tmp_path: Path, number: signal.Signals) -> None:
    with waxwing(tmp_path, "run", "--role", "api") as process:
        assert process.stdout is not None
        address = process.stdout.readline().removeprefix("Waxwing's API: ").strip()
        answer = httpx.post(
            f"{address}/v1/track",
            auth=("demo", ""),
            json={"userId": "u1", "event": "signed_up"},
            timeout=60,
            trust_env=False,
        )
        assert answer.is_success
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in said


def test_one_role_ends_by_itself_after_its_time(tmp_path: Path) -> None:
    with waxwing(tmp_path, "run", "--role", "api", "--for", "250ms") as process:
        process.communicate(timeout=60)
    assert process.returncode == 0
