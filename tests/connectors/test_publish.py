"""Definitions onto the log and back, over a real log."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.publish import CatalogueReader, delete, newest, publish, rollback
from connectors.sqlite_log import SqliteLog
from schemas.errors import InvalidInput, VersionTaken
from schemas.records import Definition, Entry, Event, decode_definition, encode
from schemas.topics import DEFINITIONS, EVENTS


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    made = SqliteLog(tmp_path / "log.db")
    yield made
    made.close()


@pytest.fixture
def reader(log: SqliteLog) -> CatalogueReader:
    return CatalogueReader(log)


def topic(id: str = "news", **fields: Any) -> dict[str, Any]:
    return {"kind": "topic", "id": id, **fields}


def current(reader: CatalogueReader, id: str = "news") -> tuple[int, Any] | None:
    with reader.open() as catalogue:
        found = newest(catalogue).get("topic", id)
    return None if found is None else (found.version, found.body)


def test_what_is_published_is_read_back_as_it_was_written(reader):
    assert publish(reader, [topic(name="News")], "ann") == [("topic", "news", 1, True)]
    assert current(reader) == (1, topic(name="News"))
    record = decode_definition(reader.log.read(DEFINITIONS, 0, 0)[0].value)
    assert record == Definition("topic", "news", "publish", 1, topic(name="News"), "ann")


def test_only_what_changed_becomes_a_version_whatever_the_order_of_its_keys(reader):
    publish(reader, [topic(name="News", channel="email"), topic("sport")])
    again = publish(
        reader, [{"channel": "email", "name": "News", "id": "news", "kind": "topic"}, topic("sport", name="S")]
    )
    assert again == [("topic", "news", 1, False), ("topic", "sport", 2, True)]
    assert reader.log.end(DEFINITIONS, 0) == 3


def test_nothing_is_published_where_one_has_a_fault_and_all_faults_are_said(reader):
    with pytest.raises(InvalidInput) as caught:
        publish(
            reader, [topic(), topic("a b"), topic("sport", channel="fax"), topic(), {"kind": "nonsense", "id": "x"}]
        )
    text = str(caught.value)
    assert all(part in text for part in ("topic a b: id", "topic sport: channel", "given twice", "nonsense x: kind"))
    assert reader.log.end(DEFINITIONS, 0) == 0


def test_a_rollback_makes_an_earlier_version_current_and_the_next_is_a_new_one(reader):
    publish(reader, [topic(name="1")])
    publish(reader, [topic(name="2")])
    rollback(reader, "topic", "news", 1)
    assert current(reader) == (1, topic(name="1"))
    assert publish(reader, [topic(name="2")]) == [("topic", "news", 3, True)]


def test_what_is_deleted_is_gone_and_can_be_brought_back(reader):
    publish(reader, [topic()])
    delete(reader, "topic", "news")
    assert current(reader) is None
    rollback(reader, "topic", "news", 1)
    assert current(reader) == (1, topic())


def test_what_does_not_exist_cannot_be_rolled_back_to_or_deleted(reader):
    with pytest.raises(InvalidInput, match="nothing was ever published"):
        rollback(reader, "topic", "news", 1)
    publish(reader, [topic()])
    with pytest.raises(InvalidInput, match="7 does not exist; there are 1"):
        rollback(reader, "topic", "news", 7)
    with pytest.raises(InvalidInput, match="no such definition"):
        delete(reader, "topic", "sport")


def test_an_editor_who_has_seen_another_version_is_refused(reader):
    key = ("topic", "news")
    assert publish(reader, [topic()], expected={key: 0})
    publish(reader, [topic(name="2")], expected={key: 1})
    with pytest.raises(VersionTaken, match="is at version 2, not at 1"):
        publish(reader, [topic(name="mine")], expected={key: 1})
    with pytest.raises(VersionTaken):
        delete(reader, "topic", "news", expected=1)
    with pytest.raises(VersionTaken, match="does not exist"):
        rollback(reader, "topic", "other", 1, expected=1)


def test_a_version_that_another_process_wrote_first_is_not_ours(log, reader, monkeypatch):
    """Between our reading and our appending somebody else publishes the same version."""
    append = log.append

    def late(entries: list[Entry], *rest: Any) -> Any:
        append(
            [Entry(DEFINITIONS, "topic/news", encode(Definition("topic", "news", "publish", 1, topic(name="theirs"))))]
        )
        return append(entries, *rest)

    monkeypatch.setattr(log, "append", late)
    with pytest.raises(VersionTaken, match="somebody else published topic news version 1"):
        publish(reader, [topic(name="ours")])
    monkeypatch.undo()
    assert current(reader) == (1, topic(name="theirs"))


@pytest.mark.slow
def test_of_editors_at_the_same_time_each_version_has_one(tmp_path):
    """Eight editors, each with a log and reader of its own, add ten versions each; who is second tries again."""
    SqliteLog(tmp_path / "log.db").close()
    won: list[int] = []

    def edit(name: int) -> None:
        own = SqliteLog(tmp_path / "log.db")
        reader = CatalogueReader(own)
        for number in range(10):
            while True:
                try:
                    won.append(publish(reader, [topic(name=f"{name}/{number}")])[0].version)
                    break
                except VersionTaken:
                    continue
        own.close()

    editors = [threading.Thread(target=edit, args=(n,)) for n in range(8)]
    for editor in editors:
        editor.start()
    for editor in editors:
        editor.join()
    assert sorted(won) == list(range(1, 81))


# What must fit together


def segment(id: str, **where: Any) -> dict[str, Any]:
    return {"kind": "segment", "id": id, "where": where}


def test_segments_that_ask_about_each_other_are_refused_whoever_came_first(reader):
    publish(reader, [segment("a", segment="b"), segment("b", everyone=True)])
    with pytest.raises(InvalidInput, match="a → b → a"):
        publish(reader, [segment("b", segment="a")])
    with pytest.raises(InvalidInput, match="ask about each other"):
        publish(reader, [segment("x", segment="y"), segment("y", **{"not": {"segment": "x"}})])
    assert reader.log.end(DEFINITIONS, 0) == 2


def test_a_rollback_that_would_close_a_cycle_is_refused(reader):
    publish(reader, [segment("a", segment="b"), segment("b", everyone=True)])
    publish(reader, [segment("a", everyone=True)])
    publish(reader, [segment("b", segment="a")])
    with pytest.raises(InvalidInput, match="ask about each other"):
        rollback(reader, "segment", "a", 1)
    rollback(reader, "segment", "b", 1)
    rollback(reader, "segment", "a", 1)


# --- what asks about the past

BOUGHT: dict[str, Any] = {"performed": "order_completed"}


def happened(log: SqliteLog) -> None:
    log.append([Entry(EVENTS, "c", encode(Event("track", "1", 0, "order_completed")))])


def warming(reader: CatalogueReader) -> set[str]:
    with reader.open() as catalogue:
        return {id for _, id in newest(catalogue).warming}


def test_nothing_warms_up_before_anything_has_happened(reader):
    publish(reader, [segment("bought", **BOUGHT)])
    assert warming(reader) == set()


def test_what_asks_about_a_past_that_nobody_knows_warms_up_and_what_does_not_is_current_at_once(reader, log):
    happened(log)
    publish(reader, [segment("bought", **BOUGHT), segment("gold", trait="plan", op="eq", value="gold")])
    assert warming(reader) == {"bought"}
    assert publish(reader, [segment("bought", **BOUGHT)]) == [("segment", "bought", 1, False)]


def test_what_asks_leaves_that_are_whole_is_current_at_once(reader, log):
    publish(reader, [segment("bought", **BOUGHT)])
    happened(log)
    publish(reader, [segment("not-bought", **{"not": BOUGHT})])
    assert warming(reader) == set()


def test_what_asks_about_a_segment_that_warms_up_waits_with_it(reader, log):
    happened(log)
    other = {"or": [{"segment": "bought"}, {"trait": "plan", "op": "exists"}]}
    publish(reader, [segment("either", **other), segment("bought", **BOUGHT)])
    assert warming(reader) == {"bought", "either"}
    publish(reader, [segment("later", **{"not": {"segment": "either"}})])
    assert warming(reader) == {"bought", "either", "later"}


def test_what_warms_up_is_cancelled_by_a_delete_and_a_rollback_brings_back_what_is_whole_at_once(reader, log):
    publish(reader, [segment("bought", **BOUGHT)])
    happened(log)
    publish(reader, [segment("bought", **BOUGHT, within="7d"), segment("new", performed="login")])
    assert warming(reader) == {"bought", "new"}
    rollback(reader, "segment", "bought", 1, expected=2)
    delete(reader, "segment", "new", expected=1)
    assert warming(reader) == set()
    rollback(reader, "segment", "bought", 2)
    assert warming(reader) == {"bought"}
