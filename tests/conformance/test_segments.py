"""Every case of ../shared/conformance/segments through `waxwing segment test --by both`, as a person would type it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli import app

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT.parent / "shared" / "conformance" / "segments"
NAMES = sorted(folder.name for folder in CASES.iterdir()) if CASES.is_dir() else []

pytestmark = pytest.mark.data


def arguments(case: Path, by: str) -> list[str]:
    expected = json.loads((case / "expect.json").read_text())
    definitions = next(case / name for name in ("segment.json", "segments.json") if (case / name).exists())
    made = ["segment", "test", str(definitions), "--events", str(case / "events.jsonl")]
    made += ["--at", expected["at"], "--by", by]
    if "id" in expected:
        made += ["--id", expected["id"]]
    if (case / "snapshots.json").exists():
        made += ["--snapshots", str(case / "snapshots.json")]
    return made


def expected_members(name: str) -> list[str]:
    members: list[str] = json.loads((CASES / name / "expect.json").read_text())["members"]
    return sorted(members)


@pytest.mark.parametrize("name", NAMES)
def test_a_case_gives_what_it_expects(shared: Path, name: str) -> None:
    done = CliRunner().invoke(app, arguments(CASES / name, "both"), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["stream"] == expected_members(name)
    assert found["batch"] == expected_members(name)
    assert found["equal"] is True
    assert found["at"] == json.loads((CASES / name / "expect.json").read_text())["at"]


@pytest.mark.parametrize("by", ["stream", "batch"])
def test_the_command_works_as_a_process(shared: Path, by: str) -> None:
    name = NAMES[-1]
    command = [sys.executable, "-m", "infra.cli", *arguments(CASES / name, by)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert json.loads(done.stdout)["members"] == expected_members(name)
