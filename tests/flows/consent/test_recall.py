"""What the fold takes back of what it has planned."""

from __future__ import annotations

from typing import Any

from flows.warehouse.rows import add_rows
from schemas.ids import address_hash
from schemas.records import Event, Record, Send, decode_send
from schemas.topics import SENDS
from tests.flows.journeys.scenario import Scenario, event, journey, message, started_by
from tests.flows.policy.test_caps import yes


def no(topic: str = "default", status: str = "unsubscribed") -> Event:
    said = yes("email", topic)
    said.properties["status"] = status
    return said


def suppressed(address: str) -> Event:
    said: dict[str, Any] = {"channel": "email", "address_hash": address_hash(address), "reason": "bounced"}
    return Event("address_suppressed", properties=said, user_id="u")


def recalls(scenario: Scenario) -> list[tuple[str, str, str, str]]:
    found = [decode_send(e.value) for e in scenario.entries if e.topic == SENDS]
    return [(s.channel, s.topic, s.message_class, s.recall) for s in found if s.recall]


def test_withdrawn_consent_takes_marketing_back_once():
    scenario = Scenario().at("09:00", yes("email"), no(), no()).at("10:00", no("news"), no("news", "pending"))
    assert recalls(scenario) == [
        ("email", "default", "marketing", "unsubscribed"),
        ("email", "news", "marketing", "no_consent"),
    ]


def test_the_present_address_when_it_is_suppressed_takes_everything_back_and_another_nothing():
    scenario = Scenario().at("09:00", suppressed("old@example.com"), suppressed("u@example.com"))
    assert recalls(scenario) == [("email", "default", "transactional", "suppressed")]


def test_history_that_is_imported_takes_nothing_back():
    assert recalls(Scenario().at("09:00", yes("email"), no(), suppressed("u@example.com"), historical=True)) == []


def test_a_recall_comes_after_the_sends_that_it_concerns_and_is_no_message_in_the_tables():
    body = journey(started_by(), message("mail"), class_="marketing")
    scenario = Scenario(body).at("09:00", yes("email"), event("go")).at("10:00", no())
    records = [Record(n, 1, e.key, e.value) for n, e in enumerate(e for e in scenario.entries if e.topic == SENDS)]
    sends: list[Send] = [decode_send(record.value) for record in records]
    assert [send.recall for send in sends] == ["", "unsubscribed"]
    tables: dict[str, list[Any]] = {}
    add_rows(SENDS, 0, records, tables)
    assert [row[1] for row in tables["sends"]] == [sends[0].id]
