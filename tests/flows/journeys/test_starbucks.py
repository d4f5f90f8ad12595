"""A real offer campaign as a journey, simulated by the command, its counts checked against SQL over the same lines.

    received ──▶ viewed within 3 days? ──no──▶ reminder ──▶ completed within 4 days? ──▶ end

The runs are per offer, and a person may receive an offer again while an earlier run lasts.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from infra.cli import app
from schemas.times import HOUR, format_instant, parse_instant
from tests.flows.journeys.scenario import journey, message, node, started_by

PEOPLE = 300  # of 17,000
EPOCH = parse_instant("2026-01-01T00:00:00Z")
NAMES = {"offer received": "received", "offer viewed": "viewed", "offer completed": "completed"}
JOURNEY = journey(
    started_by("received"),
    node("look", "wait", for_event={"event": "viewed"}, match_key=True, timeout="3d"),
    message("remind"),
    node("buy", "wait", for_event={"event": "completed"}, match_key=True, timeout="4d"),
    node("bought", "exit", reason="bought"),
    node("lost", "exit", reason="lost"),
    edges=[
        "start -> look",
        "look -> buy: happened",
        "look -> remind: timeout",
        "remind -> buy",
        "buy -> bought: happened",
        "buy -> lost: timeout",
    ],
    key="properties.offer",
    reentry={"mode": "always"},
)
# What a wait asks for is logged after it began and before its timer; where nothing comes the next begins at the timer.
ORACLE = """
WITH looked AS (
    SELECT r.n, r.person, r.offer, r.hour, min_by(struct_pack(hour := v.hour, n := v.n), v.n) AS view
    FROM events r LEFT JOIN events v
      ON v.kind = 'viewed' AND v.person = r.person AND v.offer = r.offer AND v.n > r.n AND v.hour < r.hour + 72
    WHERE r.kind = 'received' GROUP BY ALL
), waited AS (
    SELECT *, coalesce(view.hour, hour + 72) AS since, coalesce(view.n, -1) AS after FROM looked
), ended AS (
    SELECT w.n, w.since, w.view, count(c.n) > 0 AS bought
    FROM waited w LEFT JOIN events c
      ON c.kind = 'completed' AND c.person = w.person AND c.offer = w.offer
      AND c.n > w.after AND c.hour >= w.since AND c.hour < w.since + 96
    GROUP BY ALL
)
SELECT count(*), count(*) FILTER (view IS NULL AND since <= $until), count(*) FILTER (bought),
       count(*) FILTER (NOT bought AND since + 96 <= $until)
FROM ended
"""


@pytest.fixture(scope="module")
def events(shared: Path) -> list[tuple[int, str, str, str, int]]:
    """(number of the line, person, kind, offer, hour) of the first people's offer events."""
    found: list[tuple[int, str, str, str, int]] = []
    people: dict[str, None] = {}
    with gzip.open(shared / "data" / "starbucks" / "transcript.json.gz", "rt") as file:
        for n, text in enumerate(file):
            if not text.strip():
                continue
            row = json.loads(text)
            if row["event"] not in NAMES or (row["person"] not in people and len(people) >= PEOPLE):
                continue
            people[row["person"]] = None
            offer = row["value"].get("offer id") or row["value"]["offer_id"]
            found.append((n, row["person"], NAMES[row["event"]], offer, row["time"]))
    return found


def as_line(n: int, person: str, kind: str, offer: str, hour: int) -> str:
    call: dict[str, Any] = {"type": "track", "event": kind, "userId": person, "properties": {"offer": offer}}
    return json.dumps(call | {"timestamp": format_instant(EPOCH + hour * HOUR), "messageId": str(n)})


@pytest.mark.data
def test_its_counts_are_those_of_sql(events, tmp_path):
    until = max(hour for *_, hour in events)
    (tmp_path / "journey.json").write_text(json.dumps(JOURNEY))
    (tmp_path / "events.jsonl").write_text("\n".join(as_line(*event) for event in events))
    done = CliRunner().invoke(
        app,
        [
            "journey",
            "simulate",
            str(tmp_path / "journey.json"),
            "--events",
            str(tmp_path / "events.jsonl"),
            "--until",
            format_instant(EPOCH + until * HOUR),
        ],
        catch_exceptions=False,
    )
    found = json.loads(done.stdout)
    with duckdb.connect() as sql:
        sql.execute("CREATE TABLE events (n BIGINT, person TEXT, kind TEXT, offer TEXT, hour BIGINT)")
        sql.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", events)
        expected = sql.execute(ORACLE, {"until": until}).fetchone()
    assert (
        found["entered"],
        len(found["skips"]),
        found["exited"].get("bought"),
        found["exited"].get("lost"),
    ) == expected
    assert expected[0] > PEOPLE
