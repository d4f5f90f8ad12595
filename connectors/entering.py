"""Entering a contact into a journey by hand: one `enter` record, which the journey's `api` trigger takes.

With a key it happens once: the record's id comes from (journey, contact, key), and the fold drops what it has seen of
the contact's last day (LANGUAGE, "Time, identity, traits").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.publish import CatalogueReader, newest
from connectors.segment_spec import read_event
from schemas.definitions.mentions import enters_by_api
from schemas.errors import InvalidInput, UnreadableRecord, Violation
from schemas.facts import ENTER
from schemas.ids import uuid5
from schemas.records import Entry, Event, encode
from schemas.topics import EVENTS


def entering(
    reader: CatalogueReader, journey: str, contact: str, properties: Mapping[str, Any], key: str, now: int
) -> tuple[Event, Entry]:
    """The record to append. Without a key each call is an entry of its own, told apart by `now`, in ms.

    KeyError for a journey that does not stand; InvalidInput where nothing enters it by hand, or for a contact or
    properties that no record may have.
    """
    with reader.open() as catalogue:
        stands = newest(catalogue).newest("journey", journey)
    if stands is None:
        raise KeyError(journey)
    if not enters_by_api(stands.body):
        fault = Violation("nodes", 'it has no trigger on {"api": true}: nobody enters it by hand')
        raise InvalidInput(f"journey {journey}", [fault])
    id = uuid5("enter", journey, contact, key) if key else uuid5("enter", journey, contact, "", now)
    call = {"type": "track", "event": journey, "userId": contact, "properties": dict(properties), "messageId": id}
    try:
        event = read_event(call, now, trusted=True)
    except UnreadableRecord as fault:
        raise InvalidInput(f"journey {journey}", [_as_given(str(fault))]) from None
    event.type = ENTER
    return event, Entry(EVENTS, contact, encode(event))


def _as_given(fault: str) -> Violation:
    """A fault of the record, told of what was given: the contact, or the properties."""
    place, _, what = fault.partition(": ")
    return Violation("contact" if place == "userId" else place, what)
