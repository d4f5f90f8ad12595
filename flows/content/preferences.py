"""The preference page's facts: what a contact chose, topic by topic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flows.delivery.origin import Origin
from schemas.facts import CONSENT_CHANGED
from schemas.ids import uuid5
from schemas.records import Entry, Event, encode
from schemas.topics import EVENTS

TEXT_VERSION: Final = "preferences-1"  # of the page's words, which are what was consented to


def choices(before: Mapping[str, bool], chosen: Mapping[str, bool]) -> dict[str, bool]:
    """The topics of which something else is wanted now."""
    return {topic: wanted for topic, wanted in chosen.items() if before.get(topic) != wanted}


def consent_entries(origin: Origin, changed: Mapping[str, bool], now: int) -> list[Entry]:
    """The records for `events`: each topic's new status, with the message as its proof. The same twice is one fact."""
    return [_entry(origin, topic, "subscribed" if wanted else "unsubscribed", now) for topic, wanted in changed.items()]


def _entry(origin: Origin, topic: str, status: str, now: int) -> Entry:
    said = {"channel": origin.channel, "topic": topic, "status": status, "source": "preferences"}
    event = Event(
        type=CONSENT_CHANGED,
        id=uuid5("preferences", origin.send, topic, status, now // 1000),
        at=now,
        properties=said | {"text_version": TEXT_VERSION, "proof": origin.send},
        user_id=origin.contact,
        received_at=now,
    )
    return Entry(EVENTS, origin.contact, encode(event))
