"""Reading a dead letter again, after a fix: through the same code that set it aside, or with a corrected body. Pure."""

from __future__ import annotations

from connectors import dead_letters
from connectors.calls import EVENT, receive
from connectors.crm_mapping import Mapper, read_record
from connectors.segment_spec import entry_of, read_call
from schemas.errors import UnreadableRecord
from schemas.ids import content_hash, uuid5
from schemas.records import DeadLetter, Entry
from schemas.topics import CRM, EVENTS


def reread(letter: DeadLetter, mapper: Mapper, now: int, corrected: bytes | None = None) -> list[Entry]:
    """What to append, the mark that the letter was replayed included; UnreadableRecord where it still cannot be read.

    A corrected body is an operator's word, so it may state Waxwing's own facts; the bytes that came from outside may
    not. What was received then counts as received then. A CRM record goes back to `crm` and takes the flow's way.
    """
    data = letter.raw if corrected is None else corrected
    origin, _, call = letter.source.partition(":")
    if origin == dead_letters.CRM_SOURCE:
        entries = _crm(data, letter, mapper, now)
    elif origin in ("http", EVENTS):
        entries = _http(data, call or EVENT, letter.at, corrected is not None)
    elif origin == "import":
        entries = _imported(data)
    else:
        raise UnreadableRecord(f"source: {letter.source!r} cannot be replayed: nothing here reads it")
    return [*entries, dead_letters.replayed(letter, now)]


def _crm(data: bytes, letter: DeadLetter, mapper: Mapper, now: int) -> list[Entry]:
    record = read_record(data)
    mapper.map_record(record, now)
    return [Entry(CRM, letter.key or record.id, data)]


def _http(data: bytes, call: str, at: int, trusted: bool) -> list[Entry]:
    received = receive(call, data, at, trusted)
    if received.faults:
        raise UnreadableRecord("; ".join(fault.reason for fault in received.faults))
    return received.events


def _imported(data: bytes) -> list[Entry]:
    """A line as Segment's spec has it: the row of a mapped file needs a corrected body, or the file once more."""
    event = read_call(data, trusted=True, default_id=uuid5("import", content_hash(data)))
    event.historical = True
    return [entry_of(event)]
