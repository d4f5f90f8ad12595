"""One contact's life through the production fold: when a condition held, to the millisecond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flows.contact.active import Definitions
from flows.contact.replay import Line, Replay, definition_records
from schemas.records import Entry, Event, decode_change
from schemas.times import DAY, HOUR, MINUTE, SECOND, parse_instant
from schemas.topics import CHANGES

__all__ = ["DAY", "HOUR", "MINUTE", "SECOND", "T0", "did", "held", "holds", "says", "segment"]

T0 = parse_instant("2026-01-01T00:00:00Z")
ANN = "ann"


def did(name: str, after: int, logged: int | None = None, **properties: Any) -> Line:
    """A track, `after` ms after T0; logged then, or later."""
    at = T0 + after
    logged_at = at if logged is None else T0 + logged
    event = Event(
        "track", f"{name}-{after}-{logged_at}-{properties}", at, event=name, properties=properties, user_id=ANN
    )
    return Line(logged_at, ANN, event)


def fact(kind: str, after: int, **properties: Any) -> Line:
    """One of Waxwing's own facts."""
    return Line(T0 + after, ANN, Event(kind, f"{kind}-{after}-{properties}", T0 + after, properties=properties))


def says(after: int, logged: int | None = None, **traits: Any) -> Line:
    """An identify."""
    at = T0 + after
    logged_at = at if logged is None else T0 + logged
    return Line(logged_at, ANN, Event("identify", f"i-{after}-{logged_at}-{traits}", at, traits=traits, user_id=ANN))


def segment(where: Mapping[str, Any] | None, id: str = "tested") -> dict[str, Any]:
    """A segment's body; static without a condition."""
    head = {"kind": "segment", "id": id}
    return {**head, "static": True} if where is None else {**head, "where": where}


def held(
    where: Mapping[str, Any] | None, *lines: Line, until: int = 400 * DAY, others: Sequence[Mapping[str, Any]] = ()
) -> list[tuple[int, int | None]]:
    """The spans [from, to) in which the contact was a member, in ms after T0; `to` is None for a span that lasts."""
    spans: list[tuple[int, int | None]] = []

    def take(at: int, entry: Entry) -> None:
        if entry.topic != CHANGES:
            return
        change = decode_change(entry.value)
        if change.segment != "tested":
            return
        if change.kind == "segment_entered":
            spans.append((change.at - T0, None))
        else:
            spans[-1] = (spans[-1][0], change.at - T0)

    definitions = Definitions()
    for record in definition_records([*others, segment(where)], T0 - DAY):
        definitions.apply(record)
    ordered = sorted(lines, key=lambda line: line.logged_at)
    Replay(definitions, take).run(ordered, T0 + until)
    return spans


def holds(where: Mapping[str, Any], *lines: Line, others: Sequence[Mapping[str, Any]] = ()) -> bool:
    """Whether the contact is a member after its last record, at that record's instant."""
    last = max(line.logged_at for line in lines) - T0
    spans = held(where, *lines, until=last, others=others)
    return bool(spans) and spans[-1][1] is None
