"""Bodies of Segment's HTTP API into records to append: the good events, and the rest whole as dead letters. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from connectors import dead_letters
from connectors.segment_spec import entry_of, read_call, read_instant
from schemas.errors import UnreadableRecord
from schemas.records import JSON, DeadLetter, Entry

BATCH: Final = "batch"
EVENT: Final = "event"  # one of a batch, by its own type


class Fault(NamedTuple):
    """Why one event was set aside; `position` is its place in the batch."""

    position: int
    reason: str


class Received(NamedTuple):
    """What a body brought. Entries of events and of dead letters go in one append."""

    events: list[Entry]
    letters: list[DeadLetter]
    faults: list[Fault]

    @property
    def entries(self) -> list[Entry]:
        """All that is to be appended."""
        return self.events + [dead_letters.entry_of(letter) for letter in self.letters]


class _Batch(msgspec.Struct, rename="camel"):
    batch: list[msgspec.Raw]
    sent_at: str | int | float | None = None
    context: dict[str, JSON] | None = None


class _Keyed(msgspec.Struct, rename="camel"):
    write_key: str = ""


_decode_batch = msgspec.json.Decoder(_Batch).decode
_decode_keyed = msgspec.json.Decoder(_Keyed).decode


def receive(call: str, body: bytes, received_at: int, trusted: bool = False) -> Received:
    """Read the body of `call` (`track`, …, `batch`, or `event` for one of a batch).

    A bad event of a batch is set aside and the others stand. A body that cannot be opened is one letter.
    """
    if call == BATCH:
        return _receive_batch(body, received_at, trusted)
    try:
        event = read_call(body, received_at, call="" if call == EVENT else call, trusted=trusted)
    except UnreadableRecord as refused:
        return _set_aside(call, str(refused), body, received_at)
    return Received([entry_of(event)], [], [])


def write_key_of(body: bytes) -> str:
    """The `writeKey` in a body: where browsers' SDKs put it, which cannot set a header. Empty where there is none."""
    try:
        return _decode_keyed(body).write_key
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def _set_aside(call: str, reason: str, raw: bytes, at: int) -> Received:
    return Received([], [dead_letters.from_bytes(f"http:{call}", reason, raw, at)], [Fault(0, reason)])


def _receive_batch(body: bytes, received_at: int, trusted: bool) -> Received:
    try:
        opened = _decode_batch(body)
        sent_at = read_instant(opened.sent_at, "sentAt") if opened.sent_at is not None else None
    except UnreadableRecord as refused:
        return _set_aside(BATCH, str(refused), body, received_at)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        return _set_aside(BATCH, f"batch: {fault}", body, received_at)
    found = Received([], [], [])
    for index, raw in enumerate(opened.batch):
        data = bytes(raw)
        try:
            event = read_call(data, received_at, trusted=trusted, sent_at=sent_at, place=index)
        except UnreadableRecord as refused:
            found.letters.append(dead_letters.from_bytes(f"http:{EVENT}", str(refused), data, received_at))
            found.faults.append(Fault(index, str(refused)))
            continue
        if opened.context:
            event.context = opened.context | event.context
        found.events.append(entry_of(event))
    return found
