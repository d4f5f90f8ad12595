"""A contact's profile and consent out of the archive: the production fold over just those records that make them."""

from __future__ import annotations

from collections.abc import Iterable

from flows.contact.active import Definitions
from flows.contact.fold import ContactFold
from flows.contact.subject import Subject
from flows.holdouts import reducer as holdouts
from flows.holdouts.compile import held_by
from schemas.records import Entry, Record, decode_event, placed


def subject_of(contact: str, records: Iterable[Record], definitions: Definitions, now: int) -> Subject:
    """The contact as conditions see it at `now`, from its records of profile and consent in the log's order.

    `definitions` need hold no more than topics, holdouts and the workspace; what the fold would emit is let go.
    """
    fold = ContactFold(definitions)
    state = fold.open(None)
    unheard: list[Entry] = []
    for record in records:
        active = definitions.at(record.logged_at)
        event = decode_event(record.value)
        placed(event, record.logged_at, 0, record.offset)
        fold.apply(contact, state, event, record.logged_at, str(record.offset), active, unheard)
        unheard.clear()
    active = definitions.at(now)
    state.get(holdouts.SECTION).by = held_by(contact, active.holdouts, now)
    return Subject(contact, state, active)
