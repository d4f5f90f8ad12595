"""SendGrid's webhook: the vendor's own signatures, and real payloads with what another product makes of them."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from flows.delivery.origin import Origin
from schemas.errors import UnreadableRecord
from sinks.providers.sendgrid_events import is_signed, normalise, read

ORIGIN = Origin("send-1", "ann", "email")
OURS = msgspec.json.encode(ORIGIN).decode()
# Anymail's names for what we call otherwise; None: it asks for nothing here
NAMES = {"rejected": "bounced", "queued": None, "deferred": None}


@pytest.mark.data
def test_signatures_are_told_apart_as_the_vendor_does(shared: Path):
    vectors = json.loads((shared / "data/webhook_samples/signature_sendgrid_event_webhook.json").read_text())["vectors"]
    assert {v["valid"] for v in vectors} == {True, False}
    for v in vectors:
        signed = is_signed(v["public_key_base64_der"], v["signature_base64"], v["timestamp"], v["payload"].encode())
        assert signed == v["valid"], v["name"]


@pytest.mark.parametrize("key", ["", "!", "AAAA", "MFkw"])
def test_an_odd_key_or_signature_is_no_signature(key: str):
    assert not is_signed(key, "MEUCIG", "1", b"[]")


def cases(shared: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    found = json.loads((shared / "data/webhook_samples/sendgrid_events.json").read_text())["cases"]
    return [(p, e) for case in found for p, e in zip(case["payload"], case["expected_events"], strict=True)]


@pytest.mark.data
def test_real_payloads_are_normalised(shared: Path):
    seen: set[str] = set()
    for payload, expected in cases(shared):
        [row] = read(json.dumps([payload | {"waxwing": OURS}]).encode())
        kind = expected.get("event_type", "delivered")
        name = NAMES.get(kind, kind)
        if name is None:
            assert row.event is None
            assert row.fault == ""
            continue
        event = row.event
        assert event is not None
        assert (event.outcome, event.origin) == (name, ORIGIN)
        assert event.id == expected.get("event_id", payload["sg_event_id"])
        if "timestamp" in expected:
            assert event.at == datetime.fromisoformat(expected["timestamp"]).timestamp() * 1000
        assert event.address == expected.get("recipient", payload["email"])
        assert event.url == expected.get("click_url", "")
        seen.add(payload["event"])
    assert seen >= {"delivered", "dropped", "bounce", "open", "click"}


@pytest.mark.parametrize(
    ("payload", "permanent"),
    [
        ({"event": "bounce", "type": "bounce"}, True),
        ({"event": "bounce", "type": "blocked"}, False),
        ({"event": "dropped", "reason": "Bounced Address"}, True),
        ({"event": "dropped", "reason": "Unsubscribed Address"}, False),
        ({"event": "open"}, False),
    ],
)
def test_only_what_will_never_arrive_is_permanent(payload: dict[str, Any], permanent: bool):
    assert normalise(payload | {"sg_event_id": "e", "timestamp": 1, "waxwing": OURS}).permanent == permanent


def test_an_open_by_apples_proxy_is_by_a_machine():
    opened = {"event": "open", "sg_event_id": "e", "timestamp": 1, "waxwing": OURS}
    assert normalise(opened | {"sg_machine_open": True}).machine
    assert not normalise(opened | {"sg_machine_open": False}).machine


def test_other_peoples_mail_is_passed_over_and_what_cannot_be_read_is_told_beside_what_can():
    rows = read(
        json.dumps(
            [
                {"event": "open", "sg_event_id": "a", "timestamp": 1},
                {"event": "open", "sg_event_id": "b", "timestamp": 1, "waxwing": OURS},
                {"event": "open", "timestamp": 1, "waxwing": OURS},
                {"event": "open", "sg_event_id": "d", "timestamp": "soon", "waxwing": OURS},
                {"event": "new thing", "sg_event_id": "e", "timestamp": 1, "waxwing": OURS},
                {"event": "open", "sg_event_id": "f", "timestamp": 1, "waxwing": "[1]"},
                {"event": ["x"], "waxwing": OURS},
                7,
            ]
        ).encode()
    )
    assert [(r.event is not None, bool(r.fault)) for r in rows] == [(False, False), (True, False)] + [(False, True)] * 6


@pytest.mark.parametrize("body", [b"", b"{}", b"[", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_list_is_refused(body: bytes):
    with pytest.raises(UnreadableRecord, match="JSON list"):
        read(body)
