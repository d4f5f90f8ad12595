"""What could not be read: kept whole, listed, and read again after a fix."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import dead_letters
from connectors.calls import receive
from connectors.crm_mapping import Mapper
from connectors.dead_letters import DeadLetters, from_bytes, from_record, replayed
from connectors.reread import reread
from connectors.sqlite_log import SqliteLog
from schemas.definitions.crm_mapping import BUILT_IN, CrmMapping
from schemas.errors import UnreadableRecord
from schemas.records import CrmRecord, DeadLetter, Entry, Event, Record, decode_event, encode
from schemas.topics import CRM, DEAD_LETTERS, EVENTS

WON = {"contact_id": "a", "stage": "won", "amount": 5}
DEAL = encode(CrmRecord("deal", "created", "d1", "2026-01-31T09:00:00Z", WON))


def mapper(**body: Any) -> Mapper:
    return Mapper(CrmMapping.model_validate_json(encode({**BUILT_IN, **body})))


def events(entries: list[Entry]) -> list[Event]:
    return [decode_event(e.value) for e in entries if e.topic == EVENTS]


def set_aside(call: str, body: bytes, at: int = 1_000) -> DeadLetter:
    (letter,) = receive(call, body, at).letters
    return letter


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    made = SqliteLog(tmp_path / "log.db")
    yield made
    made.close()


def test_the_same_bytes_make_the_same_letter_and_so_does_the_same_record():
    assert from_bytes("http:track", "why", b"x", 1).id == from_bytes("http:track", "why now", b"x", 2).id
    assert from_bytes("http:track", "why", b"x", 1).id != from_bytes("http:track", "why", b"y", 1).id
    record = Record(7, 5, "k", b"x")
    assert from_record(CRM, 1, record, "why").id == from_record(CRM, 1, record, "other").id
    assert from_record(CRM, 1, record, "why").id != from_record(CRM, 2, record, "why").id


def test_letters_are_listed_once_in_order_by_page_and_source(log):
    letters = [from_bytes(f"http:{'track' if i % 2 else 'batch'}", "why", bytes([i]), i) for i in range(6)]
    log.append([dead_letters.entry_of(letter) for letter in [*letters, letters[0]]])
    index = DeadLetters(log)
    assert [listed.letter for listed in index.page()] == letters
    first = index.page(limit=4)
    assert [listed.letter for listed in index.page(after=first[-1].offset)] == letters[4:]
    assert [listed.letter for listed in index.page(source="http:track")] == letters[1::2]
    assert index.get("nothing") is None


def test_an_index_sees_what_is_appended_later_and_what_was_replayed(log):
    index, letter = DeadLetters(log), from_bytes("crm", "why", b"x", 1)
    assert index.page() == []
    log.append([dead_letters.entry_of(letter)])
    found = index.get(letter.id)
    assert found is not None
    assert not found.is_replayed
    log.append([replayed(letter, 2)])
    assert [listed.is_replayed for listed in index.page()] == [True]
    assert index.page(waiting_only=True) == []


@pytest.mark.parametrize("body", [b'{"userId":"a"}', b"\xff"])
def test_what_still_cannot_be_read_says_why(body):
    with pytest.raises(UnreadableRecord):
        reread(set_aside("track", body), mapper(), 9_000)


def test_a_corrected_call_is_received_when_the_first_one_was():
    letter = set_aside("track", b'{"userId":"a"}', at=1_000)
    entries = reread(letter, mapper(), 9_000, b'{"userId":"a","event":"paid"}')
    (event,) = events(entries)
    assert (event.event, event.at, event.received_at) == ("paid", 1_000, 1_000)
    assert entries[-1] == replayed(letter, 9_000)


def test_one_of_a_batch_and_a_whole_batch_are_read_again_as_what_they_were():
    of_batch = set_aside("batch", b'{"batch":[{"type":"track","userId":"a"}]}')
    assert of_batch.source == "http:event"
    assert len(events(reread(of_batch, mapper(), 1, b'{"type":"page","userId":"a"}'))) == 1
    whole = set_aside("batch", b'{"batch":')
    assert (
        len(
            events(reread(whole, mapper(), 1, b'{"batch":[{"type":"page","userId":"a"},{"type":"page","userId":"b"}]}'))
        )
        == 2
    )
    with pytest.raises(UnreadableRecord, match="event: is missing"):
        reread(whole, mapper(), 1, b'{"batch":[{"type":"page","userId":"a"},{"type":"track","userId":"b"}]}')


def test_a_replay_does_not_lend_outsiders_an_operators_word():
    forged = b'{"userId":"a","event":"email_opened"}'
    letter = set_aside("track", forged)
    with pytest.raises(UnreadableRecord, match="a name of Waxwing's own"):
        reread(letter, mapper(), 1)
    assert events(reread(letter, mapper(), 1, forged))[0].type == "email_opened"


def test_a_crm_record_goes_back_to_its_topic_once_the_mapping_can_read_it():
    letter = from_record(CRM, 0, Record(3, 5, "k1", DEAL), "data.currency: is missing")
    with pytest.raises(UnreadableRecord, match=r"data\.currency: is missing"):
        reread(letter, mapper(), 9_000)
    to = {"type": "track", "event": "deal_won", "user": "data.contact_id"}
    fixed = mapper(rules=[{"entity": "deal", "to": to}])
    assert reread(letter, fixed, 9_000)[0] == Entry(CRM, "k1", DEAL)


def test_an_imported_line_is_read_again_as_history_and_a_row_of_a_table_needs_a_body():
    letter = from_bytes("import:a.csv", "why", b"1,2,3", 1)
    with pytest.raises(UnreadableRecord):
        reread(letter, mapper(), 1)
    (event,) = events(reread(letter, mapper(), 1, b'{"type":"page","userId":"a","timestamp":7}'))
    assert (event.historical, event.at) == (True, 7)


def test_what_another_flow_set_aside_needs_that_flow():
    with pytest.raises(UnreadableRecord, match="cannot be replayed"):
        reread(from_record("examples", 0, Record(0, 0, "", b"x"), "why"), mapper(), 1)
    event = from_record(EVENTS, 0, Record(0, 5, "a", b"x"), "why")
    assert events(reread(event, mapper(), 1, b'{"type":"page","userId":"a"}'))[0].at == 5


def test_the_topic_keeps_the_bytes_whole(log):
    raw = bytes(range(256))
    log.append([dead_letters.entry_of(from_bytes("http:track", "why", raw, 1))])
    assert DeadLetters(log).page()[0].letter.raw == raw
    assert log.read(DEAD_LETTERS, 0, 0)[0].key == EVENTS
