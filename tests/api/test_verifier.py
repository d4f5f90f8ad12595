"""Stream against batch: equal over a life with windows, merges and late events; what differs is found and named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError
from prometheus_client import REGISTRY

from api.verifier import Report, Verifier
from schemas.times import DAY
from tests.api.living import Living, living
from tests.api.reading import change

GOLD = {"kind": "segment", "id": "gold", "where": {"trait": "plan", "op": "eq", "value": "gold"}}
BUYERS = {"kind": "segment", "id": "buyers", "where": {"performed": "order", "within": "7d"}}
CALM = {"kind": "segment", "id": "calm", "where": {"and": [{"segment": "gold"}, {"not": {"segment": "buyers"}}]}}
PICKED = {"kind": "segment", "id": "picked", "static": True}
ALL = (GOLD, BUYERS, CALM, PICKED)


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Living]:
    with living(tmp_path) as made:
        yield made


def verified(there: Living, pause=lambda seconds: None) -> Report:
    there.settle(10_000)
    return Verifier(there.log, there.world.clickhouse.query, there.store.get, lambda path: {}).run(pause)


def live(there: Living) -> None:
    """Two buy, one of them under another name before; one who bought is late; one is added by hand."""
    there.say("anon", "track", "a1", event="order", user_id="", anonymous_id="anon")
    there.say("ann", "identify", "i1", traits={"plan": "gold"})
    there.say("bob", "identify", "i2", traits={"plan": "gold"})
    there.settle()
    there.say("ann", "identify", "i3", anonymous_id="anon")
    there.say("cyd", "track", "late", at=there.now - 8 * DAY, event="order")
    there.say("cyd", "segment_added", "s1", properties={"segment": "picked"})
    there.settle()


def test_stream_and_batch_agree_before_and_after_what_time_alone_brings(there):
    there.publish(*ALL)
    live(there)
    before = verified(there)
    assert (before.mismatches, before.young) == (0, {})
    counts = {id: (c.stream, c.batch) for id, c in before.segments.items()}
    assert counts == {"gold": (2, 2), "buyers": (1, 1), "calm": (1, 1), "picked": (1, 1)}
    there.at(there.now + 7 * DAY)
    after = verified(there)
    assert after.mismatches == 0
    assert {id: c.stream for id, c in after.segments.items()} == {"gold": 2, "buyers": 0, "calm": 2, "picked": 1}


def test_what_differs_is_named_and_counted(there):
    there.publish(*ALL)
    live(there)
    wrong = change("zoe", "segment_entered", "wrong", there.now, segment="gold", version=1)
    there.log.append([wrong, change("bob", "segment_left", "gone", there.now, segment="calm", version=1)])
    report = verified(there)
    assert (report.segments["gold"].only_stream, report.segments["gold"].only_batch) == (["zoe"], [])
    assert report.segments["calm"].only_batch == ["bob"]
    assert report.mismatches == 2
    assert report.as_json()["calm"] == {"stream": 0, "batch": 1, "only_stream": [], "only_batch": ["bob"]}
    assert REGISTRY.get_sample_value("waxwing_verify_mismatches", {"segment": "gold"}) == 1


def test_what_is_right_at_a_later_look_is_no_mismatch(there):
    there.publish(*ALL)
    live(there)
    there.log.append([change("zoe", "segment_entered", "wrong", there.now, segment="gold", version=1)])

    def meanwhile(seconds: float) -> None:
        there.log.append([change("zoe", "segment_left", "right", there.now, segment="gold", version=1)])
        there.settle(10_000)

    assert verified(there, meanwhile).mismatches == 0


def test_a_segment_whose_past_was_not_seen_is_left_out_until_it_cannot_matter(there):
    there.publish(GOLD)
    live(there)
    there.publish(BUYERS, CALM)
    report = verified(there)
    assert set(report.young) == {"buyers", "calm"}
    assert set(report.segments) == {"gold"}
    assert "since" in report.as_json()["calm"]["skipped"]
    there.at(there.now + 7 * DAY)
    later = verified(there)
    assert (later.young, later.mismatches, set(later.segments)) == ({}, 0, {"gold", "buyers", "calm"})


def test_a_segment_is_whole_where_nothing_that_it_asks_happened_before(there):
    live(there)
    there.publish({"kind": "segment", "id": "callers", "where": {"performed": "called"}})
    there.say("ann", "track", "c1", event="called")
    report = verified(there)
    assert (report.young, report.segments["callers"].stream, report.mismatches) == ({}, 1, 0)


def test_a_segment_that_cannot_be_recomputed_keeps_no_other_from_being_compared(there):
    there.publish(*ALL)
    live(there)
    there.log.append([change("zoe", "segment_entered", "wrong", there.now, segment="gold", version=1)])
    there.settle(10_000)

    def ask(sql: str, parameters: Mapping[str, Any]) -> Any:
        if "order" in parameters.values():
            raise DatabaseError("Memory limit (for query) exceeded\nStack trace: …")
        return there.world.clickhouse.query(sql, parameters)

    report = Verifier(there.log, ask, there.store.get, lambda path: {}).run(lambda seconds: None)
    why = "DatabaseError: Memory limit (for query) exceeded"
    assert report.failed == {"buyers": why, "calm": why}
    assert {id: (c.stream, c.batch) for id, c in report.segments.items()} == {"gold": (3, 2), "picked": (1, 1)}
    assert (report.mismatches, report.as_json()["calm"]) == (1, {"failed": why})
    assert REGISTRY.get_sample_value("waxwing_verify_failed_segments") == 2


def test_a_clickhouse_that_goes_away_meanwhile_is_no_segments_fault(there):
    there.publish(*ALL)
    live(there)
    there.settle(10_000)
    answered: list[str] = []

    def ask(sql: str, parameters: Mapping[str, Any]) -> Any:
        if len(answered) == 3:
            raise OperationalError("connection refused")
        answered.append(sql)
        return there.world.clickhouse.query(sql, parameters)

    with pytest.raises(OperationalError):
        Verifier(there.log, ask, there.store.get, lambda path: {}).run(lambda seconds: None)


def test_an_empty_installation_has_nothing_to_compare(there):
    assert verified(there) == Report(there.world.reads.log.now() - 250 - 5_000, {}, {}, {})
