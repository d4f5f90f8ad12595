"""Facts that come of outcomes."""

from __future__ import annotations

from flows.delivery.origin import origin_of
from flows.delivery.outcomes import ProviderEvent, end_entries, event_entries
from schemas.facts import OWN_FACTS
from schemas.ids import address_hash
from schemas.records import Event, decode_attempt, decode_event
from tests.flows.delivery.support import send

ORIGIN = origin_of(send(1, journey="welcome", version=3, node="hello", topic="news", variant="A"), "sandbox")


def facts(reported: ProviderEvent, received_at: int = 9_000) -> list[Event]:
    return [decode_event(e.value) for e in event_entries(reported, received_at)]


def test_an_outcome_carries_what_conditions_filter_by():
    [fact] = facts(ProviderEvent("clicked", "e1", 5_000, ORIGIN, url="https://a.example"))
    assert (fact.type, fact.user_id, fact.at, fact.received_at) == ("email_clicked", "c1", 5_000, 9_000)
    assert fact.properties == {
        "send": ORIGIN.send,
        "campaign": "spring",
        "journey": "welcome",
        "version": 3,
        "node": "hello",
        "template": "t",
        "topic": "news",
        "provider": "sandbox",
        "variant": "A",
        "url": "https://a.example",
    }


def test_reported_twice_it_is_one_fact_and_another_open_is_another():
    def id(event: str) -> str:
        return facts(ProviderEvent("opened", event, 5_000, ORIGIN))[0].id

    assert id("e1") == id("e1") != id("e2")


def test_a_permanent_bounce_and_a_complaint_suppress_the_address_and_a_soft_bounce_does_not():
    for outcome, permanent, suppresses in (("bounced", True, 1), ("bounced", False, 0), ("complained", False, 1)):
        reported = ProviderEvent(outcome, "e", 5_000, ORIGIN, address=" C1@Example.com ", permanent=permanent)
        lists = [f for f in facts(reported) if f.type == "address_suppressed"]
        assert len(lists) == suppresses
        for fact in lists:
            assert fact.properties["address_hash"] == address_hash("c1@example.com")


def test_who_unsubscribes_at_the_provider_withdraws_consent_for_the_topic():
    _, consent = facts(ProviderEvent("unsubscribed", "e", 5_000, ORIGIN))
    assert consent.type == "consent_changed"
    said = {k: consent.properties[k] for k in ("channel", "topic", "status", "source")}
    assert said == {"channel": "email", "topic": "news", "status": "unsubscribed", "source": "provider"}


def test_an_outcome_is_never_later_than_it_was_received():
    assert facts(ProviderEvent("opened", "e", 99_999, ORIGIN), 9_000)[0].at == 9_000


def test_every_end_is_a_ledger_record_and_a_fact():
    for status, fact in (("accepted", "sent"), ("refused", "failed"), ("skipped", "skipped"), ("unknown", "unknown")):
        attempt, event = end_entries(send(1), ORIGIN, 2, status, 7_000, "why", "p1")
        assert decode_attempt(attempt.value).status == status
        assert decode_event(event.value).type == f"email_{fact}" in OWN_FACTS
        assert decode_event(event.value).properties["reason"] == "why"
