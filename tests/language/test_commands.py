"""LANGUAGE.md, "Files for the commands", and what only the whole command can show: `segment test --by both`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.definitions.model import FEATURE_SETS
from tests.command import Shell, shell
from tests.language.lines import Line, did, fact

BUYERS = {"kind": "segment", "id": "buyers", "where": {"performed": "buy"}}
OTHERS = {"kind": "segment", "id": "others", "where": {"not": {"segment": "buyers"}}}
LINES = [did("ann", "buy", "01-01"), did("bob", "look", "01-01")]


@pytest.fixture(scope="module")
def waxwing() -> Iterator[Shell]:
    with shell() as opened:
        yield opened


def members(waxwing: Shell, folder: Path, definitions: Any, lines: list[Line], *options: str) -> list[str]:
    """What stream and batch both answer."""
    (folder / "segments.json").write_text(json.dumps(definitions))
    (folder / "events.jsonl").write_text("\n".join(map(json.dumps, lines)))
    files = [str(folder / "segments.json"), "--events", str(folder / "events.jsonl")]
    done = waxwing("segment", "test", *files, *options)
    assert done.exit_code == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["equal"]
    assert answer["stream"] == answer["batch"]
    found: list[str] = answer["stream"]
    return found


def test_a_file_holds_one_or_a_list(waxwing: Shell, tmp_path: Path) -> None:
    assert members(waxwing, tmp_path, BUYERS, LINES) == ["ann"]
    assert members(waxwing, tmp_path, [BUYERS], LINES) == ["ann"]
    assert members(waxwing, tmp_path, [OTHERS, BUYERS], LINES, "--id", "others") == ["bob"]
    assert members(waxwing, tmp_path, [OTHERS, BUYERS], LINES, "--id", "buyers") == ["ann"]


def test_snapshots_are_given_by_a_file(waxwing: Shell, tmp_path: Path) -> None:
    asks = {"kind": "segment", "id": "asks", "where": {"snapshot": "vip"}}
    (tmp_path / "snapshots.json").write_text('{"vip": ["bob", "nobody"]}')
    assert members(waxwing, tmp_path, asks, LINES, "--snapshots", str(tmp_path / "snapshots.json")) == ["bob"]


def test_a_score_is_the_models_last_and_missing_below_its_minimum(waxwing: Shell, tmp_path: Path) -> None:
    """With every weight 0 a score is 100 / (1 + exp(-bias)), and 50 where the bias is 0."""
    n = len(FEATURE_SETS[1])
    flat: dict[str, Any] = {"mean": [0.0] * n, "scale": [1.0] * n, "weights": [0.0] * n, "bias": 0.0}
    model = {"kind": "model", "id": "engagement", "minimum_sends": 2, **flat}
    sent = [fact(who, "email_sent", when) for who, when in (("ann", "01-01"), ("ann", "01-02"), ("bob", "01-01"))]

    def scored(op: str, *value: int) -> list[str]:
        where = {"score": "engagement", "op": op, **({"value": value[0]} if value else {})}
        return members(waxwing, tmp_path, [{"kind": "segment", "id": "s", "where": where}, model], sent)

    assert scored("eq", 50) == ["ann"]
    assert scored("gt", 50) == []
    assert scored("missing") == ["bob"]
