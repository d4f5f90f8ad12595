"""The warehouse flow, from a real log into the real engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import OperationalError

from connectors.log import Log
from connectors.sqlite_log import SqliteLog
from flows.warehouse.flow import ChunkPuller, persist, prepare, rows_of, run
from schemas.errors import StateAhead
from schemas.records import Attempt, Change, Definition, Entry, Event, Send, encode
from sinks.clickhouse import ClickHouse
from tests.clickhouse import emptied

T = 1_790_000_000_000
PATIENCE_S = 30.0


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    opened = SqliteLog(tmp_path / "log.db", partitions=2)
    yield opened
    opened.close()


@pytest.fixture
def clickhouse() -> ClickHouse:
    return emptied()


class Flaky(ClickHouse):
    """The real engine behind a line that is cut for a while, and once in the middle of a write."""

    def __init__(self, inner: ClickHouse, failures: int):
        super().__init__(url="http://flaky.example:8123")
        self.inner, self.failures, self.failed = inner, failures, threading.Event()

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        if self.failures > 0 and table != "sends":  # some tables are written, others are not
            self.failures -= 1
            self.failed.set()
            raise OperationalError("the line is cut")
        self.inner.insert(table, columns, rows)

    def query(self, sql: str, parameters: Any = None) -> list[dict[str, Any]]:
        return self.inner.query(sql, parameters)

    def command(self, sql: str) -> None:
        self.inner.command(sql)


@contextmanager
def running(log: Log, clickhouse: ClickHouse) -> Iterator[None]:
    stop = threading.Event()
    flow = threading.Thread(target=run, args=(log, clickhouse, stop.is_set))
    flow.start()
    try:
        yield
    finally:
        stop.set()
        flow.join(PATIENCE_S)
    assert not flow.is_alive()


def caught_up(log: Log, clickhouse: ClickHouse) -> Callable[[], bool]:
    def ask() -> bool:
        places = prepare(clickhouse, lambda: True) or {}
        topics = ("events", "changes", "sends", "attempts", "definitions", "dead_letters", "crm_commands", "examples")
        ends = {(topic, n): log.end(topic, n) for topic in topics for n in range(log.partitions(topic))}
        return all(places.get(where, 0) == end for where, end in ends.items())

    return ask


def wait_until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.02)):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError("it did not come to pass")


def catch_up(log: Log, clickhouse: ClickHouse) -> None:
    with running(log, clickhouse):
        wait_until(caught_up(log, clickhouse))


def page(contact: str, id: str) -> Entry:
    return Entry("events", contact, encode(Event("page", id=id, at=T, user_id=contact)))


def change(contact: str, id: str, kind: str, at: int, **fields: Any) -> Entry:
    return Entry("changes", contact, encode(Change(id, kind, contact, at, **fields)))


def one(clickhouse: ClickHouse, sql: str) -> Any:
    (row,) = clickhouse.query(sql)
    return next(iter(row.values()))


def test_every_record_is_there_once(log, clickhouse):
    log.append([page(f"c{i % 7}", f"e{i}") for i in range(500)])
    catch_up(log, clickhouse)
    log.append([page("late", "e500")])
    catch_up(log, clickhouse)  # a second run goes on where the first one was
    assert one(clickhouse, "SELECT count() FROM events") == 501
    raw = {row["raw"].encode() for row in clickhouse.query("SELECT raw FROM events")}
    assert raw == {r.value for n in range(2) for r in log.read("events", n, 0)}


def test_rows_that_a_crash_repeats_do_not_show(log, clickhouse):
    log.append([page("ann", "e1"), change("ann", "c1", "segment_entered", T, segment="vip")])
    catch_up(log, clickhouse)
    clickhouse.command("TRUNCATE TABLE warehouse_progress")  # the rows were written, the place was not
    catch_up(log, clickhouse)
    assert one(clickhouse, "SELECT count() FROM events FINAL") == 1
    assert one(clickhouse, "SELECT count() FROM segment_membership_changes FINAL") == 1
    assert one(clickhouse, "SELECT count() FROM segment_memberships") == 1
    assert one(clickhouse, "SELECT sum(1) FROM contacts FINAL") == 1


def test_conclusions_that_the_fold_repeats_do_not_show_and_the_last_flip_stands(log, clickhouse):
    story = [
        change("ann", "c1", "segment_entered", T, segment="vip"),
        change("ann", "c2", "segment_left", T + 5, segment="vip"),
        change("ann", "c3", "segment_entered", T + 5, segment="vip"),  # at the same instant, later in the log
        change("bob", "c4", "segment_entered", T, segment="vip"),
        change("bob", "c5", "segment_left", T + 9, segment="vip"),
    ]
    log.append(story)
    catch_up(log, clickhouse)
    log.append(story[1:])
    catch_up(log, clickhouse)
    assert clickhouse.query("SELECT contact FROM segment_memberships WHERE segment = 'vip'") == [{"contact": "ann"}]
    assert one(clickhouse, "SELECT count() FROM segment_membership_changes FINAL") == 5


@pytest.mark.parametrize("failures", [1, 4])
def test_while_clickhouse_is_away_the_flow_waits_and_then_has_everything(log, clickhouse, failures, caplog):
    flaky = Flaky(clickhouse, failures)
    log.append([page(f"c{i}", f"e{i}") for i in range(50)])
    log.append([Entry("sends", "c1", encode(Send("s1", "c1", T, T + 1, "email")))])
    with running(log, flaky):
        assert flaky.failed.wait(PATIENCE_S)
        log.append([page("meanwhile", "e50")])
        wait_until(caught_up(log, clickhouse))
    assert one(clickhouse, "SELECT count() FROM events FINAL") == 51
    assert one(clickhouse, "SELECT count() FROM sends FINAL") == 1
    assert "the line is cut" in caplog.text
    assert f"is back after {failures} tries" in caplog.text


def test_told_to_stop_while_clickhouse_is_away_the_flow_ends_and_keeps_its_place(log, clickhouse):
    flaky = Flaky(clickhouse, failures=10**9)
    log.append([page("ann", "e1")])
    with running(log, flaky):
        assert flaky.failed.wait(PATIENCE_S)
    assert clickhouse.query("SELECT * FROM warehouse_progress") == []
    catch_up(log, clickhouse)
    assert one(clickhouse, "SELECT count() FROM events FINAL") == 1


def test_what_is_to_be_kept_is_tried_until_it_is_done_or_told_to_stop():
    tries: list[int] = []

    def act() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise OSError("away")

    assert persist(act, lambda: False, "somewhere")
    assert len(tries) == 3
    tries.clear()
    assert not persist(act, lambda: True, "somewhere")
    assert len(tries) == 1


def test_a_row_that_clickhouse_cannot_read_holds_up_nobody(log, clickhouse):
    log.append([change("ann", f"c{i}", "touch", T, version=-1 if i == 3 else 1) for i in range(8)])
    catch_up(log, clickhouse)
    assert one(clickhouse, "SELECT count() FROM changes FINAL") == 7
    (letter,) = clickhouse.query("SELECT source, base64Decode(raw) AS raw FROM dead_letters FINAL")
    assert letter["source"] == "clickhouse.changes"
    assert '"c3"' in letter["raw"]


def test_unreadable_records_are_dead_letters_once_and_kept(log, clickhouse):
    log.append([Entry("events", "ann", b"nonsense"), Entry("sends", "ann", b"{}")])
    catch_up(log, clickhouse)
    clickhouse.command("TRUNCATE TABLE warehouse_progress")
    catch_up(log, clickhouse)
    letters = clickhouse.query("SELECT source FROM dead_letters FINAL ORDER BY source")
    assert [letter["source"] for letter in letters] == ["events", "sends"]
    assert one(clickhouse, "SELECT raw FROM events FINAL") == "nonsense"


def test_a_log_restored_from_an_older_copy_is_refused(log):
    with pytest.raises(StateAhead, match=r"events partition 1 up to offset 5, the log ends at 0"):
        ChunkPuller(log, {("events", 1): 5})


def test_a_chunk_takes_from_every_partition_and_says_how_far_each_is_complete(log):
    appended = log.append([page(f"c{i}", f"e{i}") for i in range(20)])
    (chunk,) = ChunkPuller(log, {}, limit=3).pull()
    for place in chunk.places:
        assert place.next_offset == 3
        third = next(a for a in appended if (a.partition, a.offset) == (place.partition, 2))
        assert place.complete_until == third.logged_at  # others may carry the same time: it is a bound, exclusive
    assert len(rows_of(chunk).tables["events"]) == 6


def test_the_first_record_of_a_version_wins(log, clickhouse):
    def publish(version: int, name: str) -> Entry:
        body = {"kind": "segment", "id": "vip", "name": name, "where": {"everyone": True}}
        return Entry("definitions", "segment/vip", encode(Definition("segment", "vip", "publish", version, body)))

    def act(op: Any, version: int) -> Entry:
        return Entry("definitions", "segment/vip", encode(Definition("segment", "vip", op, version)))

    def current() -> list[tuple[int, str]]:
        catch_up(log, clickhouse)
        return [(row["version"], row["name"]) for row in clickhouse.query("SELECT * FROM marketing_segments")]

    log.append([publish(1, "one"), publish(2, "two"), publish(2, "another two")])
    assert current() == [(2, "two")]
    log.append([act("rollback", 9)])  # there is no such version
    assert current() == [(2, "two")]
    log.append([act("rollback", 1)])
    assert current() == [(1, "one")]
    log.append([act("delete", 1)])
    assert current() == []
    log.append([publish(3, "three")])
    assert current() == [(3, "three")]
    assert one(clickhouse, "SELECT count() FROM audit_logs") == 7
    assert one(clickhouse, "SELECT count() FROM segment_conditions") == 3


STORIES = {
    "queued": [],
    "sent": ["accepted"],
    "failed": ["refused"],
    "skipped": ["skipped"],
    "unknown": ["unknown"],
}


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ([], "queued"),
        (["started"], "unknown"),  # it began long ago and has no end
        (["started", "retry"], "unknown"),
        (["started", "accepted"], "sent"),
        (["started", "refused"], "failed"),
        (["skipped"], "skipped"),
        (["started", "unknown"], "unknown"),
        (["started", "unknown", "email_delivered"], "sent"),
        (["started", "accepted", "email_bounced"], "sent"),
        (["started", "refused", "started", "accepted"], "sent"),
        (["email_opened"], "sent"),
    ],
)
def test_a_message_has_one_status(log, clickhouse, said, status):
    log.append([Entry("sends", "ann", encode(Send("s", "ann", T, T + 1, "email", journey="welcome")))])
    for number, word in enumerate(said):
        if "_" in word:
            outcome = Event(word, id=f"o{number}", at=T + number, properties={"send": "s"})
            log.append([Entry("events", "ann", encode(outcome))])
        else:
            log.append([Entry("attempts", "ann", encode(Attempt("s", "ann", number, word, T + number)))])
    catch_up(log, clickhouse)
    assert clickhouse.query("SELECT send, status, campaign FROM message_status") == [
        {"send": "s", "status": status, "campaign": "welcome"}
    ]


def test_each_campaign_s_planned_messages_are_in_exactly_one_place(log, clickhouse):
    for i in range(60):
        contact, campaign = f"c{i}", ("spring", "")[i % 2]
        status = list(STORIES)[i % 5]
        send = Send(f"s{i}", contact, T, T + 1, "email", campaign=campaign, journey="welcome")
        log.append([Entry("sends", contact, encode(send))] * (1 + i % 2))  # some are said twice
        for word in STORIES[status]:
            log.append([Entry("attempts", contact, encode(Attempt(f"s{i}", contact, 1, word, T)))] * (1 + i % 3))
    log.append([change("x", "k", "send_skipped", T, send="s-x", journey="welcome", reason="no_consent")])
    log.append([Entry("events", "y", encode(Event("email_opened", id="o", properties={"send": "planned elsewhere"})))])
    catch_up(log, clickhouse)
    totals = {row.pop("campaign"): row for row in clickhouse.query("SELECT * FROM message_totals")}
    assert {name: row["planned"] for name, row in totals.items()} == {"spring": 30, "welcome": 31}
    for row in totals.values():
        assert row["planned"] == sum(row[status] for status in STORIES)
    assert [totals["spring"][status] for status in STORIES] == [6, 6, 6, 6, 6]
    assert totals["welcome"]["skipped"] == 7
