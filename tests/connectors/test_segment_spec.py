"""Segment's calls as events. Instants are small numbers of ms, so that each case can be worked out by hand."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.segment_spec import CALL_LIMIT, contact_of, entry_of, read_call, read_event, read_instant
from schemas.errors import UnreadableRecord
from schemas.ids import NAMESPACE
from schemas.records import Event, decode_event

NOW = 1_000_000


def read(received_at: int | None = NOW, trusted: bool = False, sent_at: int | None = None, **fields: Any) -> Event:
    call = {"type": "track", "event": "paid", "userId": "ann", **fields}
    return read_event(call, received_at, trusted=trusted, sent_at=sent_at)


def refusal(**fields: Any) -> str:
    with pytest.raises(UnreadableRecord) as caught:
        read(**fields)
    return str(caught.value)


def test_a_track_call_is_an_event_with_its_name_and_properties():
    event = read(messageId="m", timestamp=500, properties={"total": 12.5}, context={"ip": "::1"})
    expected = Event("track", "m", 500, "paid", {"total": 12.5}, user_id="ann", received_at=NOW, context={"ip": "::1"})
    assert event == expected
    assert event.name == "paid"


def test_an_identify_carries_traits():
    event = read(type="identify", traits={"plan": "gold"})
    assert (event.type, event.event, event.traits) == ("identify", "", {"plan": "gold"})


@pytest.mark.parametrize("type", ["page", "screen"])
def test_name_and_category_of_a_page_become_properties_and_do_not_replace_its_own(type: str):
    event = read(type=type, name="Rates", category="Docs", properties={"category": "mine", "path": "/r"})
    assert event.properties == {"name": "Rates", "category": "mine", "path": "/r"}


def test_a_group_names_its_account_and_an_alias_its_former_id():
    assert read(type="group", groupId=7).group_id == "7"
    assert read(type="alias", previousId="anon").previous_id == "anon"
    assert read(type="alias", anonymousId="anon").anonymous_id == "anon"


def test_numbers_stand_for_ids_and_the_contact_is_the_user_else_the_anonymous_id():
    assert contact_of(read(userId=42)) == "42"
    assert contact_of(read(userId=42.0)) == "42"
    assert contact_of(read(userId=None, anonymousId="x")) == "x"
    assert contact_of(read(userId="", anonymousId="x")) == "x"
    assert entry_of(read(userId=42)).key == "42"


def test_what_the_address_says_comes_before_the_calls_own_type():
    assert read_event({"type": "track", "userId": "a"}, NOW, call="identify").type == "identify"


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"userId": None}, "userId: is missing"),
        ({"userId": " "}, "userId: is missing"),
        ({"userId": True}, "userId: expected"),
        ({"userId": {"id": 1}}, "userId: expected"),
        ({"userId": "a\x00b"}, "userId: 'a\\x00b' holds a control character"),
        ({"userId": "x" * 513}, "userId: has 513 characters"),
        ({"userId": "account:7"}, "userId: 'account:7' begins like a key"),
        ({"userId": None, "anonymousId": "address:7"}, "anonymousId: 'address:7' begins like a key"),
        ({"event": None}, "event: is missing"),
        ({"event": 5}, "event: expected `str | null`, got `int`"),
        ({"event": "email_opened"}, "event: 'email_opened' is a name of Waxwing's own"),
        ({"event": "tick"}, "event: 'tick' is a name of Waxwing's own"),
        ({"type": "consent_changed"}, "type: 'consent_changed' is none of"),
        ({"type": "tick"}, "type: 'tick' is none of"),
        ({"type": "nonsense"}, "type: 'nonsense' is none of alias, group"),
        ({"type": "group"}, "groupId: is missing"),
        ({"type": "alias"}, "previousId: an alias call needs"),
        ({"properties": [1]}, "properties: expected `object | null`, got `array`"),
        ({"timestamp": "yesterday"}, "timestamp: 'yesterday' is no instant"),
        ({"timestamp": True}, "timestamp: expected"),
        ({"timestamp": 1e300}, "timestamp: 1e+300 is not within"),
        ({"sentAt": "x", "timestamp": 5}, "sentAt: 'x' is no instant"),
        ({"properties": {"a": 1 << 64}}, "call: holds an integer of more than 64 bits"),
        ({"properties": {"a": "x" * CALL_LIMIT}}, "call: has "),
    ],
)
def test_a_refusal_begins_with_the_place(fields: dict[str, Any], place: str):
    assert refusal(**fields).startswith(place)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


def test_nesting_is_taken_to_a_depth_and_no_deeper():
    assert read(properties=nested(31))
    assert refusal(properties=nested(33)).startswith("properties: is nested deeper than 32")
    assert refusal(properties=nested(900)).startswith("properties: is nested deeper")
    deep = b'{"type":"track","event":"e","userId":"u","properties":{"a":' + b"[" * 15_000 + b"]" * 15_000 + b"}}"
    with pytest.raises(UnreadableRecord, match=r"call: is no JSON|nested deeper"):  # as deep as the reader goes
        read_call(deep, NOW)


def test_many_shallow_parts_are_fine():
    assert read(properties={"items": [{"sku": i} for i in range(200)]})


@pytest.mark.parametrize("data", [b"", b"[]", b"nul", b'{"type":"track"', b'{"userId":"\xff"}', b'{"a":NaN}', b"7"])
def test_bytes_that_are_no_call_are_refused(data: bytes):
    with pytest.raises(UnreadableRecord):
        read_call(data, NOW)


# When it happened


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:00:01.500Z", 1_500),
        ("1970-01-01T02:00:01.500+02:00", 1_500),
        ("1970-01-01T00:00:01.500999Z", 1_500),
        ("1970-01-01T00:00:01", 1_000),
        ("1970-01-02", 86_400_000),
        (1_500, 1_500),
        (1_500.9, 1_500),
    ],
)
def test_instants_are_iso_or_milliseconds_and_without_an_offset_utc(text: Any, at: int):
    assert read_instant(text) == at


@pytest.mark.parametrize(
    ("timestamp", "sent", "expected"),
    [
        (None, None, NOW),  # nothing said: when it came
        (400, None, 400),
        (400, 500, NOW - 100),  # 100 ms before it was sent, whatever the sender's clock showed
        (2 * NOW, 2 * NOW + 100, NOW - 100),  # a clock ahead
        (2 * NOW, None, NOW),  # never after it came
        (600, 500, NOW),  # later than it was sent: never after it came
    ],
)
def test_the_senders_clock_is_corrected(timestamp: int | None, sent: int | None, expected: int):
    assert read(timestamp=timestamp, sentAt=sent).at == expected
    assert read(timestamp=timestamp, sent_at=sent).at == expected


def test_a_calls_own_sent_at_comes_before_the_batchs():
    assert read(timestamp=400, sentAt=500, sent_at=450).at == NOW - 100


def test_a_timestamp_that_segment_corrected_already_is_not_corrected_again():
    assert read(timestamp=700, originalTimestamp=400, sentAt=500).at == 700
    assert read(originalTimestamp=400, sentAt=500).at == NOW - 100


def test_a_line_of_a_file_is_received_when_it_says_or_else_when_it_happened():
    assert (read(None, timestamp=400, sentAt=500).at, read(None, timestamp=400).received_at) == (400, 400)
    for name in ("receivedAt", "received_at"):
        line = {"type": "track", "event": "e", "userId": "a", "timestamp": 400, "sentAt": 500, name: 900}
        event = read_event(line)
        assert (event.at, event.received_at) == (800, 900)
    with pytest.raises(UnreadableRecord, match="timestamp: is missing"):
        read(None)


@given(st.integers(-(10**15), 10**15), st.integers(-(10**15), 10**15) | st.none(), st.integers(0, 10**13))
def test_at_is_never_after_received_at_nor_outside_of_the_calendar(timestamp: int, sent: int | None, received: int):
    try:
        event = read(received, timestamp=timestamp, sentAt=sent)
    except UnreadableRecord:
        return
    assert -62_135_596_800_000 <= event.at <= event.received_at == received


# Which message


def test_without_a_message_id_the_same_bytes_that_say_when_it_happened_are_the_same_event():
    line = b'{"userId":"a","event":"e","timestamp":"2026-01-01T00:00:00Z"}'
    first, again = read_call(line, 1_800_000_000_000, call="track"), read_call(line, 1_800_000_000_001, call="track")
    other = read_call(line.replace(b'"e"', b'"f"'), 1_800_000_000_000, call="track")
    assert first.id == again.id != other.id
    assert first.id == str(uuid.uuid5(NAMESPACE, f"call\x1ftrack\x1f{line.decode()}"))


def test_without_a_message_id_and_a_time_what_is_said_again_happened_again():
    line = b'{"userId":"a","event":"e"}'
    ids = {read_call(line, at, call="track", place=place).id for at in (1, 2) for place in (0, 1)}
    assert len(ids) == 4
    assert read_call(line, 1, call="track").id == read_call(line, 1, call="track").id  # a dead letter read again


# Waxwing's own facts


def test_an_operator_may_state_own_facts_by_name_or_by_type():
    by_name = read(trusted=True, event="email_opened", properties={"send": "s"})
    by_type = read(trusted=True, type="email_opened", event=None, properties={"send": "s"})
    assert (by_name.type, by_name.event) == (by_type.type, by_type.event) == ("email_opened", "")


def test_a_fact_that_the_fold_would_have_to_ignore_is_refused():
    assert refusal(trusted=True, event="consent_changed", properties={"channel": "email"}).startswith(
        "properties.status: is missing"
    )
    assert refusal(trusted=True, event="consent_changed", properties={"channel": "email", "status": "yes"}).startswith(
        "properties.status: 'yes' is none of subscribed"
    )


def test_control_records_cannot_be_forged_by_anybody():
    assert refusal(trusted=True, type="tick").startswith("type: 'tick'")
    assert read(trusted=True, event="tick").type == "track"


def test_history_is_an_operators_word_only():
    assert read(trusted=True, historical=True).historical
    assert read(trusted=True, context={"historical": True}).historical
    assert not read(historical=True).historical
    assert not read(context={"historical": True}).historical


def test_received_at_is_an_operators_word_only():
    assert read(receivedAt=5).received_at == NOW
    assert read(trusted=True, receivedAt=5).received_at == 5


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_no_bytes_break_it(data: bytes):
    with suppress(UnreadableRecord):
        read_call(data, NOW, call="track")


FIELDS = st.sampled_from(["type", "event", "userId", "properties", "timestamp", "sentAt", "messageId", "name"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(FIELDS, json_values))
def test_what_is_taken_can_be_written_and_read_again(fields: dict[str, Any]):
    try:
        event = read(**fields)
    except UnreadableRecord:
        return
    assert decode_event(entry_of(event).value) == event
    msgspec.msgpack.encode((event.properties, event.traits))
