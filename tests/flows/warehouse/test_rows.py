"""Records as rows."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import msgspec
import pytest

from flows.warehouse.rows import COLUMNS, TOPICS, Tables, add_rows, moment
from schemas.ids import uuid5
from schemas.records import (
    Attempt,
    Change,
    CrmCommand,
    DeadLetter,
    Definition,
    Event,
    Example,
    Record,
    Send,
    encode,
)
from schemas.topics import NAMES

T = 1_790_000_000_123


def rows(topic: str, *values: bytes, key: str = "ann", logged_at: int = T, partition: int = 3) -> dict[str, list[Any]]:
    tables: Tables = {}
    records = [Record(offset, logged_at, key, value) for offset, value in enumerate(values)]
    add_rows(topic, partition, records, tables)
    return {t: [dict(zip(COLUMNS[t], row, strict=True)) for row in found] for t, found in tables.items()}


def test_all_topics_are_kept_but_the_crm_s_own():
    assert set(TOPICS) == set(NAMES) - {"crm"}


def test_an_event_is_kept_whole_and_by_its_parts():
    value = b'{"type":"track","id":"m","at":1790000000000,"event":"paid","properties":{"total": 1.10,"n":98765432109876543210},"user_id":"ann"}'  # noqa: E501
    (row,) = rows("events", value)["events"]
    assert row | {"raw": ""} == {
        "partition": 3, "offset": 0, "logged_at": T / 1000, "contact": "ann", "type": "track", "name": "paid",
        "id": "m", "at": 1_790_000_000.0, "received_at": 0.0, "user_id": "ann", "anonymous_id": "", "previous_id": "",
        "group_id": "", "properties": '{"total": 1.10,"n":98765432109876543210}', "traits": "{}", "context": "{}",
        "historical": False, "raw": "",
    }  # fmt: skip
    assert row["raw"].encode() == value


@pytest.mark.parametrize("type", ["identify", "page", "email_opened", "tick"])
def test_what_is_no_track_is_called_by_its_type(type):
    assert rows("events", encode(Event(type, event="x")))["events"][0]["name"] == type


def test_no_event_happened_after_it_was_logged():
    assert rows("events", encode(Event("page", at=T + 1)))["events"][0]["at"] == T / 1000


@pytest.mark.parametrize(
    "value",
    [b"", b"nonsense", b"[]", b'{"type":7}', b'{"type":"track","properties":[1]}', b'{"type":"track","id":"\xff"}'],
)
def test_an_event_that_cannot_be_read_is_kept_with_its_bytes_and_is_a_dead_letter(value):
    found = rows("events", value)
    (event,), (letter,) = found["events"], found["dead_letters"]
    assert (event["type"], event["contact"], event["offset"], event["at"]) == ("", "ann", 0, T / 1000)
    assert b64decode(letter["raw"]) == value
    assert (letter["source"], letter["partition"], letter["offset"], letter["key"]) == ("events", 3, 0, "ann")
    assert letter["id"] == uuid5("dead", "events", 3, 0)  # as the contacts flow calls it: it stands once


def test_what_follows_an_unreadable_record_is_read():
    found = rows("changes", b"?", encode(Change("c", "touch", "ann", T)))
    assert [row["id"] for row in found["changes"]] == ["c"]
    assert len(found["dead_letters"]) == 1


@pytest.mark.parametrize(
    ("ms", "expected"),
    [(0, 0.0), (-1, -0.001), (T, 1_790_000_000.123), (-(10**15), -2_208_988_800.0), (10**18, 10_413_791_999.999)],
)
def test_an_instant_that_no_column_holds_is_the_nearest_one_that_does(ms, expected):
    assert moment(ms) == expected


EXAMPLES = {
    "changes": Change("i", "credit", "ann", T, amount_minor=5, value={"a": 1}),
    "sends": Send("i", "ann", T, T + 1, "email", data={"name": "Ann"}),
    "attempts": Attempt("i", "ann", 2, "accepted", T),
    "definitions": Definition("topic", "news", "publish", 1, {"kind": "topic"}),
    "examples": Example("i", "m", "ann", T, [0.5, 1.0], 1, T),
    "crm_commands": CrmCommand("i", "ann", T, "add_tag", data={"tag": "vip"}),
    "dead_letters": DeadLetter("i", "crm", "no", b"\xff", T),
}
TABLE = {"attempts": "delivery_logs"}


@pytest.mark.parametrize("topic", EXAMPLES)
def test_each_record_is_one_row_with_its_fields(topic):
    record = EXAMPLES[topic]
    ((table, (row,)),) = rows(topic, encode(record)).items()
    assert table == TABLE.get(topic, topic)
    fields = msgspec.structs.asdict(record)
    named = {name: value for name, value in fields.items() if name in row}
    assert len(named) >= len(row) - 4  # but for its place in the log and what is called otherwise
    for name, value in named.items():
        assert row[name] == as_column(name, value), name


def as_column(name: str, value: Any) -> Any:
    if name in ("at", "expires", "labelled_at"):
        return value / 1000
    if isinstance(value, dict):
        return encode(value).decode()
    return {b"\xff": "/w=="}.get(value, value) if isinstance(value, bytes) else value


def test_an_attempt_is_named_by_its_number_and_status():
    values = [encode(Attempt("i", "ann", n, s, T)) for n, s in ((1, "started"), (1, "retry"), (2, "started"))]
    assert [row["id"] for row in rows("attempts", *values)["delivery_logs"]] == ["1.started", "1.retry", "2.started"]


def test_a_segment_s_leaves_are_listed_with_their_paths():
    where = {"and": [{"trait": "plan"}, {"not": {"or": [{"performed": "a"}, {"everyone": True}]}}]}
    value = encode(Definition("segment", "vip", "publish", 2, {"where": where}))
    leaves = rows("definitions", value)["segment_leaves"]
    assert {(leaf["path"], leaf["leaf"]) for leaf in leaves} == {
        ("where.and.0", '{"trait":"plan"}'),
        ("where.and.1.not.or.0", '{"performed":"a"}'),
        ("where.and.1.not.or.1", '{"everyone":true}'),
    }


def test_a_version_that_warms_up_is_told_from_one_that_is_current():
    warming = Definition("segment", "vip", "publish", 2, {"where": {"everyone": True}}, warming=True)
    tables: Tables = {}
    add_rows("definitions", 0, [Record(7, 1_000, "segment/vip", encode(warming))], tables)
    assert [row[4] for row in tables["definitions"]] == ["warm"]
