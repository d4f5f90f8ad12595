"""Groups nest without limit: a thousand levels are read, folded, compiled to SQL, and answered."""

from __future__ import annotations

import json
from pathlib import Path

from tests.command import shell


def nested(levels: int) -> str:
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
    return f'{{"kind":"segment","id":"deep","where":{where}}}'


def test_a_thousand_levels_are_answered_alike_by_stream_and_batch(tmp_path: Path):
    (tmp_path / "segment.json").write_text(nested(1_000))
    event = {"type": "track", "userId": "u", "event": "a", "timestamp": "2024-01-01T00:00:00Z", "messageId": "1"}
    (tmp_path / "events.jsonl").write_text(json.dumps(event))
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
