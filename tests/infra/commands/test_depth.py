"""Groups nest without limit: a thousand levels are read, folded, compiled to SQL, and answered, by every command."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from infra.cli import app
from tests.command import shell

EVENT = {"type": "track", "userId": "u", "event": "a", "timestamp": "2024-01-01T00:00:00Z", "messageId": "1"}


def condition(levels: int) -> str:
    """`not`, `and`, `or` around `everyone`, one within the other, written as text: no writer recurses so deep."""
    where = '{"everyone":true}'
    for level in range(levels):
        match level % 3:
            case 0:
                where = f'{{"not":{where}}}'
            case 1:
                where = f'{{"and":[{where}]}}'
            case _:
                where = f'{{"or":[{where},{{"performed":"never"}}]}}'
    return where


def segment(levels: int) -> str:
    """A segment so deep."""
    return f'{{"kind":"segment","id":"deep","where":{condition(levels)}}}'


def journey(field: str, levels: int) -> str:
    """A journey with a condition so deep: `if`, `branches`, `exit_when` or `goal`."""
    where, asks, ends = condition(levels), "", ""
    match field:
        case "if":
            asks = f'{{"id":"asks","type":"condition","if":{where}}},'
        case "branches":
            asks = f'{{"id":"asks","type":"condition","branches":[{{"name":"yes","if":{where}}}],"else":"no"}},'
        case _:
            ends = f',"{field}":{where}'
    way = ["start", "asks", "done"] if asks else ["start", "done"]
    edges = json.dumps([{"from": a, "to": b} for a, b in pairwise(way)])
    nodes = f'[{{"id":"start","type":"trigger","on":{{"event":"a"}}}},{asks}{{"id":"done","type":"exit"}}]'
    return f'{{"kind":"journey","id":"deep","class":"transactional","nodes":{nodes},"edges":{edges}{ends}}}'


def test_a_thousand_levels_are_answered_alike_by_stream_and_batch(tmp_path: Path):
    (tmp_path / "segment.json").write_text(segment(1_000))
    (tmp_path / "events.jsonl").write_text(json.dumps(EVENT))
    arguments = ["segment", "test", str(tmp_path / "segment.json"), "--events", str(tmp_path / "events.jsonl")]
    with shell() as waxwing:
        answer = waxwing(*arguments, "--by", "both")
    assert answer.exit_code == 0, answer.stderr
    # 334 times `not` around what is true: an even number of them changes nothing
    assert json.loads(answer.stdout) == {
        "at": "2024-01-01T00:00:00.000Z",
        "stream": ["u"],
        "batch": ["u"],
        "equal": True,
    }


@pytest.mark.parametrize(
    ("field", "exited"), [("if", "completed"), ("branches", "completed"), ("exit_when", "exit_when"), ("goal", "goal")]
)
def test_a_journey_asks_a_thousand_levels(tmp_path: Path, field: str, exited: str):
    (tmp_path / "journey.json").write_text(journey(field, 1_000))
    (tmp_path / "events.jsonl").write_text(json.dumps(EVENT))
    files = [str(tmp_path / "journey.json"), "--events", str(tmp_path / "events.jsonl")]
    done = CliRunner().invoke(app, ["journey", "simulate", *files])
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["exited"] == {exited: 1}


@pytest.mark.parametrize("suffix", ["json", "yaml"])
@pytest.mark.parametrize(("kind", "text"), [("segment", segment(1_000)), ("journey", journey("goal", 1_000))])
def test_a_thousand_levels_are_applied_and_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, text: str, suffix: str
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAXWING_DATA", str(tmp_path / "data"))
    (tmp_path / f"deep.{suffix}").write_text(text)
    for said in ("version 1 published", "version 1 unchanged"):
        done = CliRunner().invoke(app, ["apply", f"deep.{suffix}"])
        assert done.exit_code == 0, done.stderr
        assert said in done.stdout
    done = CliRunner().invoke(app, ["get", kind, "deep"])
    assert done.exit_code == 0, done.stderr
    assert condition(20).strip("{}") in "".join(done.stdout.split())


def test_faults_below_many_levels_are_told_by_their_place(tmp_path: Path):
    text = segment(300).replace('{"everyone":true}', '{"trait":"x","op":"like","value":1}')
    (tmp_path / "segment.json").write_text(text)
    (tmp_path / "events.jsonl").write_text(json.dumps(EVENT))
    files = [str(tmp_path / "segment.json"), "--events", str(tmp_path / "events.jsonl")]
    done = CliRunner().invoke(app, ["segment", "test", *files])
    assert done.exit_code == 2
    assert done.stderr.count(": where.") == 1, done.stderr
    assert ".op: " in done.stderr
