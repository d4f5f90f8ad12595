"""The hydrator against a log, ClickHouse and files: what it brings is what a count of the log says. Time by hand."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.log_clock import Clock
from connectors.publish import CatalogueReader, delete, newest, publish, rollback
from connectors.sqlite_log import SqliteLog
from flows.segments.hydration import unpack
from flows.warehouse.rows import COLUMNS, event_row
from infra.hydrator import PATIENCE_MS, Hydrator
from schemas.records import LEAD_MS, SHORT_LEAD_MS, Definition, Entry, Event, decode_definition, decode_event, encode
from schemas.topics import DEFINITIONS, EVENTS
from sinks.clickhouse import ClickHouse
from sinks.hydration_journal import progress_of
from sinks.past_query import PastQuery
from sinks.past_store import PastStore
from tests.clickhouse import emptied

START = 1_790_000_000_000
OFTEN: dict[str, Any] = {
    "kind": "segment",
    "id": "often",
    "where": {"performed": "buy", "count": {"op": "gte", "value": 3}},
}
KEY = ("segment", "often")


class Installation:
    """A log whose clock is turned by hand, an archive that reads when it is told to, and a hydrator."""

    def __init__(self, folder: Path):
        self.now = START
        self.log = SqliteLog(folder / "log.db", clock=Clock(lambda: self.now, lambda: self.now))
        self.reader = CatalogueReader(self.log)
        self.clickhouse: ClickHouse = emptied()
        self.files = PastStore(str(folder / "files"))
        self.archived = [0] * 4
        self.start()

    def start(self, page: int = 40) -> None:
        """A hydrator that has just begun to run."""
        self.hydrator = Hydrator(self.log, PastQuery(self.clickhouse, page), self.files)

    def say(self, contact: str, id: str, event: str = "buy", **fields: Any) -> None:
        self.log.append([Entry(EVENTS, contact, encode(Event("track", id, self.now, event, **fields)))])

    def record(self, contact: str, event: Event) -> None:
        self.log.append([Entry(EVENTS, contact, encode(event))])

    def archive(self) -> None:
        """Bring ClickHouse up with the log."""
        for n in range(4):
            records = self.log.read(EVENTS, n, self.archived[n], 100_000)
            self.clickhouse.insert("events", COLUMNS["events"], [event_row(n, record) for record in records])
            self.archived[n] = self.log.end(EVENTS, n)
            place = [("events", n, self.archived[n], self.now / 1_000)]
            self.clickhouse.insert("warehouse_progress", ("topic", "partition", "next_offset", "complete_until"), place)

    def counted(self, before: int) -> Counter[str]:
        """Who bought how often, of what was logged before the instant; events with one id count once."""
        counts, seen = Counter[str](), set[tuple[str, str]]()
        for n in range(4):
            for record in self.log.read(EVENTS, n, 0, 100_000):
                event = decode_event(record.value)
                if record.logged_at < before and (record.key, event.id) not in seen:
                    seen.add((record.key, event.id))
                    counts[record.key] += event.event == "buy"
        return +counts

    def switch(self) -> Definition | None:
        """The last act, where it is a switch."""
        last = decode_definition(self.log.read(DEFINITIONS, 0, self.log.end(DEFINITIONS, 0) - 1)[0].value)
        return last if last.op == "switch" else None

    def brought(self) -> Counter[str]:
        """What the last switch brings: contact -> count."""
        act = self.switch()
        assert act is not None
        found = Counter[str]()
        for name in act.body["past"].values():
            for contact, states in unpack(self.files.read(name)).items():
                (found[contact],) = msgspec.msgpack.decode(states).values()
        return found

    def warming(self) -> set[str]:
        with self.reader.open() as catalogue:
            return {id for _, id in newest(catalogue).warming}


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    yield installation
    installation.files.close()
    installation.log.close()


def test_it_folds_what_the_archive_holds_at_once_and_the_rest_from_the_log_when_the_leaves_begin(made: Installation):
    rng = random.Random(5)

    def some(name: str, count: int) -> None:
        for _ in range(count):
            made.now += rng.choice((0, 1))
            event = rng.choice(("buy", "buy", "look"))
            made.say(f"c{rng.randrange(30)}", f"{name}-{rng.randrange(count)}", event)

    some("a", 150)
    made.archive()
    some("b", 40)
    publish(made.reader, [OFTEN])
    assert made.hydrator.round() == []
    assert progress_of(made.files, *KEY) is not None
    some("a", 20)  # the ids of some came before, under another name or the same
    begun = made.now + SHORT_LEAD_MS
    with made.reader.open() as catalogue:
        begun = newest(catalogue).warming[KEY].since
    made.now = begun
    some("c", 20)
    assert [p.id for p in made.hydrator.round()] == ["often"]
    assert made.brought() == made.counted(begun)
    assert made.warming() == set()
    assert progress_of(made.files, *KEY) is None


def test_a_version_is_active_a_lead_after_it_was_published_or_as_soon_as_its_past_is_known(made: Installation):
    made.say("c", "1")
    made.archive()
    for wait, active in ((SHORT_LEAD_MS, LEAD_MS), (5_000, 5_000 + SHORT_LEAD_MS)):
        published = made.now
        publish(made.reader, [OFTEN | {"name": str(wait), "where": {"performed": f"buy{wait}"}}])
        made.now += wait
        assert made.hydrator.round()
        with made.reader.open() as catalogue:
            assert newest(catalogue).get(*KEY).since == published + active
        made.now += 10_000


def test_it_waits_for_an_archive_that_is_far_behind(made: Installation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("infra.hydrator.TAIL", 5)
    for i in range(10):
        made.say("c", str(i))
    publish(made.reader, [OFTEN])
    made.now += 1_000
    assert made.hydrator.round() == []
    told = progress_of(made.files, *KEY)
    assert told is not None
    assert (told.stage, told.done) == ("archive", 0)
    made.archive()
    assert made.hydrator.round()
    assert made.brought() == {"c": 10}


def test_a_merge_on_the_way_is_waited_for_and_then_counts_where_it_led(made: Installation):
    made.say("anon", "1")
    made.say("user", "2")
    made.archive()
    publish(made.reader, [OFTEN])
    made.record("anon", Event("merge_claimed", "claim", made.now, properties={"into": "user"}))
    made.now += SHORT_LEAD_MS
    assert made.hydrator.round() == []
    made.archive()
    assert made.hydrator.round() == []  # the archive knows of the claim, and not how it ended
    made.record("user", Event("merged", "m", made.now, properties={"source": "anon", "state": ""}))
    made.archive()
    assert made.hydrator.round()
    assert made.brought() == {"user": 2}


def test_a_merge_that_does_not_end_is_taken_for_refused_in_the_end(made: Installation):
    made.record("anon", Event("merge_claimed", "claim", made.now, properties={"into": "user"}))
    made.say("anon", "1")
    publish(made.reader, [OFTEN])
    made.now += SHORT_LEAD_MS
    made.archive()
    assert made.hydrator.round() == []
    made.now += PATIENCE_MS + 1
    assert made.hydrator.round()
    assert made.brought() == {"anon": 1}


def test_a_round_that_was_cancelled_switches_to_nothing_and_one_that_comes_again_begins_anew(made: Installation):
    made.say("c", "1")
    made.archive()
    publish(made.reader, [OFTEN])
    assert made.hydrator.round() == []
    delete(made.reader, "segment", "often")
    made.now += 5_000
    assert made.hydrator.round() == []
    assert made.switch() is None
    made.say("c", "2")
    rollback(made.reader, "segment", "often", 1)
    made.now += SHORT_LEAD_MS
    assert made.hydrator.round()
    assert made.brought() == {"c": 2}


def test_what_is_published_meanwhile_does_not_hold_a_round_up_and_gets_the_next_one(made: Installation):
    made.say("c", "1")
    made.archive()
    publish(made.reader, [OFTEN])
    assert made.hydrator.round() == []
    made.now += SHORT_LEAD_MS
    publish(made.reader, [{"kind": "segment", "id": "later", "where": {"performed": "look"}}])
    assert [p.id for p in made.hydrator.round()] == ["often"]
    made.now += SHORT_LEAD_MS
    assert [p.id for p in made.hydrator.round()] == ["later"]


def test_a_round_that_was_killed_goes_on_from_what_it_had_put_by(made: Installation, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sinks.hydration_journal.PART", 10)
    for i in range(200):
        made.say(f"c{i % 50:02}", str(i))
    made.archive()
    publish(made.reader, [OFTEN])
    asked: list[str] = []
    page = PastQuery.page

    def dying(self: PastQuery, history: Any, after: str, last: str) -> Any:
        asked.append(after)
        if len(asked) == 4:
            raise KeyboardInterrupt
        return page(self, history, after, last)

    monkeypatch.setattr(PastQuery, "page", dying)
    with pytest.raises(KeyboardInterrupt):
        made.hydrator.round()
    made.start()
    made.now += SHORT_LEAD_MS
    made.say("c00", "after")
    assert made.hydrator.round()
    assert asked[4] > asked[2] > ""
    assert made.brought() == Counter({f"c{i:02}": 4 for i in range(50)})


def test_what_is_logged_before_the_first_definitions_are_active_is_brought_to_them_once(made: Installation):
    publish(made.reader, [OFTEN, {"kind": "segment", "id": "all", "where": {"everyone": True}}])
    assert made.hydrator.round() == []
    made.now += 400
    made.say("c", "1")
    made.now += LEAD_MS
    made.say("c", "2")
    assert [p.id for p in made.hydrator.round()] == ["often"]
    assert made.brought() == {"c": 1}
    made.now += LEAD_MS
    assert made.hydrator.round() == []
    made.start()
    assert made.hydrator.round() == []
    with made.reader.open() as catalogue:
        assert newest(catalogue).get(*KEY).since == START + LEAD_MS


def test_nothing_is_brought_to_the_first_definitions_where_nothing_happened_before_them(made: Installation):
    publish(made.reader, [OFTEN])
    made.now += LEAD_MS
    made.say("c", "1")
    made.archive()
    assert made.hydrator.round() == []
    assert made.switch() is None
