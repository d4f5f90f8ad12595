"""What the command line answers when something is wrong: the right code, every fault, never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.main import get_group
from typer.testing import CliRunner, Result

from connectors.log import Progress
from connectors.sqlite_log import SqliteLog
from infra.cli import COMMANDS, app
from schemas.records import Entry
from tests.conftest import ROOT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation's folder, and nothing else set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAXWING_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def waxwing(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_topics_tells_ends_and_lag(folder: Path) -> None:
    log = SqliteLog(folder / "log.db")
    log.append([Entry("crm", "", b"v", partition=1) for _ in range(5)], Progress("ingest", {("crm", 1): 2}))
    log.close()
    found = json.loads(waxwing("topics", "--json").stdout)
    assert {"topic": "crm", "partition": 1, "begin": 0, "end": 5} in found["topics"]
    assert found["groups"] == [{"group": "ingest", "topic": "crm", "partition": 1, "next": 2, "lag": 3}]
    assert "ingest" in waxwing("topics").stdout


def test_a_log_with_another_number_of_partitions_is_bad_input(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SqliteLog(folder / "log.db", partitions=2).close()
    answer = waxwing("topics")
    assert answer.exit_code == 2
    assert "WAXWING_PARTITIONS=2 opens it" in answer.stderr


def test_every_wrong_setting_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAXWING_PARTITIONS", "many")
    monkeypatch.setenv("WAXWING_PORT", "99999")
    answer = waxwing("topics")
    assert answer.exit_code == 2
    assert [line.split(":")[0] for line in answer.stderr.splitlines()] == ["WAXWING_PARTITIONS", "WAXWING_PORT"]


def test_a_folder_that_cannot_be_written_could_not_be_done(folder: Path) -> None:
    folder.write_text("in the way")
    answer = waxwing("topics")
    assert answer.exit_code == 3
    assert "data" in answer.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "--for", "soon"], "'soon' is no duration"),
        (["run", "--role", "cook"], "there is no such role; there are api"),
        (["graph", "cooking"], "there is no such flow; there are ingest"),
        (["no-such-command"], "No such command"),
    ],
)
def test_bad_arguments_are_bad_input(folder: Path, arguments: list[str], says: str) -> None:
    answer = waxwing(*arguments)
    assert answer.exit_code == 2
    assert says in answer.stderr


def test_a_process_ends_with_the_code_and_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    run = subprocess.run(
        [sys.executable, "-m", "infra.cli", "topics"],
        cwd=ROOT,
        env={"PATH": "", "WAXWING_DATA": str(tmp_path / "data")},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 3
    assert run.stdout == ""
    assert "Traceback" not in run.stderr


def test_help_lists_the_commands() -> None:
    answer = waxwing("--help")
    assert answer.exit_code == 0
    assert all(name in answer.stdout for name in ("run", "topics", "migrate", "graph", "settings"))


MODULES = sorted(set(COMMANDS.values()))


@pytest.mark.parametrize("module", MODULES)
def test_every_command_of_a_module_can_be_called(module: str) -> None:
    family = typer.Typer()
    import_module(f"infra.commands.{module}").register(family)
    assert set(get_group(family).commands) == {name for name, of in COMMANDS.items() if of == module}
