"""Definitions tried over lines: rankings are computed at their instants, from what was logged before each."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import duckdb

from flows.contact.replay import Line
from flows.definitions.catalogue import Published
from flows.journeys.answering import Answers, Rates
from flows.journeys.trial import Trial
from schemas.records import Event
from schemas.times import DAY, HOUR, MINUTE, parse_instant
from tests.flows.journeys.scenario import journey, message, node, pause, started_by

BEGIN = parse_instant("2026-03-01T00:00:00Z")
AT_3 = parse_instant("2026-03-01T03:00:00Z")
RANKING = {"kind": "ranking", "id": "buyers", "of": {"performed": "order", "within": "5d"}, "schedule": "0 3 * * *"}
ASKS = journey(
    started_by("ask"),
    node("best", "condition", if_={"percentile": "buyers", "by": "frequency", "op": "gte", "value": 60}),
    node("top", "exit", reason="top"),
    node("rest", "exit", reason="rest"),
    edges=["start -> best", "best -> top: yes", "best -> rest: no"],
    reentry={"mode": "always"},
)


def said(at: int, contact: str, name: str) -> Line:
    return Line(at, contact, Event("track", f"{contact}-{name}-{at}", at, user_id=contact, received_at=at, event=name))


def tried(lines: Sequence[Line], ranking: dict[str, Any] = RANKING, active_from: int | None = None) -> dict[str, int]:
    others = [Published("ranking", "buyers", 1, ranking, 0)]
    trial = Trial(Published("journey", "j", 1, ASKS, 0), others)
    return dict(trial.run(lines, lines[-1].logged_at, active_from).summary["exited"])


def by_duckdb(lines: Sequence[Line]) -> dict[str, int]:
    """For each `ask` the percentile as of the last 03:00, over those with an order in the five days before that."""
    db = duckdb.connect()
    db.execute("CREATE TABLE said (t BIGINT, contact VARCHAR, name VARCHAR)")
    rows = [(line.logged_at, line.contact, line.event.event) for line in lines]
    db.executemany("INSERT INTO said VALUES (?, ?, ?)", rows)
    found = db.execute(
        """
        WITH asks AS (SELECT t, contact, $3 + floor((t - $3) / $1)::BIGINT * $1 AS turn FROM said WHERE name = 'ask'),
        counts AS (
            SELECT a.t, a.contact AS asker, o.contact, count(*) AS n FROM asks a
            JOIN said o ON o.name = 'order' AND o.t < a.turn AND o.t > a.turn - $2 AND a.turn >= $3
            GROUP BY ALL),
        places AS (
            SELECT *, 100 * (rank() OVER (PARTITION BY t, asker ORDER BY n) - 1)
                / count(*) OVER (PARTITION BY t, asker) AS percentile FROM counts)
        SELECT coalesce(p.percentile >= 60, false) AS top, count(*) FROM asks a
        LEFT JOIN places p ON p.t = a.t AND p.asker = a.contact AND p.contact = a.contact GROUP BY top
        """,
        [DAY, 5 * DAY, AT_3],
    ).fetchall()
    return {"top" if top else "rest": number for top, number in found}


def test_a_ranking_is_computed_from_the_lines_on_its_schedule() -> None:
    rng, lines = random.Random(11), []
    for _ in range(600):
        at = BEGIN + rng.randrange(20 * 24 * 60) * MINUTE
        lines.append(said(at, f"c{min(rng.randrange(30), rng.randrange(30))}", rng.choice(("order", "order", "ask"))))
    lines.append(said(AT_3 + 10 * DAY, "c0", "ask"))  # at the very instant: it was computed before the record
    lines.sort(key=lambda line: line.logged_at)
    expected = by_duckdb(lines)
    assert min(expected.values()) > 20
    assert tried(lines) == expected


def test_it_is_computed_at_once_when_it_becomes_active_from_what_was_logged_before() -> None:
    orders = [said(BEGIN + n * MINUTE, f"c{n}", "order") for n in range(2)]
    lines = [*orders, said(BEGIN + HOUR, "c1", "order"), said(BEGIN + HOUR, "c1", "ask")]
    early = {**RANKING, "schedule": "0 0 1 1 *"}
    assert tried(lines, early) == {"rest": 1}
    only_c1_twice = [*orders, said(BEGIN + 2 * MINUTE, "c1", "order"), *lines[2:]]
    assert tried(only_c1_twice, early, BEGIN + HOUR) == {"rest": 1}
    five = [*(said(BEGIN, f"d{n}", "order") for n in range(3)), *only_c1_twice]
    assert tried(five, early, BEGIN + HOUR) == {"top": 1}


def test_what_contacts_answered_ranks_them_as_well() -> None:
    body = journey(
        started_by("ask"),
        message("mail"),
        pause("2d"),
        node("best", "condition", if_={"percentile": "readers", "by": "frequency", "op": "gte", "value": 0}),
        node("ranked", "exit", reason="ranked"),
        node("not", "exit", reason="not"),
        edges=["start -> mail", "mail -> pause", "pause -> best", "best -> ranked: yes", "best -> not: no"],
    )
    known = [
        Line(BEGIN, "a", Event("identify", "i", BEGIN, user_id="a", received_at=BEGIN, traits={"email": "a@x.com"}))
    ]
    ranking = Published("ranking", "readers", 1, {**RANKING, "id": "readers", "of": {"performed": "email_opened"}}, 0)
    for opened, reason in ((1.0, "ranked"), (0.0, "not")):
        answers = Answers({"email": Rates(1.0, opened, 0.0)})
        trial = Trial(Published("journey", "j", 1, body, 0), [ranking], answers)
        lines = [*known, said(BEGIN + HOUR, "a", "ask")]
        assert trial.run(lines, BEGIN + 4 * DAY).summary["exited"] == {reason: 1}
