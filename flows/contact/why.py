"""Why one contact is in a segment, or is not: its records through the production fold, then every node of the tree.

The definitions are those that are active at the instant, as if they had been active from before the first record: what
the truth is, not what a younger version has seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from flows.contact.active import Definitions, StatesIn
from flows.contact.replay import Line, Replay
from flows.definitions.catalogue import Published
from flows.segments import engine as segments
from flows.segments.explain import explain
from schemas.definitions.ranking import RESULT
from schemas.facts import ACCOUNT_SAID, ADDRESS_HELD, CONTROL, LINK_FOLLOWED, MERGED
from schemas.records import LEAD_MS, Definition, Event, Record, decode_event, encode

KINDS: Final = ("segment", "topic", "workspace", "model", "ranking", RESULT)  # what memberships depend on
# What the replay says anew by itself, or what says nothing of the contact, or what the history says in other records.
SAID_ANEW: Final = CONTROL | {MERGED, ADDRESS_HELD, ACCOUNT_SAID, LINK_FOLLOWED}


def read_lines(records: Iterable[Record]) -> list[Line]:
    """The records that a contact's history is made of; `at` clamped as the fold does it. They stay in their order."""
    found = []
    for record in records:
        event = decode_event(record.value)
        if event.type not in SAID_ANEW:
            event.at = min(event.at, record.logged_at)
            found.append(Line(record.logged_at, record.key, event))
    return found


def replayed(
    lines: Sequence[Line],
    published: Iterable[Published],
    snapshots: Mapping[str, frozenset[str]],
    states_in: StatesIn,
    at: int,
) -> Replay:
    """The history of one contact, and of those merged into it, folded up to the instant."""
    definitions = Definitions(snapshots, states_in)
    first = min(lines[0].logged_at, at) if lines else at
    for offset, p in enumerate(sorted(published, key=lambda p: (p.kind, p.id))):
        if p.kind in KINDS:
            act = Definition(p.kind, p.id, "publish", p.version, dict(p.body))
            definitions.apply(Record(offset, first - 1 - LEAD_MS, f"{p.kind}/{p.id}", encode(act)))
    run = Replay(definitions)
    run.run(lines, at)
    return run


def why(contact: str, segment: str, lines: Sequence[Line], run: Replay, at: int) -> dict[str, Any]:
    """The tree of `flows.segments.explain`; KeyError for a contact that the replay does not know."""
    subject = run.subject(contact)
    if subject is None:
        raise KeyError(contact)
    section = subject.state.get(segments.SECTION)
    return explain(segment, section, subject, at, subject.active.segments, _once(lines))


def _once(lines: Iterable[Line]) -> list[Event]:
    """Of events with one id the first."""
    seen: set[str] = set()
    kept = []
    for line in lines:
        if not line.event.id or line.event.id not in seen:
            seen.add(line.event.id)
            kept.append(line.event)
    return kept
