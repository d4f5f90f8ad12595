"""Segments over definitions that change, merges and cycles; what an event that concerns nothing costs."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from flows.contact.active import Definitions
from flows.contact.fold import SECTIONS
from flows.contact.replay import Line, Replay
from flows.contact.section import Contact, Section
from flows.definitions.catalogue import Published
from flows.segments.engine import SECTION, SegmentSet
from flows.segments.order import find_cycle, in_order, refuse_cycles
from schemas.errors import InvalidInput
from schemas.records import (
    LEAD_MS,
    Change,
    CrmCommand,
    Definition,
    Entry,
    Event,
    Record,
    decode_change,
    decode_crm_command,
    encode,
)
from schemas.topics import CHANGES, CRM_COMMANDS
from tests.flows.segments.lives import ANN, DAY, HOUR, T0, did, says, segment


class Life:
    """A contact under definitions that are published on the way; `flips` are (ms after T0, segment, entered)."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.definitions = Definitions()
        self.replay = Replay(self.definitions, self._take)
        self._published = 0

    def _take(self, at: int, entry: Entry) -> None:
        if entry.topic == CHANGES and (change := decode_change(entry.value)).segment:
            self.changes.append(change)

    @property
    def flips(self) -> list[tuple[int, str, bool]]:
        return [(c.at - T0, c.segment, c.kind == "segment_entered") for c in self.changes]

    def act(self, active: int, op: str, id: str, version: int, where: Any = None) -> None:
        """A record of topic definitions that takes effect at `active`."""
        body = segment(where, id) if op == "publish" else {}
        value = encode(Definition("segment", id, op, version, body))  # type: ignore[arg-type]
        self.definitions.apply(Record(self._published, T0 + active - LEAD_MS, f"segment/{id}", value))
        self._published += 1

    def run(self, *lines: Line, until: int) -> Life:
        self.replay.run(lines, T0 + until)
        return self


A = {"performed": "a"}


def test_a_version_that_evaluates_the_same_flips_nobody() -> None:
    life = Life()
    life.act(0, "publish", "s", 1, {"performed": "a", "within": "1d"})
    life.run(did("a", 10), until=20)
    life.act(HOUR, "publish", "s", 2, {"and": [{"performed": "a", "within": "1d"}, {"everyone": True}]})
    life.run(until=2 * DAY)
    assert life.flips == [(10, "s", True), (DAY + 10, "s", False)]
    assert [c.version for c in life.changes] == [1, 2]


def test_a_version_whose_leaf_stands_keeps_what_the_leaf_has_seen() -> None:
    life = Life()
    life.act(0, "publish", "s", 1, A)
    life.run(did("a", 10), until=20)
    life.act(HOUR, "publish", "s", 2, {"and": [A, {"trait": "plan", "op": "eq", "value": "gold"}]})
    life.run(says(2 * HOUR, plan="gold"), until=DAY)
    assert life.flips == [(10, "s", True), (HOUR, "s", False), (2 * HOUR, "s", True)]


def test_a_deleted_segment_is_left_at_that_instant_and_so_is_what_asks_about_it() -> None:
    life = Life()
    life.act(0, "publish", "s", 1, A)
    life.act(0, "publish", "t", 1, {"segment": "s"})
    life.run(did("a", 10), until=20)
    life.act(HOUR, "delete", "s", 1)
    life.run(until=DAY)
    assert life.flips == [(10, "s", True), (10, "t", True), (HOUR, "s", False), (HOUR, "t", False)]


def test_a_rollback_brings_the_earlier_condition_back() -> None:
    life = Life()
    life.act(0, "publish", "s", 1, {"everyone": True})
    life.run(did("a", 10), until=20)
    life.act(HOUR, "publish", "s", 2, {"not": {"everyone": True}})
    life.act(2 * HOUR, "rollback", "s", 1)
    life.run(until=DAY)
    assert life.flips == [(10, "s", True), (HOUR, "s", False), (2 * HOUR, "s", True)]


def test_what_is_gone_leaves_no_state_and_no_timer() -> None:
    life = Life()
    life.act(0, "publish", "s", 1, {"performed": "a", "within": "1d"})
    life.run(did("a", 10), until=20)
    life.act(HOUR, "delete", "s", 1)
    life.run(until=2 * HOUR)
    state = life.replay.open(ANN)
    assert state is not None
    assert (state.get(SECTION).states, state.get(SECTION).dues, state.due) == ({}, {}, None)


def test_an_anonymous_contacts_events_count_for_the_user_it_becomes() -> None:
    life = Life()
    life.act(0, "publish", "s", 1, {"performed": "a", "count": {"op": "gte", "value": 2}, "within": "1d"})
    life.act(0, "publish", "one", 1, {"performed": "a", "within": "1d"})
    ghost = Line(T0 + 10, "ghost", Event("track", "g", T0 + 10, event="a", anonymous_id="ghost"))
    claims = Event("identify", "i", T0 + 30, user_id=ANN, anonymous_id="ghost")
    life.run(ghost, did("a", 20), Line(T0 + 30, ANN, claims), until=2 * DAY)
    of = [(c.at - T0, c.contact, c.segment, c.kind == "segment_entered") for c in life.changes]
    assert of == [
        (10, "ghost", "one", True),
        (20, ANN, "one", True),
        (30, "ghost", "one", False),
        (30, ANN, "s", True),
        (DAY + 10, ANN, "s", False),
        (DAY + 20, ANN, "one", False),
    ]


def test_a_historical_record_says_that_it_is() -> None:
    life = Life()
    life.act(0, "publish", "s", 1, A)
    event = Event("track", "h", T0 + 5, event="a", historical=True)
    life.run(Line(T0 + 10, ANN, event), until=20)
    assert [(c.kind, c.historical) for c in life.changes] == [("segment_entered", True)]


class Watched(Contact):
    """A contact's state that notes which sections are opened."""

    opened: ClassVar[list[str]] = []

    def get(self, section: Section[Any]) -> Any:
        self.opened.append(section.name)
        return super().get(section)


def test_an_event_that_concerns_nothing_does_not_open_the_section() -> None:
    life = Life()
    life.act(0, "publish", "s", 1, {"performed": "a", "within": "1d"})
    life.run(did("a", 10), until=20)
    partition, active = life.replay.fold, life.definitions.at(T0 + 30)
    state = Watched(partition.states[ANN], SECTIONS)
    partition.fold.apply(ANN, state, did("other", 15).event, T0 + 30, "0:9", active, [])
    assert "segments" not in Watched.opened
    partition.fold.apply(ANN, state, did("a", 16).event, T0 + 30, "0:10", active, [])
    assert "segments" in Watched.opened


def published(where: Any, id: str) -> Published:
    return Published("segment", id, 1, segment(where, id), 0)


def test_segments_stand_behind_those_that_they_ask() -> None:
    found = SegmentSet.build([published({"segment": "z"}, "a"), published(A, "z")], [])
    assert [s.id for s in found.segments] == ["z", "a"]


def test_a_cycle_is_named() -> None:
    asks = {"a": {"b"}, "b": {"c", "x"}, "c": {"b"}, "d": {"a"}, "x": set()}
    assert in_order(asks) == (["x"], ["a", "b", "c", "d"])
    assert find_cycle(asks) == ["b", "c", "b"]
    with pytest.raises(InvalidInput, match="b → c → b"):
        refuse_cycles(asks)
    assert find_cycle({"a": {"a"}}) == ["a", "a"]
    assert find_cycle({"a": {"b"}, "b": set()}) == []


def test_a_cycle_that_came_into_the_log_does_not_stop_the_fold() -> None:
    found = SegmentSet.build(
        [published({"segment": "b"}, "a"), published({"segment": "a"}, "b"), published(A, "c")], []
    )
    assert [s.id for s in found.segments] == ["c"]
    assert found.stuck == ("a", "b")


def test_the_crm_is_told_of_the_flips_of_segments_that_say_so_also_when_they_are_deleted() -> None:
    life = Life()
    told: list[CrmCommand] = []
    take = life.replay.emitted
    life.replay.emitted = lambda at, entry: (
        told.append(decode_crm_command(entry.value)) if entry.topic == CRM_COMMANDS else take(at, entry)
    )
    for id, crm in (("told", True), ("quiet", False)):
        body = segment({"performed": "a", "within": "1d"}, id) | {"crm": crm}
        value = encode(Definition("segment", id, "publish", 1, body))
        life.definitions.apply(Record(life._published, T0 - LEAD_MS, f"segment/{id}", value))
        life._published += 1
    life.run(did("a", 10), did("a", 2 * DAY), until=2 * DAY)
    life.act(2 * DAY + HOUR, "delete", "told", 1)
    life.run(until=3 * DAY)
    assert [(c.command, c.contact, c.at - T0, c.data) for c in told] == [
        ("segment_entered", ANN, 10, {"segment": "told"}),
        ("segment_left", ANN, DAY + 10, {"segment": "told"}),
        ("segment_entered", ANN, 2 * DAY, {"segment": "told"}),
        ("segment_left", ANN, 2 * DAY + HOUR, {"segment": "told"}),
    ]
    assert len({c.id for c in told}) == 4
