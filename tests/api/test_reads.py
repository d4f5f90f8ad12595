"""How reads are answered: from files of SQL, from memory, with their watermark, by pages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import OperationalError
from fastapi import HTTPException

from api.pages import cursor_of, page, place_of
from api.reads import load_queries
from api.watermark import Ends, freshness
from schemas.times import parse_instant
from tests.api.reading import World, change, event, world


@pytest.fixture
def there(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def progress(partition: int, next_offset: int, complete_until: int, topic: str = "events") -> dict[str, Any]:
    return {"topic": topic, "partition": partition, "next_offset": next_offset, "complete_until": complete_until}


@pytest.mark.parametrize(
    ("rows", "watermark"),
    [
        ([progress(0, 5, 900), progress(1, 7, 950)], 1000),  # both have come to the end
        ([progress(0, 5, 900), progress(1, 6, 950)], 950),
        ([progress(0, 4, 900), progress(1, 6, 950)], 900),
        ([progress(0, 9, 900), progress(1, 8, 950)], 1000),  # beyond the end that was seen
        ([progress(0, 5, 900)], 0),  # nothing of the other one is there
        ([progress(0, 5, 900), progress(1, 7, 950), progress(0, 0, 3, "sends")], 1000),
    ],
)
def test_the_watermark_is_that_of_the_partition_furthest_behind(rows, watermark):
    assert freshness(Ends(1000, {0: 5, 1: 7}), rows).watermark == watermark


def test_an_empty_log_is_read_up_to_now():
    assert freshness(Ends(1000, {0: 0, 1: 0}), []).watermark == 1000


def test_every_read_carries_its_watermark(there):
    there.tell(event("ann", "page", "e1"))
    before = there.log.now()
    answer = there.client.get("/v1/summary")
    assert before - 1000 <= parse_instant(answer.headers["X-Waxwing-Watermark"]) <= there.log.now()


def test_the_watermark_stays_behind_what_is_not_written_yet(there):
    there.tell(event("ann", "page", "e1"))
    (first,) = [r for n in range(2) for r in there.log.read("events", n, 0)]
    there.log.append([event("ann", "page", "e2")])  # nobody writes it
    there.reads.forget()
    mark = parse_instant(there.client.get("/v1/summary").headers["X-Waxwing-Watermark"])
    assert mark <= max(first.logged_at, there.log.now() - 250)
    assert there.get("/v1/summary")["events"] == 1


def test_an_answer_comes_from_memory_until_something_is_written(there, monkeypatch):
    there.tell(change("bob", "segment_entered", "c0", segment="vip"))
    asked: list[str] = []
    query = there.clickhouse.query
    monkeypatch.setattr(there.clickhouse, "query", lambda sql, given=None: asked.append(sql) or query(sql, given))
    for _ in range(20):
        assert there.get("/v1/segments/vip/count", reach=False)["members"] == 1
    assert len([sql for sql in asked if "warehouse_progress" not in sql]) == 1
    there.tell(change("ann", "segment_entered", "c1", segment="vip"))
    assert there.get("/v1/segments/vip/count", reach=False)["members"] == 2


def test_other_parameters_are_another_question(there):
    there.tell(*[change(f"c{i}", "segment_entered", f"f{i}", segment=("a", "b")[i % 2]) for i in range(5)])
    assert there.get("/v1/segments/a/count")["members"] == 3
    assert there.get("/v1/segments/b/count")["members"] == 2


def test_while_clickhouse_is_away_reads_say_so_and_then_go_on(there, monkeypatch):
    def away(sql: str, given: Any = None) -> Any:
        raise OperationalError("http://user:secret@host is away")

    with monkeypatch.context() as cut:
        cut.setattr(there.clickhouse, "query", away)
        answer = there.client.get("/v1/summary")
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert answer.headers["Retry-After"] == "1"
    assert "secret" not in answer.text
    there.reads.forget()
    assert there.get("/v1/summary")["events"] == 0


def test_a_failed_look_is_not_remembered(there, monkeypatch):
    query = there.clickhouse.query

    def away(sql: str, given: Any = None) -> Any:
        if "warehouse_progress" in sql:
            return query(sql, given)
        raise OperationalError("away")

    with monkeypatch.context() as cut:
        cut.setattr(there.clickhouse, "query", away)
        assert there.client.get("/v1/models").status_code == 503
    assert there.get("/v1/models") == {"models": []}


def test_two_queries_of_one_name_stop_the_start(tmp_path: Path):
    (tmp_path / "a.sql").write_text("-- name: one\nSELECT 1\n-- name: two\nSELECT 2\n")
    assert load_queries(tmp_path) == {"one": "SELECT 1", "two": "SELECT 2"}
    (tmp_path / "b.sql").write_text("-- name: two\nSELECT 3\n")
    with pytest.raises(ValueError, match="two"):
        load_queries(tmp_path)


@pytest.mark.parametrize("place", [("ann",), ("",), ("ünï/&?",), (5, "x")])
def test_a_cursor_stands_for_its_place(place):
    assert place_of(cursor_of(*place), tuple[type(place[0]), ...] if len(place) == 1 else tuple[int, str], ()) == place


@pytest.mark.parametrize("cursor", ["x", "!!", "W10", cursor_of(1), cursor_of("a", "b"), "\x00", "é"])
def test_a_cursor_that_is_none_of_ours_is_refused(cursor):
    with pytest.raises(HTTPException) as refused:
        place_of(cursor, tuple[str], ("",))
    assert refused.value.status_code == 400


def test_a_page_has_a_next_only_where_there_is_more():
    rows = [{"id": name} for name in "abc"]
    assert page(rows, 3, lambda row: (row["id"],)) == (rows, None)
    assert page(rows, 2, lambda row: (row["id"],)) == (rows[:2], cursor_of("b"))
