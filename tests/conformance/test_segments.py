"""Every case of ../shared/conformance/segments through `waxwing segment test --by both`, as a person would type it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import Shell, shell

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT.parent / "shared" / "conformance" / "segments"
NAMES = sorted(folder.name for folder in CASES.iterdir()) if CASES.is_dir() else []

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def waxwing() -> Iterator[Shell]:
    with shell() as opened:
        yield opened


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


def test_there_are_cases(shared: Path) -> None:
    assert NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_case_gives_what_it_expects(waxwing: Shell, name: str) -> None:
    expected = json.loads((CASES / name / "expect.json").read_text())
    members = sorted(expected["members"])
    done = waxwing(*arguments(CASES / name, "both"))
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout) == {"at": expected["at"], "stream": members, "batch": members, "equal": True}


@pytest.mark.parametrize("by", ["stream", "batch"])
def test_the_command_works_as_a_process(shared: Path, by: str) -> None:
    case = CASES / NAMES[-1]
    command = [sys.executable, "-m", "infra.cli", *arguments(case, by)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    expected = json.loads((case / "expect.json").read_text())
    assert json.loads(done.stdout) == {"at": expected["at"], "members": sorted(expected["members"])}
