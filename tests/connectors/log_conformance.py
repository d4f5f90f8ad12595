"""What every Log must hold. A log joins by a class with a fixture:

    class TestMyLog(LogConformance):
        @pytest.fixture
        def open_log(self, tmp_path): return lambda: MyLog(…, partitions=4)

`open_log()` opens the same log anew at each call, as another process would; what was opened is closed afterwards.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.log import Log, Progress
from schemas.errors import Fenced, LogUnavailable
from schemas.records import FRESH_MS, LEAD_MS, Entry, Record
from schemas.topics import CHANGES, DEFINITIONS, EVENTS, SENDS, TOPICS

OpenLog = Callable[[], Log]
SOME = (EVENTS, SENDS, DEFINITIONS)


def everything(log: Log, topic: str, limit: int = 2_000) -> dict[int, list[Record]]:
    """All records of a topic, by partition, read in steps of `limit`."""
    found: dict[int, list[Record]] = {}
    for partition in range(log.partitions(topic)):
        records = found[partition] = []
        while batch := log.read(topic, partition, records[-1].offset + 1 if records else 0, limit):
            records += batch
    return found


class LogConformance:
    """The guarantees of `connectors.log.Log`, each a test."""

    @pytest.fixture
    def open_log(self) -> OpenLog:
        raise NotImplementedError("the log's own class says how it is opened")

    @pytest.fixture
    def log(self, open_log: OpenLog) -> Iterator[Log]:
        log = open_log()
        yield log
        log.close()

    def test_every_topic_is_there_and_a_single_one_has_one_partition(self, log: Log) -> None:
        counts = {topic.name: log.partitions(topic.name) for topic in TOPICS}
        assert counts == {topic.name: 1 if topic.single else 4 for topic in TOPICS}

    def test_an_unknown_topic_is_a_key_error(self, log: Log) -> None:
        for use in (
            lambda: log.partitions("no_such_topic"),
            lambda: log.append([Entry("no_such_topic", "k", b"v")]),
            lambda: log.read("no_such_topic", 0, 0),
            lambda: log.end("no_such_topic", 0),
        ):
            with pytest.raises(KeyError):
                use()

    def test_a_partition_that_does_not_exist_is_a_key_error(self, log: Log) -> None:
        with pytest.raises(KeyError):
            log.append([Entry(EVENTS, "k", b"v", partition=4)])
        with pytest.raises(KeyError):
            log.read(EVENTS, -1, 0)

    def test_a_new_log_is_empty(self, log: Log) -> None:
        for partition in range(4):
            assert log.read(EVENTS, partition, 0) == []
            assert log.begin(EVENTS, partition) == log.end(EVENTS, partition) == 0

    def test_what_is_appended_is_read_back_in_order(self, log: Log) -> None:
        landed = log.append([Entry(EVENTS, f"contact-{i}", f"value-{i}".encode()) for i in range(100)])
        records = everything(log, EVENTS)
        for i, (partition, offset, logged_at) in enumerate(landed):
            assert records[partition][offset] == (offset, logged_at, f"contact-{i}", f"value-{i}".encode())
        assert sum(map(len, records.values())) == 100

    def test_offsets_count_up_by_one_from_zero_in_each_partition(self, log: Log) -> None:
        for i in range(10):
            log.append([Entry(EVENTS, f"contact-{i}-{j}", b"v") for j in range(i)])
        for partition, records in everything(log, EVENTS).items():
            assert [r.offset for r in records] == list(range(len(records)))
            assert log.end(EVENTS, partition) == len(records)

    def test_a_key_always_goes_to_the_same_partition_and_keys_spread(self, log: Log, open_log: OpenLog) -> None:
        keys = [f"contact-{i}" for i in range(400)]
        landed = log.append([Entry(EVENTS, key, b"v") for key in keys])
        other = open_log()
        assert [a.partition for a in landed] == [other.partition_of(EVENTS, key) for key in keys]
        assert [a.partition for a in landed] == [log.partition_of(SENDS, key) for key in keys]
        assert {a.partition for a in landed} == {0, 1, 2, 3}
        other.close()

    def test_an_entry_may_name_its_partition(self, log: Log) -> None:
        landed = log.append([Entry(EVENTS, "", b"tick", partition=n) for n in (3, 1, 3)])
        assert [(a.partition, a.offset) for a in landed] == [(3, 0), (1, 0), (3, 1)]

    def test_keys_and_values_of_every_kind_survive(self, log: Log) -> None:
        pairs = [("", b""), ("é \U0001f600 \x00'\"", bytes(range(256))), ("k" * 1_000, b"\xff" * 200_000)]
        landed = log.append([Entry(EVENTS, key, value) for key, value in pairs])
        read = [log.read(EVENTS, a.partition, a.offset, 1)[0] for a in landed]
        assert [(r.key, r.value) for r in read] == pairs

    def test_a_key_that_is_no_text_is_refused_and_nothing_is_appended(self, log: Log) -> None:
        with pytest.raises(UnicodeEncodeError):
            log.append([Entry(EVENTS, "fine", b"v"), Entry(EVENTS, "\ud800", b"v", partition=0)])
        assert everything(log, EVENTS) == {0: [], 1: [], 2: [], 3: []}

    def test_reading_starts_where_asked_and_stops_at_the_limit(self, log: Log) -> None:
        log.append([Entry(DEFINITIONS, "k", str(i).encode()) for i in range(10)])
        assert [r.value for r in log.read(DEFINITIONS, 0, 3, 4)] == [b"3", b"4", b"5", b"6"]
        assert [r.value for r in log.read(DEFINITIONS, 0, 8, 4)] == [b"8", b"9"]
        assert log.read(DEFINITIONS, 0, 10) == log.read(DEFINITIONS, 0, 1_000) == []

    def test_an_append_of_nothing_appends_nothing(self, log: Log) -> None:
        assert log.append([]) == []
        assert everything(log, EVENTS) == {0: [], 1: [], 2: [], 3: []}

    def test_one_append_reaches_several_topics(self, log: Log) -> None:
        entries = [Entry(CHANGES, "c", b"change"), Entry(SENDS, "c", b"send"), Entry(EVENTS, "c", b"event")]
        landed = log.append(entries)
        for entry, (partition, offset, _) in zip(entries, landed, strict=True):
            assert log.read(entry.topic, partition, offset)[0].value == entry.value

    def test_logged_at_never_decreases_within_a_partition(self, log: Log, open_log: OpenLog) -> None:
        other = open_log()
        for i in range(50):
            (log, other)[i % 2].append([Entry(EVENTS, f"contact-{j}", b"v") for j in range(8)])
        other.close()
        for records in everything(log, EVENTS).values():
            times = [r.logged_at for r in records]
            assert times == sorted(times)

    def test_no_append_is_logged_before_a_now_that_was_told(self, log: Log, open_log: OpenLog) -> None:
        other = open_log()
        for _ in range(50):
            told = log.now()
            [appended] = other.append([Entry(EVENTS, "c", b"v")])
            assert told <= appended.logged_at <= log.now()
        other.close()

    def test_what_was_appended_is_there_when_the_log_is_opened_again(self, log: Log, open_log: OpenLog) -> None:
        landed = log.append([Entry(EVENTS, f"contact-{i}", b"v") for i in range(10)])
        log.close()
        again = open_log()
        assert sum(map(len, everything(again, EVENTS).values())) == 10
        [after] = again.append([Entry(EVENTS, "contact-0", b"v")])
        assert after.offset == 1 + max(a.offset for a in landed if a.partition == after.partition)
        assert after.logged_at >= max(a.logged_at for a in landed)
        again.close()

    def test_a_reader_opened_earlier_sees_what_another_appends(self, log: Log, open_log: OpenLog) -> None:
        other = open_log()
        for i in range(20):
            assert other.read(DEFINITIONS, 0, i) == []
            log.append([Entry(DEFINITIONS, "k", b"v")])
            assert [r.offset for r in other.read(DEFINITIONS, 0, i)] == [i]
        other.close()

    def test_a_group_begins_at_zero_and_goes_on_where_it_committed(self, log: Log, open_log: OpenLog) -> None:
        assert log.committed("ingest", EVENTS, 2) == 0
        log.append([Entry(EVENTS, "", b"v", partition=2) for _ in range(9)])
        log.commit(Progress("ingest", {(EVENTS, 2): 7}))
        log.commit(Progress("delivery", {(EVENTS, 2): 3, (EVENTS, 1): 0}))
        log.close()
        again = open_log()
        assert again.committed("ingest", EVENTS, 2) == 7
        assert again.committed("delivery", EVENTS, 2) == 3
        assert again.committed("ingest", EVENTS, 1) == again.committed("ingest", SENDS, 2) == 0
        again.close()

    def test_progress_moves_with_an_append(self, log: Log, open_log: OpenLog) -> None:
        log.append([Entry(EVENTS, "c", b"v")], Progress("ingest", {("crm", 0): 5, ("crm", 1): 6}))
        other = open_log()
        assert [other.committed("ingest", "crm", n) for n in range(4)] == [5, 6, 0, 0]
        assert sum(map(len, everything(other, EVENTS).values())) == 1
        other.close()

    def test_progress_does_not_move_where_the_append_is_refused(self, log: Log) -> None:
        with pytest.raises(KeyError):
            log.append([Entry("no_such_topic", "c", b"v")], Progress("ingest", {("crm", 0): 5}))
        assert log.committed("ingest", "crm", 0) == 0

    def test_the_later_of_two_claims_ends_the_earlier_for_ever(self, log: Log, open_log: OpenLog) -> None:
        other = open_log()
        frozen = log.claim("contacts", [0, 1])
        frozen.append({0: [Entry(CHANGES, "c", b"before")], 1: []}, Progress("contacts", {(EVENTS, 0): 1}))
        heir = other.claim("contacts", [0])
        landed = heir.append({0: [Entry(CHANGES, "c", b"heir"), Entry(SENDS, "c", b"heir")]})
        assert [
            log.read(t, a.partition, a.offset, 1)[0].value for t, a in zip((CHANGES, SENDS), landed[0], strict=True)
        ]
        for _ in range(2):
            with pytest.raises(Fenced):
                frozen.append({0: [Entry(CHANGES, "c", b"too late")]})
            with pytest.raises(Fenced):
                frozen.append({0: []}, Progress("contacts", {(EVENTS, 0): 9}))
        frozen.append({1: [Entry(CHANGES, "c", b"still mine")]})
        values = [r.value for records in everything(log, CHANGES).values() for r in records]
        assert values == [b"before", b"heir", b"still mine"]
        assert other.committed("contacts", EVENTS, 0) == 1
        for claim in (frozen, heir):
            claim.close()
        other.close()

    def test_claims_of_other_roles_and_plain_appends_go_beside(self, log: Log) -> None:
        contacts, delivery = log.claim("contacts", [0, 1]), log.claim("delivery", [0, 1])
        parts = {n: [Entry(CHANGES, "", b"%d" % n, partition=n)] for n in (0, 1)}
        contacts.append(parts, Progress("contacts", {(EVENTS, 0): 1, (EVENTS, 1): 2}))
        delivery.append(parts)
        log.append([Entry(CHANGES, "", b"plain", partition=0)])
        assert [[r.value for r in everything(log, CHANGES)[n]] for n in (0, 1)] == [
            [b"0", b"0", b"plain"],
            [b"1", b"1"],
        ]
        assert [log.committed("contacts", EVENTS, n) for n in (0, 1)] == [1, 2]
        contacts.close()
        delivery.close()

    def test_threads_that_append_at_once_lose_nothing_and_keep_their_order(self, log: Log) -> None:
        def work(thread: int) -> list[tuple[int, int]]:
            keys = [f"{thread}:{i}" for i in range(60)]
            landed = [log.append([Entry(EVENTS, key, key.encode(), partition=thread % 4)])[0] for key in keys]
            return [(a.partition, a.offset) for a in landed]

        with ThreadPoolExecutor(8) as pool:
            told = list(pool.map(work, range(8)))
        records = everything(log, EVENTS)
        for thread, places in enumerate(told):
            assert [records[p][o].value.decode() for p, o in places] == [f"{thread}:{i}" for i in range(60)]
            assert places == sorted(places)
        assert [len(r) for r in records.values()] == [120] * 4

    def test_a_reader_never_sees_a_gap_or_half_an_append(self, log: Log, open_log: OpenLog) -> None:
        reader, finished = open_log(), threading.Event()

        def write() -> None:
            for i in range(100):
                log.append([Entry(DEFINITIONS, "k", str(i).encode()) for _ in range(7)])
            finished.set()

        writer = threading.Thread(target=write)
        writer.start()
        is_last, seen = False, 0
        while not is_last:
            is_last = finished.is_set()
            records = reader.read(DEFINITIONS, 0, 0)
            assert [r.offset for r in records] == list(range(len(records)))
            assert len(records) % 7 == 0
            assert len(records) >= seen
            seen = len(records)
        writer.join()
        assert seen == 700
        reader.close()

    def test_a_closed_log_says_so_and_may_be_closed_again(self, log: Log) -> None:
        log.close()
        log.close()
        with pytest.raises(LogUnavailable):
            log.append([Entry(EVENTS, "c", b"v")])
        with pytest.raises(LogUnavailable):
            log.read(EVENTS, 0, 0)

    @settings(
        max_examples=25,
        deadline=None,  # each example opens a log; a class a log runs them, so several executors do
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(
        appends=st.lists(
            st.lists(
                st.tuples(
                    st.sampled_from([EVENTS, SENDS, DEFINITIONS]), st.text(st.characters(codec="utf-8")), st.binary()
                )
            ),
            max_size=8,
        ),
        limit=st.integers(1, 5),
    )
    def test_it_equals_lists_in_memory(
        self, open_log: OpenLog, appends: list[list[tuple[str, str, bytes]]], limit: int
    ) -> None:
        log = open_log()
        model = {
            (t, p): [(r.key, r.value) for r in rs]
            for t in (EVENTS, SENDS, DEFINITIONS)
            for p, rs in everything(log, t).items()
        }
        for append in appends:
            log.append([Entry(*entry) for entry in append])
            for topic, key, value in append:
                model[topic, log.partition_of(topic, key)].append((key, value))
        for topic in SOME:
            for partition, records in everything(log, topic, limit).items():
                assert [(r.key, r.value) for r in records] == model[topic, partition]
        log.close()

    def test_nothing_is_logged_before_an_instant_that_has_settled(self, log: Log) -> None:
        (first,) = log.append([Entry(EVENTS, "k", b"1")])
        assert not log.settled(first.logged_at + 3_600_000)
        assert log.settled(first.logged_at - 3_600_000)
        assert FRESH_MS < log.lead_ms <= LEAD_MS
        if log.settled(first.logged_at):
            (second,) = log.append([Entry(EVENTS, "k", b"2")])
            assert second.logged_at >= first.logged_at
