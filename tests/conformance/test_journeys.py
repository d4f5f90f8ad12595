"""Every case of ../shared/conformance/journeys through `waxwing journey simulate`, as a person would type it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from infra.cli import app

CASES = Path(__file__).resolve().parents[2].parent / "shared" / "conformance" / "journeys"
PRINTED = ("entered", "completed", "exited", "nodes", "sends", "skips")
NAMES = sorted(folder.name for folder in CASES.iterdir()) if CASES.is_dir() else []

pytestmark = pytest.mark.data


def arguments(case: Path, expected: dict[str, Any]) -> list[str]:
    definitions = next(case / name for name in ("journey.json", "definitions.json") if (case / name).exists())
    made = ["journey", "simulate", str(definitions), "--events", str(case / "events.jsonl")]
    for option in ("until", "published_at"):
        if option in expected:
            made += [f"--{option.replace('_', '-')}", expected[option]]
    return made


def like(found: Any, expected: Any) -> Any:
    """What was found, of it only what the expectation names."""
    if isinstance(expected, dict):
        return {key: like(found.get(key), value) for key, value in expected.items()}
    if isinstance(expected, list) and len(found) == len(expected):
        return [like(f, e) for f, e in zip(found, expected, strict=True)]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_case_gives_what_it_expects(shared: Path, name: str) -> None:
    expected = json.loads((CASES / name / "expect.json").read_text())
    done = CliRunner().invoke(app, arguments(CASES / name, expected), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    wanted = {
        key: expected[key] for key in ("entered", "completed", "exited", "nodes", "sends", "skips") if key in expected
    }
    assert like(json.loads(done.output), wanted) == wanted


def test_the_command_works_as_a_process(shared: Path) -> None:
    name = NAMES[0]
    expected = json.loads((CASES / name / "expect.json").read_text())
    command = [sys.executable, "-m", "infra.cli", *arguments(CASES / name, expected)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).resolve().parents[2])
    assert like(json.loads(done.stdout)["sends"], expected["sends"]) == expected["sends"]
