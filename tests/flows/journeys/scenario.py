"""A small language for journeys: what is defined, what happens when, what must have been said, on the production fold.

    Scenario(journey(cart, wait_1h, remind)).at("10:00", event("cart")).until("12:00").expect(send("remind", "11:00"))

Times are those of Monday 5 January 2026, UTC; `"tue 09:00"` is the Tuesday after it, and full ISO is taken too. Every
contact is `u` with an address, and journeys are transactional, unless a scenario says otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from flows.contact.active import Definitions
from flows.contact.replay import Line, Replay, definition_records
from schemas.records import (
    Change,
    Entry,
    Event,
    Record,
    Send,
    decode_change,
    decode_definition,
    decode_event,
    decode_send,
    encode,
)
from schemas.times import DAY, format_instant, parse_instant
from schemas.topics import CHANGES, EVENTS, SENDS

MONDAY = "2026-01-05"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def instant(when: str) -> int:
    """The instant of `10:00`, `10:00:00.001`, `tue 10:00` or full ISO."""
    if "T" in when:
        return parse_instant(when)
    *day, clock = when.split()
    return parse_instant(f"{MONDAY}T{clock}Z") + (_DAYS.index(day[0]) * DAY if day else 0)


class Said(NamedTuple):
    """One thing that the fold said: its kind, what about, and when."""

    kind: str
    what: str
    at: str


def _said(kind: str, what: str, at: str) -> Said:
    return Said(kind, what, format_instant(instant(at)))


def send(node: str, at: str) -> Said:
    """A message of this node was planned."""
    return _said("send", node, at)


def skipped(node: str, reason: str, at: str) -> Said:
    """A message of this node may not go."""
    return _said("skipped", f"{node}: {reason}", at)


def entered(at: str, key: str = "") -> Said:
    """A run began."""
    return _said("entered", key, at)


def exited(reason: str, at: str) -> Said:
    """A run ended."""
    return _said("exited", reason, at)


def refused(reason: str, at: str) -> Said:
    """An entry was refused."""
    return _said("refused", reason, at)


def step(node: str, at: str, branch: str = "", reason: str = "") -> Said:
    """A run left this node by a branch, or came to rest there."""
    return _said("step", f"{node}/{branch or reason}", at)


def converted(at: str) -> Said:
    """A run that had ended reached its goal."""
    return _said("converted", "", at)


def fact(name: str, at: str) -> Said:
    """An action appended this record to `events`."""
    return _said("fact", name, at)


_CHANGES = {
    "journey_entered": lambda c: ("entered", c.entry),
    "journey_exited": lambda c: ("exited", c.reason),
    "journey_refused": lambda c: ("refused", c.reason),
    "journey_step": lambda c: ("step", f"{c.node}/{c.branch or c.reason}"),
    "journey_converted": lambda c: ("converted", ""),
    "send_skipped": lambda c: ("skipped", f"{c.node}: {c.reason}"),
}


def event(name: str, contact: str = "u", **properties: Any) -> Event:
    """A track."""
    return Event("track", event=name, properties=properties, user_id=contact)


def traits(contact: str = "u", **values: Any) -> Event:
    """An identify."""
    return Event("identify", traits=values, user_id=contact)


def started_by(name: str = "go", id: str = "start", **where: Any) -> dict[str, Any]:
    """A trigger by an event."""
    on = {"event": name, **({"where": where["where"]} if where else {})}
    return {"id": id, "type": "trigger", "on": on}


def message(id: str, **fields: Any) -> dict[str, Any]:
    """An action that sends an email."""
    return {"id": id, "type": "action", "do": "send", "channel": "email", "template": "note", **fields}


def pause(length: str, id: str = "pause") -> dict[str, Any]:
    """A wait of a length."""
    return {"id": id, "type": "wait", "for": length}


def node(id: str, type: str, **fields: Any) -> dict[str, Any]:
    """Any other node; fields that are Python's words end in an underscore."""
    return {"id": id, "type": type, **{name.rstrip("_"): value for name, value in fields.items()}}


def journey(*nodes: dict[str, Any], edges: Sequence[str] | None = None, id: str = "j", **fields: Any) -> dict[str, Any]:
    """A journey; nodes without `edges` stand in a line and end in `done`. Edges are `a -> b` or `a -> b: branch`."""
    exits = [] if any(n["type"] == "exit" for n in nodes) else [{"id": "done", "type": "exit", "reason": "done"}]
    chain = [*nodes, *exits]
    if edges is None:
        edges = [f"{a['id']} -> {b['id']}" for a, b in pairwise(chain)]
    fields = {"class_": "transactional"} | fields
    return {
        "kind": "journey",
        "id": id,
        **{name.rstrip("_"): value for name, value in fields.items()},
        "nodes": chain,
        "edges": [_edge(edge) for edge in edges],
    }


def _edge(text: str) -> dict[str, str]:
    source, _, rest = text.partition(" -> ")
    target, _, branch = rest.partition(": ")
    return {"from": source, "to": target, **({"branch": branch} if branch else {})}


def segment(id: str, where: dict[str, Any]) -> dict[str, Any]:
    """A segment."""
    return {"kind": "segment", "id": id, "where": where}


class Scenario:
    """Definitions active from before the first line; then `at`, `publish`, `until`, `expect` in any number."""

    def __init__(self, *bodies: dict[str, Any], contact: str = "u"):
        self.said: list[Said] = []
        self.entries: list[Entry] = []
        self._definitions = Definitions()
        self._offset = self._lines = 0
        self._versions: dict[tuple[str, str], int] = {}
        self.replay = Replay(self._definitions, self._take)
        self._now = instant("00:00") - DAY
        for record in definition_records(bodies, self._now):
            self._apply(record)
        for body in bodies:
            self._versions[body["kind"], body["id"]] = 1
        self.at(format_instant(self._now + 1), traits(contact, email=f"{contact}@example.com"))

    def at(self, when: str, *events: Event, historical: bool = False, happened: str = "") -> Scenario:
        """These records are logged at this time, and happened then, or when it is said."""
        at = instant(when)
        for said in events:
            self._lines += 1
            said.id, said.historical = said.id or f"line-{self._lines}", historical
            said.at = said.received_at = instant(happened) if happened else at
            self.replay.run([Line(at, said.user_id, said)])
        return self

    def publish(self, when: str, body: dict[str, Any]) -> Scenario:
        """The next version of a definition becomes active at this time."""
        key = (body["kind"], body["id"])
        self._versions[key] = self._versions.get(key, 0) + 1
        (record,) = definition_records([body], instant(when))
        self._apply(record, version=self._versions[key])
        return self.until(when)

    def act(self, when: str, op: str, kind: str, id: str, version: int = 0) -> Scenario:
        """A rollback to a version, or a deletion, becomes active at this time."""
        (record,) = definition_records([{"kind": kind, "id": id}], instant(when))
        self._apply(record, op=op, version=version)
        return self.until(when)

    def until(self, when: str) -> Scenario:
        """Let time pass."""
        self.replay.pass_time(instant(when))
        return self

    def _apply(self, record: Record, **changed: Any) -> None:
        made = msgspec.structs.replace(decode_definition(record.value), **changed)
        self._definitions.apply(record._replace(offset=self._offset, value=encode(made)))
        self._offset += 1

    def _take(self, at: int, entry: Entry) -> None:
        self.entries.append(entry)
        if entry.topic == CHANGES:
            change: Change = decode_change(entry.value)
            if change.kind in _CHANGES:
                self.said.append(Said(*_CHANGES[change.kind](change), format_instant(change.at)))
        elif entry.topic == SENDS:
            message = decode_send(entry.value)
            if message.recall:
                return
            self.said.append(Said("send", message.node, format_instant(message.at)))
        elif entry.topic == EVENTS:
            made = decode_event(entry.value)
            if "journey" not in made.context:
                return  # said by other parts of the fold
            self.said.append(Said("fact", made.name or made.type, format_instant(made.at)))

    def sends(self) -> list[Send]:
        """The messages that were planned."""
        found = [decode_send(entry.value) for entry in self.entries if entry.topic == SENDS]
        return [send for send in found if not send.recall]

    def outcome(self, name: str, message: Send) -> Event:
        """A fact about a message, as delivery writes it."""
        properties = {"send": message.id, "journey": message.journey, "node": message.node}
        return Event(name, properties=properties, user_id=message.contact)

    def expect(self, *expected: Said) -> Scenario:
        """Exactly this was said, in this order, of the kinds that are named."""
        kinds = {said.kind for said in expected}
        found = [said for said in self.said if said.kind in kinds]
        assert found == list(expected), f"said {found}"
        return self

    def expect_no(self, *kinds: str) -> Scenario:
        """Nothing of these kinds was said."""
        assert [said for said in self.said if said.kind in kinds] == []
        return self
