"""What the Dockerfile does to Waxwing itself, done in a folder: what is copied is built, installed, and runs alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.walls.sources import PACKAGES, ROOT

DOCKERFILE = (ROOT / "infra" / "Dockerfile").read_text()
NEEDED_TO_BUILD = {".in", ".sh", ".example", ".md", ".dockerignore"}  # and nothing that runs reads


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image's /opt/waxwing, without the dependencies, which the lock has already brought to this environment."""
    folder = tmp_path_factory.mktemp("image")
    for sources, target in re.findall(r"^COPY (?!--from)(.+) (\S+)$", DOCKERFILE, re.M):
        for source in sources.split():
            place = folder / "src" / target / (source if target == "./" else "")
            place.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
            else:
                shutil.copy2(ROOT / source, place)
    [line] = re.findall(r"^RUN /opt/waxwing/bin/pip (install --no-deps .*)$", DOCKERFILE, re.M)
    run(sys.executable, "-m", "pip", *line.split(), "--quiet", "--target", str(folder / "to"), cwd=folder / "src")
    return folder / "to"


def test_the_entry_point_runs_from_what_is_installed_alone(installed: Path, tmp_path: Path) -> None:
    said = run(str(installed / "bin" / "waxwing"), "--version", cwd=tmp_path, PYTHONPATH=str(installed))
    assert re.fullmatch(r"waxwing \d+\.\d+\.\d+\n", said)
    assert "run" in run(str(installed / "bin" / "waxwing"), "--help", cwd=tmp_path, PYTHONPATH=str(installed))


def test_nothing_that_the_code_reads_is_left_behind(installed: Path) -> None:
    def files(root: Path) -> set[str]:
        found = (path for package in PACKAGES for path in (root / package).rglob("*") if path.is_file())
        return {path.relative_to(root).as_posix() for path in found if path.suffix != ".pyc"}

    left = {path for path in files(ROOT) - files(installed) if Path(path).suffix not in NEEDED_TO_BUILD}
    assert left == {"infra/Dockerfile"}
