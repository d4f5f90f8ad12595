"""What stands in the checkout: its top level, no address of a package index, modules that one can read at once."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.walls.sources import PACKAGES, ROOT, modules, tracked

TOP_LEVEL = {"flows", "connectors", "sinks", "schemas", "api", "infra", "tests", "pyproject.toml", "README.md"}
TOP_LEVEL |= {"Makefile", "LICENSE", ".ci", ".gitignore"}
LONGEST = 400
INDEX = re.compile(r"--(extra-)?index-url|--find-links|--trusted-host|pypi\.(org|python)|/simple/?$|pythonhosted", re.M)
SPEAKS_OF_IT = {Path("tests/walls/test_tree.py")}


def test_the_top_level_holds_what_the_design_names() -> None:
    assert {path.parts[0] for path in tracked()} == TOP_LEVEL


def test_no_file_names_a_package_index() -> None:
    found = []
    for path in set(tracked()) - SPEAKS_OF_IT:
        text = (ROOT / path).read_bytes().decode("utf-8", "replace").replace("--no-emit-index-url", "")
        found += [f"{path}: {match.group()}" for match in INDEX.finditer(text.replace("--no-emit-find-links", ""))]
    assert found == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_dependency_is_pinned_with_hashes(name: str) -> None:
    text = (ROOT / "infra" / name).read_text()
    pins = re.findall(r"^[a-zA-Z0-9._-]+(?:\[[^]]+\])?==[^ ]+(?: ; [^\\]+)? \\\n    --hash=sha256:", text, re.M)
    lines = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(pins) == len(lines) > 0


@pytest.mark.parametrize("path", modules(*PACKAGES), ids=str)
def test_a_module_can_be_read_in_one_sitting(path: Path) -> None:
    assert len((ROOT / path).read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("script", ["infra/venv.sh", "infra/lock.sh", ".ci/run"])
def test_a_script_is_valid_and_may_be_executed(script: str) -> None:
    assert (ROOT / script).stat().st_mode & 0o111
    subprocess.run(["bash", "-n", script], cwd=ROOT, check=True)
