"""Sentences of LANGUAGE.md about what is said and recorded, which neither members nor a simulation's figures show."""

from __future__ import annotations

from typing import Any

from flows.contact.active import Definitions
from flows.contact.partition import PartitionFold
from flows.contact.replay import definition_records
from flows.contact.subject import Subject
from schemas.ids import address_hash, bucket
from schemas.records import Entry, Event, Record, decode_change, encode
from schemas.times import DAY, HOUR, format_instant
from schemas.topics import CHANGES, EVENTS
from tests.flows.journeys.scenario import (
    Scenario,
    converted,
    event,
    instant,
    journey,
    message,
    pause,
    refused,
    send,
    started_by,
)


def test_a_later_claim_is_recorded_and_refused() -> None:
    there = Scenario(journey(started_by(), message("a")))
    there.at("10:00", Event("identify", user_id="ann", anonymous_id="x"))
    there.at("11:00", Event("identify", user_id="bob", anonymous_id="x"))
    changes = [decode_change(entry.value) for entry in there.entries if entry.topic == CHANGES]
    (told,) = [change for change in changes if change.kind == "merge_refused"]
    assert (told.contact, told.value, told.at) == ("x", "bob", instant("11:00"))


class Partition:
    """A partition whose own records are handed back when the test says so."""

    def __init__(self, *bodies: dict[str, Any]):
        definitions = Definitions()
        for record in definition_records(bodies, 0):
            definitions.apply(record)
        self.fold = PartitionFold(0, definitions, {}, 0)
        self.said: list[Entry] = []

    def read(self, at: int, key: str, value: bytes) -> list[Entry]:
        self.fold.push([Record(self.fold.next_offset, at, key, value)])
        self.said += (said := self.fold.work(1_000))
        return [entry for entry in said if entry.topic == EVENTS]

    def trait(self, contact: str, path: str) -> Any:
        state = self.fold.fold.open(self.fold.states[contact])
        return Subject(contact, state, self.fold.definitions.at(self.fold.logged_at)).trait(path)


def test_what_spans_contacts_is_told_by_records_and_counts_when_they_are_read() -> None:
    gold = {"kind": "segment", "id": "gold", "where": {"trait": "account.plan", "op": "eq", "value": "gold"}}
    there = Partition(gold)
    group = Event("group", "g1", 1_000, user_id="ann", group_id="acme", traits={"plan": "gold"})
    (to_account,) = there.read(1_000, "ann", encode(group))
    assert to_account.key == "account:acme"
    (to_contact,) = there.read(2_000, to_account.key, to_account.value)
    assert to_contact.key == "ann"
    assert there.trait("ann", "account.plan") != "gold"
    there.read(3_000, to_contact.key, to_contact.value)
    assert there.trait("ann", "account.plan") == "gold"
    (flip,) = [decode_change(entry.value) for entry in there.said if entry.topic == CHANGES]
    assert (flip.kind, flip.at) == ("segment_entered", 3_000)

    says = Event("identify", "i1", 4_000, user_id="ann", anonymous_id="x", traits={"email": "a@example.com"})
    keys = [entry.key for entry in there.read(4_000, "ann", encode(says))]
    assert sorted(keys) == [f"address:{address_hash('a@example.com')}", "x"]


def test_a_record_without_its_key_is_recorded() -> None:
    there = Scenario(journey(started_by(), message("a"), key="properties.order"))
    there.at("10:00", event("go")).expect(refused("key missing", "10:00"))


def test_conversions_are_counted_for_thirty_days() -> None:
    bought = journey(started_by(), message("a"), goal={"performed": "order"})
    end = instant("10:00") + 30 * DAY
    last, over = format_instant(end - 1), format_instant(end)
    Scenario(bought).at("10:00", event("go")).at(last, event("order")).expect(converted(last))
    Scenario(bought).at("10:00", event("go")).at(over, event("order")).expect_no("converted")


def test_sends_after_a_downtime_carry_their_instants_and_when_they_expire() -> None:
    nodes = [started_by(), pause("1h", "p1"), message("a"), pause("1h", "p2"), message("b", expires="2h")]
    there = Scenario(journey(*nodes, class_="marketing"))
    there.at("09:00", Event("consent_changed", user_id="u", properties={"channel": "email", "status": "subscribed"}))
    there.at("10:00", event("go")).until("wed 10:00").expect(send("a", "11:00"), send("b", "12:00"))
    assert [made.expires - made.at for made in there.sends()] == [12 * HOUR, 2 * HOUR]


def test_contacts_are_spread_over_the_hundred() -> None:
    """Of 10,000 a tenth lies in each tenth, but for five standard deviations: sqrt(10,000 · 0.1 · 0.9) = 30."""
    places = [bucket("salt", f"contact-{i}") for i in range(10_000)]
    for tenth in range(0, 100, 10):
        assert abs(sum(tenth <= place < tenth + 10 for place in places) - 1_000) < 150
    assert all(0 <= place < 100 for place in places)
