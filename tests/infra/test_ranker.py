"""The ranker against a log, ClickHouse and files: when it computes, as of when, and what it publishes. Time by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.reads import load_queries
from connectors.log_clock import Clock
from connectors.publish import CatalogueReader, delete, newest, publish
from flows.definitions.catalogue import Published
from flows.segments.ranking import Place, decode_place
from infra.ranker import Ranker
from schemas.errors import InvalidInput
from schemas.times import DAY, HOUR, format_instant, parse_instant
from sinks.past_store import PastStore
from tests.api.reading import World, event, world
from tests.api.support import settings

START = parse_instant("2026-09-21T14:00:00Z")
RANKING: dict[str, Any] = {
    "kind": "ranking",
    "id": "customers",
    "of": {"performed": "order", "within": "30d"},
    "value": "total",
    "schedule": "0 3 * * *",
    "timezone": "Europe/Zurich",
}
WHERE = {"percentile": "customers", "by": "monetary", "op": "gte", "value": 50}
SEGMENT = {"kind": "segment", "id": "top", "where": WHERE}


class Installation:
    """A world whose clock is turned by hand, and a ranker."""

    def __init__(self, there: World, folder: Path, time: list[int]):
        self.there, self.time = there, time
        self.reader, self.files = CatalogueReader(there.log), PastStore(settings(folder).files_url)
        self.ranker = Ranker(there.log, there.clickhouse.query, load_queries()["progress"], self.files)

    def order(self, contact: str, id: str, total: float) -> None:
        at = self.time[0]
        self.there.tell(event(contact, "track", id, at, event="order", properties={"total": total}))

    def pass_time(self, ms: int) -> None:
        self.time[0] += ms
        self.there.tell()

    @property
    def result(self) -> Published | None:
        with self.reader.open() as catalogue:
            return newest(catalogue).get("ranking_result", "customers")

    def body(self) -> dict[str, Any]:
        assert self.result is not None
        return dict(self.result.body)

    def places(self) -> dict[str, Place]:
        stored = [unpacked for path in self.body()["files"].values() for unpacked in self.files.get(path).items()]
        return {contact: decode_place(place) for contact, place in stored}


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    time = [START]
    with world(tmp_path, Clock(lambda: time[0], lambda: time[0])) as there:
        made = Installation(there, tmp_path, time)
        yield made
        made.files.close()


def test_a_new_ranking_is_computed_at_once_and_then_by_its_schedule_in_its_zone(installation: Installation) -> None:
    for contact, id, total in (("ann", "1", 10), ("bob", "2", 30), ("bob", "3", 0.5), ("cy", "4", 10)):
        installation.order(contact, id, total)
    publish(installation.reader, [RANKING, SEGMENT])
    installation.pass_time(1_000)
    assert installation.ranker.round() == ["customers"]
    assert (installation.body()["ranked"], installation.body()["ranking_version"]) == (3, 1)
    assert {c: p.monetary for c, p in installation.places().items()} == {"ann": 0, "cy": 0, "bob": 2}
    assert {c: p.frequency for c, p in installation.places().items()} == {"ann": 0, "cy": 0, "bob": 2}
    assert format_instant(installation.body()["next"]) == "2026-09-22T01:00:00.000Z"  # 03:00 in summer
    assert installation.ranker.round() == []
    installation.pass_time(2_000)
    told = installation.there.client.post("/v1/segments/preview", json=WHERE).json()
    label = {"ranking": "customers", "computed_at": "2026-09-21T14:00:00.750000Z", "next_at": "2026-09-22T01:00:00Z"}
    assert (told["members"], told["in_batch"]) == (1, [label])
    installation.order("ann", "5", 99)
    installation.pass_time(11 * HOUR - 4_000)
    assert installation.ranker.round() == []
    installation.pass_time(2_000)
    assert installation.ranker.round() == ["customers"]
    assert format_instant(installation.body()["at"]) == "2026-09-22T01:00:00.000Z"
    assert {c: p.monetary for c, p in installation.places().items()} == {"cy": 0, "bob": 1, "ann": 2}


def test_after_a_downtime_the_latest_instant_is_made_up_for_and_what_came_after_it_does_not_count(
    installation: Installation,
) -> None:
    installation.order("ann", "1", 10)
    publish(installation.reader, [RANKING])
    installation.pass_time(1_000)
    installation.ranker.round()
    installation.pass_time(3 * DAY)
    installation.order("bob", "2", 10)  # on the 24th at 14:00:01, after that day's 03:00
    installation.pass_time(1_000)
    assert installation.ranker.round() == ["customers"]
    assert format_instant(installation.body()["at"]) == "2026-09-24T01:00:00.000Z"
    assert installation.places().keys() == {"ann"}
    assert installation.result is not None
    assert installation.result.version == 2


def test_a_new_version_is_computed_at_once(installation: Installation) -> None:
    installation.order("ann", "1", 10)
    publish(installation.reader, [RANKING])
    installation.pass_time(1_000)
    installation.ranker.round()
    publish(installation.reader, [RANKING | {"of": {"performed": "login"}}])
    installation.pass_time(1_000)
    assert installation.ranker.round() == ["customers"]
    assert (installation.body()["ranking_version"], installation.body()["ranked"]) == (2, 0)
    assert installation.places() == {}


def test_of_two_that_compute_at_once_one_stands(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    installation.order("ann", "1", 10)
    publish(installation.reader, [RANKING])
    installation.pass_time(1_000)
    there = installation.there
    other = Ranker(there.log, there.clickhouse.query, load_queries()["progress"], installation.files)
    monkeypatch.setattr("infra.ranker.fail_point", lambda name: monkeypatch.undo() or other.round())
    assert installation.ranker.round() == []
    assert installation.result is not None
    assert installation.result.version == 1


def test_a_ranking_that_a_segment_asks_about_is_not_deleted(installation: Installation) -> None:
    publish(installation.reader, [RANKING, SEGMENT])
    with pytest.raises(Exception, match="segment top: where: names ranking 'customers'"):
        delete(installation.reader, "ranking", "customers")
    delete(installation.reader, "segment", "top")
    delete(installation.reader, "ranking", "customers")
    assert installation.ranker.round() == []


def test_nobody_publishes_a_result_by_hand(installation: Installation) -> None:
    body = {"kind": "ranking_result", "id": "customers", "ranking_version": 1, "at": 1, "next": 2, "ranked": 3}
    with pytest.raises(InvalidInput, match="is computed, not published"):
        publish(installation.reader, [body])
