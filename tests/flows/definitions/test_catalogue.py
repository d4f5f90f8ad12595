"""Definitions as a fold of their topic."""

from __future__ import annotations

from flows.definitions.catalogue import Catalogue, Past
from schemas.records import LEAD_MS, Definition, Record, encode


def record(offset: int, logged_at: int, op: str, version: int, body: dict | None = None, id: str = "vip") -> Record:
    definition = Definition("segment", id, op, version, body or {})
    return Record(offset, logged_at, f"segment/{id}", encode(definition))


def catalogue(*records: Record) -> Catalogue:
    made = Catalogue()
    for r in records:
        made.apply(r)
    return made


def version_at(made: Catalogue, at: int) -> int | None:
    found = made.active(at).get("segment", "vip")
    return found.version if found else None


def test_a_version_becomes_active_one_second_after_it_was_logged_to_the_millisecond():
    made = catalogue(record(0, 5_000, "publish", 1))
    assert version_at(made, 5_000 + LEAD_MS - 1) is None
    assert version_at(made, 5_000 + LEAD_MS) == 1


def test_the_first_write_of_a_version_wins():
    made = catalogue(record(0, 0, "publish", 1, {"a": 1}))
    assert not made.apply(record(1, 10, "publish", 1, {"a": 2}))
    found = made.active(99_999).get("segment", "vip")
    assert found is not None
    assert found.body == {"a": 1}


def test_a_rollback_makes_an_old_version_current_and_keeps_the_newer_one():
    made = catalogue(record(0, 0, "publish", 1), record(1, 1_000, "publish", 2), record(2, 2_000, "rollback", 1))
    assert [version_at(made, t + LEAD_MS) for t in (0, 1_000, 2_000)] == [1, 2, 1]
    assert made.latest_version("segment", "vip") == 2


def test_a_rollback_to_a_version_that_never_was_is_void():
    made = catalogue(record(0, 0, "publish", 1))
    assert not made.apply(record(1, 10, "rollback", 7))
    assert version_at(made, 99_999) == 1


def test_what_is_deleted_is_no_longer_active_and_its_versions_stay():
    made = catalogue(record(0, 0, "publish", 1), record(1, 1_000, "delete", 1))
    assert version_at(made, 1_000 + LEAD_MS) is None
    assert 1 in made.versions["segment", "vip"]


def test_what_was_logged_at_one_instant_becomes_active_together():
    made = catalogue(record(0, 7, "publish", 1), record(1, 7, "publish", 1, id="new"))
    assert len(made.between(0, 99_999)) == 1
    assert [p.id for p in made.active(99_999).of("segment")] == ["new", "vip"]


def test_a_version_that_warms_up_is_not_current_until_it_is_switched_to():
    made = catalogue(record(0, 0, "publish", 1))
    warming = Definition("segment", "vip", "publish", 2, {}, warming=True)
    made.apply(Record(1, 1_000, "segment/vip", encode(warming)))
    snapshot = made.active(1_000 + LEAD_MS)
    assert (version_at(made, 1_000 + LEAD_MS), [p.version for p in snapshot.warming_up("segment")]) == (1, [2])
    made.apply(record(2, 2_000, "switch", 2))
    snapshot = made.active(2_000 + LEAD_MS)
    assert (version_at(made, 2_000 + LEAD_MS), snapshot.warming_up("segment")) == (2, [])


def warming(offset: int, at: int, version: int, op: str = "publish") -> Record:
    return Record(offset, at, "segment/vip", encode(Definition("segment", "vip", op, version, {}, warming=True)))


def test_a_switch_to_what_was_cancelled_is_void():
    made = catalogue(warming(0, 0, 1), record(1, 1_000, "delete", 1))
    assert not made.apply(record(2, 2_000, "switch", 1))
    assert version_at(made, 99_999) is None


def test_a_switch_that_was_meant_for_an_earlier_warm_up_is_void():
    made = catalogue(warming(0, 0, 1), record(1, 1_000, "delete", 1), warming(2, 2_000, 1, "rollback"))
    late = Definition("segment", "vip", "switch", 1, {"since": LEAD_MS})
    assert not made.apply(Record(3, 3_000, "segment/vip", encode(late)))
    assert made.apply(Record(4, 4_000, "segment/vip", encode(Definition("segment", "vip", "switch", 1))))


def test_a_rollback_ends_what_warms_up():
    made = catalogue(record(0, 0, "publish", 1), warming(1, 1_000, 2), record(2, 2_000, "rollback", 1))
    assert made.active(99_999).warming == {}
    assert version_at(made, 99_999) == 1


def test_what_a_switch_brings_belongs_to_its_instant_alone():
    made = catalogue(warming(0, 0, 1))
    body = {"since": LEAD_MS, "past": {"3": "file"}, "leaves": ["leaf"]}
    made.apply(Record(1, 5_000, "segment/vip", encode(Definition("segment", "vip", "switch", 1, body))))
    made.apply(record(2, 9_000, "publish", 1, id="other"))
    assert made.active(5_000 + LEAD_MS).pasts == (Past(frozenset({(3, "file")}), frozenset({"leaf"})),)
    assert made.active(9_000 + LEAD_MS).pasts == ()


def test_a_switch_has_a_lead_of_its_own_and_is_never_active_before_what_was_logged_earlier():
    made = catalogue(warming(0, 0, 1))
    made.apply(Record(1, 2_000, "segment/vip", encode(Definition("segment", "vip", "switch", 1, lead=300))))
    assert (version_at(made, 2_299), version_at(made, 2_300)) == (None, 1)
    made.apply(record(2, 3_000, "publish", 1, id="other"))
    made.apply(warming(3, 3_010, 2))
    made.apply(Record(4, 3_020, "segment/vip", encode(Definition("segment", "vip", "switch", 2, lead=300))))
    assert (version_at(made, 3_999), version_at(made, 4_000), version_at(made, 4_010)) == (1, 1, 2)
    assert made.active(4_000).get("segment", "other") is not None


def test_what_is_current_is_brought_what_it_missed_once_and_stays_as_it_was():
    made = catalogue(record(0, 0, "publish", 1))
    body = {"since": LEAD_MS, "past": {"3": "file"}, "leaves": ["leaf"]}
    bring = encode(Definition("segment", "vip", "switch", 1, body))
    assert made.apply(Record(1, 5_000, "segment/vip", bring))
    assert not made.apply(Record(2, 6_000, "segment/vip", bring))
    snapshot = made.active(5_000 + LEAD_MS)
    assert snapshot.pasts == (Past(frozenset({(3, "file")}), frozenset({"leaf"})),)
    assert snapshot.get("segment", "vip").since == LEAD_MS
