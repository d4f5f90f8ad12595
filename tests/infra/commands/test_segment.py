"""`waxwing segment test`: what it prints, how it ends, and every fault with its place."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.command import Done, Shell, shell

BUYERS = {
    "kind": "segment",
    "id": "buyers",
    "where": {"performed": "bought", "sum": {"property": "total", "op": "gte", "value": 0.3}, "within": "7d"},
}
VIPS = {"kind": "segment", "id": "vips", "where": {"and": [{"segment": "buyers"}, {"snapshot": "old"}]}}
LOST = {"kind": "segment", "id": "lost", "where": {"or": [{"segment": "nowhere"}, {"snapshot": "never"}]}}
LOOP = [{"kind": "segment", "id": a, "where": {"segment": b}} for a, b in (("left", "right"), ("right", "left"))]
EVENTS: list[dict[str, Any]] = [
    {
        "type": "track",
        "userId": "ada",
        "event": "bought",
        "properties": {"total": 0.1},
        "timestamp": "2026-01-01T10:00:00Z",
    },
    {
        "type": "track",
        "anonymousId": "x",
        "event": "bought",
        "properties": {"total": 0.2},
        "timestamp": "2026-01-02T10:00:00Z",
    },
    {"type": "identify", "userId": "ada", "anonymousId": "x", "timestamp": "2026-01-03T10:00:00Z"},
]


@pytest.fixture(scope="module")
def waxwing() -> Iterator[Shell]:
    with shell() as opened:
        yield opened


class Files:
    """A folder with definitions and events, and the command over them."""

    def __init__(self, folder: Path, waxwing: Shell):
        self.folder, self.waxwing = folder, waxwing

    def write(self, name: str, text: str) -> str:
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def test(self, definitions: Any, *options: str, events: str = "") -> Done:
        lines = events or "\n".join(map(json.dumps, EVENTS))
        file = self.write("definitions.json", json.dumps(definitions))
        return self.waxwing("segment", "test", file, "--events", self.write("events.jsonl", lines), *options)


@pytest.fixture
def files(tmp_path: Path, waxwing: Shell) -> Files:
    return Files(tmp_path, waxwing)


def test_both_answer_by_default_at_the_last_line(files: Files) -> None:
    done = files.test(BUYERS)
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "at": "2026-01-03T10:00:00.000Z",
        "stream": ["ada"],
        "batch": ["ada"],
        "equal": True,
    }


@pytest.mark.parametrize("by", ["stream", "batch"])
@pytest.mark.parametrize(
    ("at", "members"),
    [("2026-01-08T09:59:59.999Z", ["ada"]), ("2026-01-08T10:00:00Z", []), ("2025-01-01T00:00:00Z", [])],
)
def test_a_window_closes_to_the_millisecond(files: Files, by: str, at: str, members: list[str]) -> None:
    done = files.test(BUYERS, "--by", by, "--at", at)
    assert json.loads(done.stdout)["members"] == members


def test_lines_after_the_instant_are_ignored(files: Files) -> None:
    done = files.test({"kind": "segment", "id": "all", "where": {"everyone": True}}, "--at", "2026-01-02T10:00:00Z")
    assert json.loads(done.stdout)["batch"] == ["ada", "x"]  # not yet one


def test_lines_are_put_in_the_order_of_the_log(files: Files) -> None:
    backwards = "\n".join(map(json.dumps, reversed(EVENTS)))
    assert json.loads(files.test(BUYERS, events=backwards).stdout)["stream"] == ["ada"]


def test_the_file_names_what_the_segment_refers_to(files: Files) -> None:
    snapshots = files.write("snapshots.json", '{"old": ["ada"]}')
    done = files.test([VIPS, BUYERS], "--id", "vips", "--snapshots", snapshots)
    assert json.loads(done.stdout)["stream"] == ["ada"]


@pytest.mark.parametrize(
    ("definitions", "options", "faults"),
    [
        ([VIPS, BUYERS], [], ["which segment? give --id, one of: vips, buyers"]),
        (BUYERS, ["--id", "sellers"], ["there is no segment 'sellers'; there is: buyers"]),
        (LOST, [], ["there is no segment 'nowhere'", "there is no snapshot 'never'"]),
        (LOOP, ["--id", "left"], ["left → right → left"]),
        ({"kind": "segment", "id": "bad", "where": {"and": []}}, [], ["segment bad: where.and"]),
        (BUYERS, ["--at", "tomorrow"], ["--at: 'tomorrow' is no instant"]),
        (BUYERS, ["--by", "hand"], ["'hand'"]),
    ],
)
def test_bad_input_ends_with_2_and_names_every_fault(
    files: Files, definitions: Any, options: list[str], faults: list[str]
) -> None:
    done = files.test(definitions, *options)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert all(fault in done.stderr for fault in faults)
    assert "Traceback" not in done.stderr


def test_every_line_that_cannot_be_read_is_named(files: Files) -> None:
    done = files.test(BUYERS, events='{"type": "track", "userId": "ada"}\n{"type": "page"}\nnothing\n')
    assert done.exit_code == 2
    assert [f"line {n}" in done.stderr for n in (1, 2, 3)] == [True] * 3


def test_a_snapshot_file_of_another_form_is_refused(files: Files) -> None:
    done = files.test(BUYERS, "--snapshots", files.write("snapshots.json", '{"old": "ada"}'))
    assert done.exit_code == 2
    assert "snapshots.json" in done.stderr


def test_a_history_without_a_line_needs_an_instant(files: Files) -> None:
    assert "say with --at when to ask" in files.test(BUYERS, events="\n").stderr
    assert json.loads(files.test(BUYERS, "--at", "2026-01-01T00:00:00Z", events="\n").stdout)["batch"] == []
