"""Segment's HTTP spec into events, pure: https://segment.com/docs/connections/spec/

One call is one JSON object. What cannot be taken raises UnreadableRecord, whose message begins with the field and says
what would be right. Limits are Segment's: 32 KB a call, 500 KB a batch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from schemas import facts
from schemas.errors import UnreadableRecord
from schemas.ids import uuid5
from schemas.records import JSON, Entry, Event, encode
from schemas.times import to_ms
from schemas.topics import EVENTS

CALL_LIMIT: Final = 32 * 1024  # bytes of one call
BATCH_LIMIT: Final = 500 * 1024  # bytes of one batch
ID_LIMIT: Final = 512  # characters of an id or a name
DEPTH_LIMIT: Final = 32  # objects and lists within each other

_OWN_KEYS: Final = (
    facts.ACCOUNT_KEY,
    facts.ADDRESS_KEY,
)  # what spans contacts is keyed so in `events`; no contact may be called so
_FACT_NEEDS: Final = {  # a fact without these would be dropped by the fold without a word
    facts.CONSENT_CHANGED: ("channel", "status"),
    facts.ADDRESS_SUPPRESSED: ("channel", "address_hash"),
    facts.SEGMENT_ADDED: ("segment",),
    facts.SEGMENT_REMOVED: ("segment",),
}
_CONSENT: Final = ("subscribed", "unsubscribed", "pending")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_FIRST_MS: Final = to_ms(datetime.min.replace(tzinfo=UTC))
_LAST_MS: Final = to_ms(datetime.max.replace(tzinfo=UTC))

_Id = str | int | float | None
_Instant = str | int | float | None
_Object = dict[str, JSON] | None


class _Call(msgspec.Struct, rename="camel", gc=False):
    """A call as it is sent. Unknown fields are left out; numbers stand for ids, as Segment's libraries allow."""

    type: str | None = None
    event: str | None = None
    user_id: _Id = None
    anonymous_id: _Id = None
    previous_id: _Id = None
    group_id: _Id = None
    message_id: _Id = None
    name: str | None = None
    category: str | None = None
    properties: _Object = None
    traits: _Object = None
    context: _Object = None
    timestamp: _Instant = None
    original_timestamp: _Instant = None
    sent_at: _Instant = None
    received_at: _Instant = None
    received_at_too: _Instant = msgspec.field(default=None, name="received_at")
    historical: bool | None = None


_decode = msgspec.json.Decoder(_Call).decode
_pack = msgspec.msgpack.Encoder().encode


def read_event(
    raw: Mapping[str, JSON],
    received_at: int | None = None,
    *,
    call: str = "",
    trusted: bool = False,
    sent_at: int | None = None,
    default_id: str = "",
) -> Event:
    """The event of one call that is decoded already; see `read_call`."""
    try:
        data = encode(raw)
    except (TypeError, ValueError, RecursionError) as fault:
        raise UnreadableRecord(f"call: is no JSON object: {fault}") from None
    return read_call(data, received_at, call=call, trusted=trusted, sent_at=sent_at, default_id=default_id)


def read_call(
    data: bytes,
    received_at: int | None = None,
    *,
    call: str = "",
    trusted: bool = False,
    sent_at: int | None = None,
    default_id: str = "",
    place: int = 0,
) -> Event:
    """The event of one call, as JSON.

    received_at: when the server got it, in ms; None for files: then the record's own `receivedAt` (or `received_at`)
        counts, else its `timestamp`, and nothing is corrected.
    call: what the address says that it is (`track`, …); by default its own `type`.
    trusted: it comes from an operator, who may state Waxwing's own facts and names, `receivedAt` and `historical`.
    sent_at: the batch's `sentAt`, in ms, where the call has none.
    default_id: the event's id where the call has no `messageId`; by default one that comes from its bytes, and where
        they do not say when it happened from `received_at` and its `place` in its batch too: said again, it happened
        again.
    """
    if len(data) > CALL_LIMIT:
        raise UnreadableRecord(f"call: has {len(data)} bytes; at most {CALL_LIMIT} are taken")
    try:
        given = _decode(data)
    except msgspec.ValidationError as fault:
        raise UnreadableRecord(_place(str(fault))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise UnreadableRecord(f"call: is no JSON: {fault}") from None
    _check_values(data, given)
    event = Event(_type(given, call, trusted))
    is_now = received_at is not None and given.timestamp is None and given.original_timestamp is None
    _identify(event, given, default_id or data, (received_at or 0, place) if is_now else ())
    _date(event, given, received_at, sent_at, trusted)
    _fill(event, given)
    if trusted:
        event.historical = given.historical or event.context.get("historical") is True
    if event.type in facts.OWN_FACTS:
        _check_fact(event)
    return event


def contact_of(event: Event) -> str:
    """The contact that an event is about: the key of its record."""
    return event.user_id or event.anonymous_id


def entry_of(event: Event) -> Entry:
    """The event as it is appended to `events`."""
    return Entry(EVENTS, event.user_id or event.anonymous_id, encode(event))


def read_instant(value: str | int | float, field: str = "timestamp") -> int:
    """Milliseconds of ISO 8601 (without an offset it is UTC) or of a number, which are milliseconds already."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            at = to_ms(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
        else:
            at = int(value)
    except (ValueError, OverflowError):
        raise UnreadableRecord(
            f"{field}: {value!r:.60} is no instant; write ISO 8601 or milliseconds since 1970"
        ) from None
    if not _FIRST_MS <= at <= _LAST_MS:
        raise UnreadableRecord(f"{field}: {value!r:.60} is not within the years 1 to 9999")
    return at


def _place(message: str) -> str:
    """msgspec's "Expected `str`, got `int` - at `$.event`" with the place first."""
    what, _, where = message.partition(" - at `$")
    return f"{where.rstrip('`').lstrip('.') or 'call'}: {what[0].lower()}{what[1:]}"


def _type(given: _Call, call: str, trusted: bool) -> str:
    stated = call or given.type or ""
    if stated == "track":
        if not given.event:
            raise UnreadableRecord("event: is missing; a track call needs the event's name")
        _check_text("event", given.event)
        if given.event in facts.RESERVED:
            if not trusted:
                raise UnreadableRecord(f"event: {given.event!r} is a name of Waxwing's own; take another one")
            return given.event if given.event in facts.OWN_FACTS else stated
        return stated
    if stated in facts.SEGMENT_CALLS or (trusted and stated in facts.OWN_FACTS):
        return stated
    raise UnreadableRecord(f"type: {stated!r:.60} is none of {', '.join(sorted(facts.SEGMENT_CALLS))}")


def _identify(event: Event, given: _Call, otherwise: str | bytes, moment: tuple[int, ...]) -> None:
    """Who, and which message. Without `messageId` the id is given, or the same for the same bytes at the moment."""
    event.user_id = _contact_id("userId", given.user_id)
    event.anonymous_id = _contact_id("anonymousId", given.anonymous_id)
    if event.type == "alias":
        event.previous_id = _contact_id("previousId", given.previous_id)
        if not event.user_id or not (event.previous_id or event.anonymous_id):
            raise UnreadableRecord("previousId: an alias call needs previousId (or anonymousId) and userId")
    elif event.type == "group":
        event.group_id = _id("groupId", given.group_id)
        if not event.group_id:
            raise UnreadableRecord("groupId: is missing; a group call needs it")
    if not event.user_id and not event.anonymous_id:
        raise UnreadableRecord("userId: is missing; give userId or anonymousId")
    event.id = _id("messageId", given.message_id)
    if not event.id:
        event.id = otherwise if isinstance(otherwise, str) else uuid5("call", event.type, otherwise.decode(), *moment)


def _contact_id(field: str, value: _Id) -> str:
    found = _id(field, value)
    if found.startswith(_OWN_KEYS):
        raise UnreadableRecord(f"{field}: {found!r} begins like a key of Waxwing's own; take another id")
    return found


def _id(field: str, value: _Id) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return str(int(value) if value == int(value) else value)
    if len(value) > ID_LIMIT or not value.isprintable():
        _check_text(field, value)
    return value if not value.isspace() else ""


def _check_text(field: str, value: str) -> None:
    if len(value) > ID_LIMIT:
        raise UnreadableRecord(f"{field}: has {len(value)} characters; at most {ID_LIMIT} are taken")
    if _CONTROL.search(value):
        raise UnreadableRecord(f"{field}: {value!r} holds a control character")


def _date(event: Event, given: _Call, received_at: int | None, sent_at: int | None, trusted: bool) -> None:
    """When: the sender's time, moved by how far its clock was off when it sent, never after `received_at`.

    `timestamp` beside `originalTimestamp` has been corrected by somebody else: Segment writes both so.
    """
    own = given.received_at if given.received_at is not None else given.received_at_too
    if own is not None and (trusted or received_at is None):
        received_at = read_instant(own, "receivedAt")
    stated = given.timestamp if given.timestamp is not None else given.original_timestamp
    if stated is None and received_at is None:
        raise UnreadableRecord("timestamp: is missing")
    at = read_instant(stated) if stated is not None else received_at
    assert at is not None
    if received_at is not None:
        sent = read_instant(given.sent_at, "sentAt") if given.sent_at is not None else sent_at
        is_raw = stated is not None and (given.timestamp is None or given.original_timestamp is None)
        if sent is not None and is_raw:
            at = max(at + received_at - sent, _FIRST_MS)
        at = min(at, received_at)
    event.at, event.received_at = at, at if received_at is None else received_at


def _fill(event: Event, given: _Call) -> None:
    if given.properties:
        event.properties = given.properties
    if given.traits:
        event.traits = given.traits
    if given.context:
        event.context = given.context
    if event.type == "track":
        event.event = given.event or ""
    elif event.type in ("page", "screen"):
        named = {k: v for k, v in (("name", given.name), ("category", given.category)) if v is not None}
        event.properties = named | event.properties


def _check_fact(event: Event) -> None:
    for name in _FACT_NEEDS.get(event.type, ()):
        if not isinstance(event.properties.get(name), str):
            raise UnreadableRecord(f"properties.{name}: is missing; {event.type} needs it as a string")
    if event.type == facts.CONSENT_CHANGED and event.properties["status"] not in _CONSENT:
        raise UnreadableRecord(
            f"properties.status: {event.properties['status']!r:.60} is none of {', '.join(_CONSENT)}"
        )


def _check_values(data: bytes, given: _Call) -> None:
    """Nothing that a contact's encoded state could not hold, nor deeper than the limit: most need not be walked."""
    if data.count(b"{") + data.count(b"[") > DEPTH_LIMIT:
        for field in ("properties", "traits", "context"):
            _check_depth(field, getattr(given, field))
    try:
        _pack((given.properties, given.traits, given.context))
    except OverflowError:
        raise UnreadableRecord("call: holds an integer of more than 64 bits; write it as a string") from None


def _check_depth(field: str, value: Any) -> None:
    level: list[Any] = [value]
    for _ in range(DEPTH_LIMIT):
        below: list[Any] = []
        for part in level:
            if isinstance(part, dict):
                below += part.values()
            elif isinstance(part, list):
                below += part
        if not below:
            return
        level = below
    raise UnreadableRecord(f"{field}: is nested deeper than {DEPTH_LIMIT} levels")
