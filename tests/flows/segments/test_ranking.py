"""Rankings: places and what is made of them, against DuckDB; results that take effect in the fold; stream and batch."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from connectors.consistency import unknown_names
from flows.contact.active import Definitions
from flows.contact.replay import Line, Replay, definition_records
from flows.segments.ranking import Place, Values, encoded, percentile, quintile, rank, result_body
from schemas.definitions.ranking import RESULT
from schemas.records import LEAD_MS, Change, Definition, Entry, Event, Record, decode_change, encode
from schemas.topics import CHANGES
from tests.command import shell
from tests.flows.segments.lives import segment

RANKING = {"kind": "ranking", "id": "customers", "of": {"performed": "order", "within": "120d"}, "value": "total"}
T = 1_780_000_000_000


def test_places_percentiles_and_quintiles_are_duckdbs() -> None:
    rng = random.Random(5)
    values = {f"c{i}": Values(rng.randrange(30), rng.randrange(1, 9), rng.randrange(50)) for i in range(97)}
    places = rank(values)
    rows = [(contact, *v) for contact, v in values.items()]
    db = duckdb.connect()
    db.execute("CREATE TABLE v (contact VARCHAR, r INT, f INT, m INT)")
    db.executemany("INSERT INTO v VALUES (?, ?, ?, ?)", rows)
    below = "rank() OVER (ORDER BY {0}) - 1"
    found = db.execute(f"SELECT contact, {', '.join(below.format(c) for c in 'rfm')} FROM v").fetchall()
    assert places == {contact: Place(*p) for contact, *p in found}
    ranks = db.execute("SELECT contact, 100 * percent_rank() OVER (ORDER BY m) * 96 / 97 FROM v").fetchall()
    assert {c: pytest.approx(percentile(places[c].monetary or 0, 97)) for c, _ in ranks} == dict(ranks)


def test_without_ties_quintiles_are_ntile_of_5() -> None:
    places = rank({f"c{i:02}": Values(i, i, i) for i in range(40)})
    db = duckdb.connect()
    expected = dict(
        db.execute("SELECT 'c' || lpad(i::VARCHAR, 2, '0'), ntile(5) OVER (ORDER BY i) FROM range(40) t(i)").fetchall()
    )
    assert {c: quintile(p.recency, 40) for c, p in places.items()} == expected


def test_equal_values_have_equal_places_and_a_missing_measure_has_none() -> None:
    assert rank({"a": Values(1, 5), "b": Values(1, 7), "c": Values(2, 7)}) == {
        "a": Place(0, 0, None),
        "b": Place(0, 1, None),
        "c": Place(2, 1, None),
    }


class Life:
    """Contacts under rankings whose results are published on the way; flips are (ms after T, contact, entered)."""

    def __init__(self, *bodies: Mapping[str, Any]):
        self.files: dict[str, Mapping[str, bytes]] = {}
        self.flips: list[tuple[int, str, bool]] = []
        self.definitions = Definitions(states_in=lambda _, path: self.files[path])
        for record in definition_records(bodies, T - 1):
            self.definitions.apply(record)
        self.run = Replay(self.definitions, self._take)
        self.version = 0

    def _take(self, at: int, entry: Entry) -> None:
        change: Change | None = decode_change(entry.value) if entry.topic == CHANGES else None
        if change is not None and change.segment:
            self.flips.append((change.at - T, change.contact, change.kind == "segment_entered"))

    def result(self, active: int, places: Mapping[str, Place]) -> None:
        self.version += 1
        path = f"file-{self.version}"
        self.files[path] = encoded(places.items())
        body = result_body("customers", 1, T, T + 1, len(places), {"0": path})
        self.act(active, Definition(RESULT, "customers", "publish", self.version, body))

    def act(self, active: int, act: Definition) -> None:
        offset = self.definitions.catalogue.next_offset
        self.definitions.apply(Record(offset, T + active - LEAD_MS, f"{act.kind}/{act.id}", encode(act)))

    def until(self, at: int) -> None:
        self.run.run([], T + at)
        self.run.apply(T + at, "", b'{"type":"tick"}')


def seen(at: int, contact: str) -> Line:
    return Line(T + at, contact, Event("page", f"{contact}-{at}", T + at, user_id=contact))


def test_a_result_flips_those_whom_it_moves_at_its_activation_and_nobody_else() -> None:
    life = Life(RANKING, segment({"percentile": "customers", "by": "monetary", "op": "gte", "value": 50}))
    life.run.run([seen(0, "a"), seen(1, "b"), seen(2, "c")])
    life.result(5_000, {"a": Place(0, 0, 1), "b": Place(0, 0, 0)})
    life.until(9_000)
    assert life.flips == [(5_000, "a", True)]
    life.result(20_000, {"a": Place(0, 0, 0), "b": Place(0, 0, 1), "c": Place(0, 0, 2)})
    life.until(30_000)
    assert life.flips[1:] == [(20_000, "a", False), (20_000, "c", True)]
    life.run.run([seen(40_000, "d")])
    assert life.run.members("tested") == ["c"]


def test_without_its_ranking_nobody_is_ranked() -> None:
    life = Life(RANKING, segment({"rfm": "customers", "recency": {"op": "gte", "value": 4}}))
    life.run.run([seen(0, "a")])
    life.result(5_000, {"a": Place(4, 0, 0), **{f"x{i}": Place(0, 0, 0) for i in range(4)}})
    life.until(9_000)
    life.act(20_000, Definition("ranking", "customers", "delete", 1, {}))
    life.until(30_000)
    assert life.flips == [(5_000, "a", True), (20_000, "a", False)]


def test_a_new_contact_that_was_ranked_before_it_was_seen_enters_with_its_first_record() -> None:
    life = Life(RANKING, segment({"percentile": "customers", "by": "recency", "op": "gte", "value": 50}))
    life.result(5_000, {"a": Place(1, 0, 0), "b": Place(0, 0, 0)})
    life.until(9_000)
    life.run.run([seen(10_000, "a"), seen(11_000, "b")])
    assert life.flips == [(10_000, "a", True)]


AT = "2026-06-09T10:13:20Z"  # 1,781,000,000,000
DEFINITIONS = [
    RANKING | {"of": {"performed": "order", "where": [{"property": "test", "op": "missing"}], "within": "120d"}},
    segment({"percentile": "customers", "by": "monetary", "op": "gte", "value": 80}, "spenders"),
    segment({"percentile": "customers", "by": "frequency", "op": "lt", "value": 20}, "seldom"),
    segment({"percentile": "customers", "by": "recency", "op": "missing"}, "unranked"),
    segment({"rfm": "customers", "recency": {"op": "gte", "value": 4}, "monetary": {"op": "eq", "value": 5}}, "best"),
]
ORACLE = """
WITH of AS (SELECT contact, ms, total FROM e WHERE event = 'order' AND ms > 1781000000000 - 120 * 86400000::BIGINT),
  v AS (SELECT contact, max(ms) r, count(*) f, coalesce(sum(total), 0) m FROM of GROUP BY contact),
  p AS (SELECT contact, rank() OVER (ORDER BY r) - 1 r, rank() OVER (ORDER BY f) - 1 f, rank() OVER (ORDER BY m) - 1 m,
    count(*) OVER () n FROM v)
SELECT contact FROM p WHERE {0} ORDER BY contact
"""
TESTS = {
    "spenders": "100 * m >= 80 * n",
    "seldom": "100 * f < 20 * n",
    "best": "1 + floor(5 * r / n) >= 4 AND 1 + floor(5 * m / n) = 5",
}


def history(seed: int) -> list[dict[str, Any]]:
    rng, lines = random.Random(seed), []
    for i in range(300):
        at = 1_781_000_000_000 - rng.randrange(200) * 86_400_000
        total = rng.choice([10, 20, 20, 50, 99.5, 0.1, "x", None])
        properties = {"total": total} | ({"test": True} if rng.random() < 0.1 else {})
        lines.append({"at": at, "contact": f"c{rng.randrange(40)}", "properties": properties, "id": f"m{i}"})
    return sorted(lines, key=lambda line: line["at"])


def test_the_command_finds_in_stream_and_batch_whom_duckdb_finds(tmp_path: Path) -> None:
    lines = history(8)
    db = duckdb.connect()
    db.execute("CREATE TABLE e (contact VARCHAR, event VARCHAR, ms BIGINT, total DECIMAL(9, 1))")
    for line in lines:
        p = line["properties"]
        number = p["total"] if isinstance(p["total"], int | float) else None
        event = "test" if "test" in p else "order"
        db.execute("INSERT INTO e VALUES (?, ?, ?, ?)", [line["contact"], event, line["at"], number])
    (tmp_path / "s.json").write_text(json.dumps(DEFINITIONS))
    calls = [
        {"type": "track", "event": "order", "userId": line["contact"], "properties": line["properties"],
         "timestamp": line["at"], "messageId": line["id"]}
        for line in lines
    ]  # fmt: skip
    (tmp_path / "e.jsonl").write_text("\n".join(map(json.dumps, calls)))
    with shell() as waxwing:
        for id in ("spenders", "seldom", "best", "unranked"):
            at = "2026-06-09T10:13:20Z"
            done = waxwing(
                "segment",
                "test",
                str(tmp_path / "s.json"),
                "--events",
                str(tmp_path / "e.jsonl"),
                "--id",
                id,
                "--at",
                at,
            )
            answer = json.loads(done.stdout)
            assert (done.exit_code, answer["equal"]) == (0, True), id
            if id in TESTS:
                assert answer["stream"] == [c for (c,) in db.execute(ORACLE.format(TESTS[id])).fetchall()]
                assert answer["stream"]
            else:
                ranked = {c for (c,) in db.execute(ORACLE.format("true")).fetchall()}
                assert answer["stream"] == sorted({line["contact"] for line in lines} - ranked)


def test_a_segment_over_a_ranking_that_is_not_there_is_refused() -> None:
    body = segment({"percentile": "nobody", "by": "recency", "op": "gte", "value": 1})
    assert [str(fault) for fault in unknown_names({}, [body])] == ["where: there is no ranking 'nobody'"]
