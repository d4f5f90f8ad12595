"""`waxwing import` and `waxwing dead-letters`."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from connectors.sqlite_log import SqliteLog
from infra.cli import app
from schemas.records import Event, decode_event
from schemas.topics import EVENTS

LINE = '{"type":"track","event":"paid","userId":"ann","timestamp":5}'
MAPPING = """
files:
  - match: "*.csv"
    rules:
      - to: {type: track, event: bought, user: who, at: {from: day, format: "%Y-%m-%d"}, properties: {what: what}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAXWING_DATA", str(tmp_path / "data"))
    return tmp_path


def waxwing(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def events(folder: Path) -> list[Event]:
    log = SqliteLog(folder / "data/log.db")
    found = [decode_event(r.value) for n in range(4) for r in log.read(EVENTS, n, 0, 100_000)]
    log.close()
    return found


def test_a_summary_says_what_was_read_appended_and_set_aside(folder):
    (folder / "a.jsonl").write_text(f"{LINE}\n\nnonsense\n{LINE}\n")
    answer = waxwing("import", "a.jsonl")
    assert answer.exit_code == 0
    summary = json.loads(answer.stdout)
    assert (summary["read"], summary["appended"], summary["dead"]) == (3, 2, 1)
    assert {"seconds", "per_second"} <= set(summary)
    assert [e.historical for e in events(folder)] == [True, True]


def test_live_events_are_not_history(folder):
    (folder / "a.jsonl").write_text(LINE)
    waxwing("import", "a.jsonl", "--live")
    assert [e.historical for e in events(folder)] == [False]


def test_several_files_are_imported_by_one_mapping(folder):
    (folder / "m.yaml").write_text(MAPPING)
    for name in ("a", "b"):
        (folder / f"{name}.csv").write_text(f"who,what,day\n{name},bread,2026-01-31\n")
    assert json.loads(waxwing("import", "a.csv", "b.csv", "--mapping", "m.yaml").stdout)["appended"] == 2
    assert sorted(e.user_id for e in events(folder)) == ["a", "b"]


def test_a_file_that_does_not_exist_stops_it_before_anything_is_appended(folder):
    (folder / "a.jsonl").write_text(LINE)
    answer = waxwing("import", "a.jsonl", "b.jsonl")
    assert (answer.exit_code, answer.stderr) == (2, "b.jsonl: No such file or directory\n")
    assert not (folder / "data").exists()


def test_where_nothing_could_be_taken_the_answer_is_negative(folder):
    (folder / "a.jsonl").write_text("nonsense\n")
    assert waxwing("import", "a.jsonl").exit_code == 1


@pytest.mark.slow
def test_a_terminal_sees_a_progress_bar_and_a_pipe_only_the_summary(folder):
    (folder / "a.jsonl").write_text(f"{LINE}\n" * 5_000)
    command = [sys.executable, "-m", "infra.cli", "import", "a.jsonl"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3]), "TERM": "xterm"}
    piped = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert piped.stderr == b""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environment) as process:
        os.close(theirs)
        assert process.stdout is not None
        assert json.loads(process.stdout.read())["appended"] == 5_000
        assert b"a.jsonl" in os.read(ours, 100_000)
    os.close(ours)


def test_a_line_that_was_set_aside_is_listed_shown_corrected_and_replayed(folder):
    (folder / "a.jsonl").write_text(f'{LINE}\n{{"type":"track","userId":"bob"}}\n')
    waxwing("import", "a.jsonl")
    (letter,) = map(json.loads, waxwing("dead-letters", "list").stdout.splitlines())
    assert letter["reason"].startswith("line 2: event: is missing")
    assert waxwing("dead-letters", "show", letter["id"]).stdout == '{"type":"track","userId":"bob"}'
    assert waxwing("dead-letters", "replay", letter["id"]).exit_code == 1
    (folder / "fixed.json").write_text('{"type":"track","event":"paid","userId":"bob","timestamp":9}')
    answer = waxwing("dead-letters", "replay", letter["id"], "--body", "fixed.json")
    assert (answer.exit_code, json.loads(answer.stdout)) == (0, {"replayed": 1, "still_dead": 0})
    assert sorted(e.user_id for e in events(folder)) == ["ann", "bob"]
    assert waxwing("dead-letters", "list").stdout == ""
    assert json.loads(waxwing("dead-letters", "list", "--all").stdout)["is_replayed"] is True


def test_all_can_be_replayed_at_once_and_those_that_still_fail_are_told(folder):
    (folder / "a.jsonl").write_text('nonsense\n{"type":"page"}\n')
    waxwing("import", "a.jsonl")
    answer = waxwing("dead-letters", "replay", "--all", "--source", "import:")
    assert json.loads(answer.stdout) == {"replayed": 0, "still_dead": 2}
    assert "userId: is missing" in answer.stderr
    assert waxwing("dead-letters", "replay").exit_code == 2
    assert waxwing("dead-letters", "show", "nothing").exit_code == 2
