"""Webhooks of Postmark, SES, Twilio and Telnyx, normalised: real payloads with what another product makes of them."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from flows.delivery.origin import Origin, pack, seal, unseal
from flows.delivery.outcomes import ProviderEvent
from schemas.errors import UnreadableRecord
from sinks.providers import postmark_events, ses_events, telnyx_events, twilio_events
from sinks.providers.hook_rows import Row

ORIGIN = Origin("send-1", "ann", "email", "spring")
ANN = {"emailAddress": "ann@example.com"}
NOW = 1_700_000_000_000


def cases(shared: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((shared / "data/webhook_samples/postmark_events.json").read_text())[
        "cases"
    ]
    return found


@pytest.mark.data
def test_postmarks_real_payloads_are_normalised(shared: Path):
    seen: set[str] = set()
    for case in cases(shared):
        payload, [expected] = case["payload"], case["expected_events"]
        event = postmark_events.normalise(payload, ORIGIN, NOW)
        if expected["event_type"] == "subscribed":
            assert event is None
            continue
        assert event is not None
        assert (event.outcome, event.origin) == (expected["event_type"], ORIGIN)
        if "timestamp" in expected:
            assert event.at == int(datetime.fromisoformat(expected["timestamp"]).timestamp() * 1000)
        if "event_id" in expected:
            assert event.id == expected["event_id"]
        assert event.address == expected.get("recipient", "")
        assert event.url == expected.get("click_url", "")
        assert event.permanent == (expected.get("reject_reason") == "bounced")
        seen.add(event.outcome)
    assert seen == {"bounced", "delivered", "opened", "clicked", "complained", "unsubscribed"}


@pytest.mark.data
def test_postmarks_metadata_brings_back_the_origin_and_mail_of_others_is_ignored(shared: Path):
    metadata = {f"w{i}": part for i, part in enumerate(pack(ORIGIN, 80, 10))}
    for case in cases(shared):
        assert postmark_events.read(json.dumps(case["payload"]).encode(), NOW)[0].event is None
        [row] = postmark_events.read(json.dumps(case["payload"] | {"Metadata": metadata}).encode(), NOW)
        assert row.fault == ""
        assert row.event is None or row.event.origin == ORIGIN


def ses(type: str, **said: Any) -> str:
    tags = {f"waxwing{i}": [part] for i, part in enumerate(pack(ORIGIN, 250, 8))}
    mail = {"timestamp": "2023-11-14T22:13:20Z", "messageId": "m1", "destination": ["ann@example.com"], "tags": tags}
    return json.dumps(
        {"eventType": type, "mail": mail, type.lower(): {"timestamp": "2023-11-14T22:13:21.000Z", **said}}
    )


def event_of(rows: list[Row]) -> ProviderEvent | None:
    [row] = rows
    assert row.fault == ""
    return row.event


@pytest.mark.parametrize(
    ("message", "outcome", "permanent"),
    [
        (ses("Delivery"), "delivered", False),
        (ses("Open", userAgent="x"), "opened", False),
        (ses("Complaint", complainedRecipients=[ANN]), "complained", False),
        (ses("Bounce", bounceType="Permanent", bouncedRecipients=[ANN]), "bounced", True),
        (ses("Bounce", bounceType="Transient", bouncedRecipients=[]), "bounced", False),
        (ses("Reject", reason="Bad content"), "bounced", False),
        (ses("Subscription", newTopicPreferences={"unsubscribeAll": True}), "unsubscribed", False),
    ],
)  # fmt: skip
def test_events_of_ses(message: str, outcome: str, permanent: bool):
    event = event_of(ses_events.read(message, "sns-1"))
    assert event is not None
    assert (event.outcome, event.permanent, event.origin) == (outcome, permanent, ORIGIN)
    assert (event.address, event.at) == ("ann@example.com", NOW + 1_000)


def test_a_click_of_ses_has_its_link_and_a_send_says_nothing_new():
    event = event_of(ses_events.read(ses("Click", link="https://a.example"), "sns-1"))
    assert event is not None
    assert event.url == "https://a.example"
    for type in ("Send", "DeliveryDelay", "Rendering Failure"):
        assert event_of(ses_events.read(ses(type), "sns-1")) is None


def test_twilios_signature_is_that_of_its_own_client():
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"  # of twilio-python's tests
    form = {"CallSid": "CA1234567890ABCDE", "Digits": "1234", "From": "+14158675309", "To": "+18005551212"}
    signed = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
    pairs = list((form | {"Caller": "+14158675309"}).items())
    assert twilio_events.is_signed("12345", signed, url, pairs)
    assert not twilio_events.is_signed("12345", signed, url + "x", pairs)
    assert not twilio_events.is_signed("12345", signed, url, pairs[1:])
    assert not twilio_events.is_signed("12345", "", url, pairs)
    assert not twilio_events.is_signed("12345", "é", url, pairs)


@pytest.mark.parametrize(
    ("status", "code", "outcome", "permanent"),
    [
        ("delivered", "", "delivered", False),
        ("undelivered", "30005", "bounced", True),
        ("undelivered", "30003", "bounced", False),
        ("failed", "21610", "unsubscribed", False),
        ("sent", "", None, False),
        ("queued", "", None, False),
    ],
)
def test_statuses_of_twilio(status: str, code: str, outcome: str | None, permanent: bool):
    form = {"MessageSid": "SM1", "MessageStatus": status, "ErrorCode": code, "To": "+41791234567"}
    event = twilio_events.normalise(form, ORIGIN, NOW)
    assert (event.outcome if event else None) == outcome
    assert (event.permanent if event else False) == permanent
    assert event is None or event.id == f"SM1:{status}"


@pytest.mark.parametrize(
    ("status", "code", "outcome", "permanent"),
    [
        ("delivered", "", "delivered", False),
        ("delivery_failed", "40001", "bounced", True),
        ("delivery_failed", "40006", "bounced", False),
        ("sending_failed", "40300", "unsubscribed", False),
        ("delivery_unconfirmed", "", None, False),
    ],
)
def test_statuses_of_telnyx(status: str, code: str, outcome: str | None, permanent: bool):
    payload = {"to": [{"phone_number": "+41791234567", "status": status}], "errors": [{"code": code}] if code else []}
    data = {"event_type": "message.finalized", "id": "e1", "occurred_at": "2023-11-14T22:13:20Z", "payload": payload}
    event = event_of(telnyx_events.read(json.dumps({"data": data}).encode(), ORIGIN))
    assert (event.outcome if event else None) == outcome
    assert (event.permanent if event else False) == permanent
    assert event is None or (event.at, event.address) == (NOW, "+41791234567")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"7", b'{"data":[]}', b'{"mail":{}}', b'{"Metadata":{"w0":"!"}}', b"\xff"]
)
def test_a_body_that_is_not_as_documented_is_told_and_crashes_nothing(body: bytes):
    for rows in (
        postmark_events.read(body, NOW),
        telnyx_events.read(body, ORIGIN),
        ses_events.read(body.decode(errors="replace"), "x"),
    ):
        assert [row.event for row in rows] == [None]
    assert telnyx_events.read(body, ORIGIN)[0].fault != ""


def test_a_sealed_origin_cannot_be_changed():
    sealed = seal(b"key", ORIGIN)
    assert unseal(b"key", sealed) == ORIGIN
    other = seal(b"other", ORIGIN)
    for text in ("", ".", "é.é", sealed[:-1], "A" + sealed, sealed.partition(".")[0], other):
        with pytest.raises(UnreadableRecord):
            unseal(b"key", text)
