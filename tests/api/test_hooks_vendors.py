"""Webhooks of Postmark, SES, Twilio, Telnyx and OneSignal through the real app: who proves it is taken."""

from __future__ import annotations

import hmac
import json
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI

from api.hooks import certificates
from connectors.sqlite_log import SqliteLog
from flows.delivery.origin import Origin, pack, seal
from flows.delivery.provider import Message
from infra.link_key import link_key
from schemas.ids import uuid5
from schemas.records import Entry, Fallback, Send, encode
from schemas.times import format_instant
from sinks.providers.onesignal_events import name_of
from tests.api.support import TestClient, api, settings
from tests.flows.delivery.support import attempts_of, ends, events_of

EMAIL = Origin("send-1", "ann", "email", "spring", "welcome", 3, "hello", "t", "news", "p")
SMS = Origin("send-2", "ann", "sms", "spring", provider="p")
TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"
CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abc.pem"
ED25519, RSA = Ed25519PrivateKey.generate(), generate_private_key(65537, 2048)
PUBLIC = b64encode(ED25519.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
SECRETS = {"POSTMARK_HOOK": "hook:pass", "SES_HOOK": TOPIC, "TWILIO_HOOK": "token", "TELNYX_HOOK": PUBLIC}
SECRETS["ONESIGNAL_HOOK"] = "stream-token"
Api = tuple[TestClient, SqliteLog, Path]


def pem() -> bytes:
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")]), datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(RSA.public_key()).serial_number(1)
    made = made.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    return made.sign(RSA, SHA256()).public_bytes(Encoding.PEM)


class Amazon:
    """What is fetched from SNS."""

    def __init__(self) -> None:
        self.visited: list[str] = []
        self.pem = pem()

    async def get(self, url: str) -> bytes:
        return self.pem

    async def visit(self, url: str) -> bytes:
        self.visited.append(url)
        return b"ok"


AMAZON = Amazon()


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(f"WAXWING_SECRET_{name}", value)
    AMAZON.visited.clear()
    with api(tmp_path, base_url="https://m.example") as (client, log):
        assert isinstance(client.app, FastAPI)
        client.app.dependency_overrides[certificates] = lambda: AMAZON
        yield client, log, tmp_path


def names(log: SqliteLog) -> list[str]:
    return sorted(e.type for e in events_of(log))


def postmark(client: TestClient, password: str = "pass", **more: Any) -> Any:
    metadata = {f"w{i}": part for i, part in enumerate(pack(EMAIL, 80, 10))}
    body = {"RecordType": "Delivery", "MessageID": "m1", "Recipient": "ann@example.com", "Metadata": metadata}
    body |= {"DeliveredAt": "2023-11-14T22:13:20Z"}
    return client.post("/hooks/postmark", json=body | more, auth=("hook", password))


def address(folder: Path, hook: str, origin: Origin = SMS) -> str:
    return f"/hooks/{hook}?o={seal(link_key(settings(folder)), origin)}"


def telnyx(client: TestClient, folder: Path, at: float = 0, sent: bytes | None = None, path: str = "") -> Any:
    payload = {"to": [{"phone_number": "+41791234567", "status": "delivered"}], "errors": []}
    data = {"event_type": "message.finalized", "id": "e1", "occurred_at": "2023-11-14T22:13:20Z", "payload": payload}
    body, timestamp = json.dumps({"data": data}).encode(), str(int(at or time.time()))
    signature = b64encode(ED25519.sign(f"{timestamp}|".encode() + body)).decode()
    headers = {"telnyx-signature-ed25519": signature, "telnyx-timestamp": timestamp}
    return client.post(path or address(folder, "telnyx"), content=sent or body, headers=headers)


def twilio(client: TestClient, folder: Path, token: str = "token", status: str = "delivered", path: str = "") -> Any:
    form = {"MessageSid": "SM1", "MessageStatus": status, "To": "+41791234567"}
    called = path or address(folder, "twilio")
    said = f"https://m.example{called}" + "".join(k + v for k, v in sorted(form.items()))
    signature = b64encode(hmac.digest(token.encode(), said.encode(), "sha1")).decode()
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    return client.post(called, content=urlencode(form), headers=headers)


def ses(client: TestClient, version: str = "2", **more: str) -> Any:
    tags = {f"waxwing{i}": [part] for i, part in enumerate(pack(EMAIL, 250, 8))}
    mail = {"timestamp": "2023-11-14T22:13:20Z", "destination": ["ann@example.com"], "tags": tags}
    event = {"eventType": "Delivery", "mail": mail, "delivery": {"timestamp": "2023-11-14T22:13:20Z"}}
    said = {
        "Type": "Notification",
        "MessageId": "n1",
        "TopicArn": TOPIC,
        "Message": json.dumps(event),
        "Timestamp": format_instant(int(time.time() * 1000)),
        "SigningCertURL": CERTIFICATE_URL,
        "SignatureVersion": version,
        **more,
    }
    order = ("Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type")
    text = "".join(f"{name}\n{said[name]}\n" for name in order if name in said)
    signature = RSA.sign(text.encode(), PKCS1v15(), SHA1() if version == "1" else SHA256())
    return client.post("/hooks/ses", json=said | {"Signature": b64encode(signature).decode()})


PUSH = Send(uuid5("push", 1), "ann", 1_000, 1 << 52, "email", campaign="spring", node="hello", topic="news")
PUSH.fallback = [Fallback("push", "subscription-1")]


def onesignal(client: TestClient, log: SqliteLog, token: str = "stream-token", place: str = "", **more: Any) -> Any:
    """An event of a push message that was the fallback of a mail, as OneSignal renders its example body."""
    if not place:
        log.append([Entry("sends", PUSH.contact, encode(PUSH))])
        place = f"{log.partition_of('sends', PUSH.contact)}:0"
    name = name_of(Message(Origin(PUSH.id, "ann", "push", provider="phones"), "subscription-1", place=place))
    event = {"event.kind": "message.push.clicked", "event.id": "e1", "event.timestamp": str(int(time.time()))}
    event |= {"event.subscription_id": "subscription-1", "event.data.failure_reason": ""} | more
    body = {"Event Data": event, "Message Data": {"message.name": name, "message.url": "https://a.example"}}
    return client.post("/hooks/onesignal", json=body, headers={"Authorization": f"Bearer {token}"})


TAKEN = {"taken": 1, "ignored": 0, "unreadable": 0}


def test_who_proves_it_is_taken_and_twice_is_one_fact(served: Api):
    client, log, folder = served
    for _ in range(2):
        assert postmark(client).json() == TAKEN
        assert ses(client).json() == TAKEN
        assert telnyx(client, folder).json() == TAKEN
        assert twilio(client, folder).json() == TAKEN
    assert names(log) == ["email_delivered"] * 2 + ["sms_delivered"] * 2  # two vendors say it of each
    assert ends(log) == {"accepted": 2}
    assert {(a.send, a.provider, a.number) for a in attempts_of(log)} == {("send-1", "p", 0), ("send-2", "p", 0)}


def test_onesignal_s_events_have_the_properties_of_their_message_by_its_place_in_the_log(served: Api):
    client, log, _ = served
    for _ in range(2):
        assert onesignal(client, log).json() == TAKEN
    assert onesignal(client, log, **{"event.kind": "message.push.failed", "event.id": "e2"}).json() == TAKEN
    assert names(log) == ["push_bounced", "push_clicked"]
    clicked = next(e for e in events_of(log) if e.type == "push_clicked")
    said = {name: clicked.properties[name] for name in ("send", "campaign", "node", "topic", "provider", "url")}
    assert (clicked.user_id, said) == (
        "ann",
        {
            "send": PUSH.id,
            "campaign": "spring",
            "node": "hello",
            "topic": "news",
            "provider": "phones",
            "url": "https://a.example",
        },
    )
    assert ends(log) == {"accepted": 1}  # it bounced: OneSignal had it


def test_onesignal_s_events_of_others_are_ignored_and_of_sends_that_are_gone_kept(served: Api):
    client, log, _ = served
    assert onesignal(client, log, **{"event.kind": "message.push.sent"}).json()["ignored"] == 1
    assert onesignal(client, log, place="0:7").json()["unreadable"] == 1
    assert onesignal(client, log, place="99:0").json()["unreadable"] == 1
    assert onesignal(client, log, **{"event.timestamp": ""}).json()["unreadable"] == 1
    theirs = {"event.kind": "message.push.clicked", "message.name": "weekly-promo-push"}
    bearer = {"Authorization": "Bearer stream-token"}
    assert client.post("/hooks/onesignal", json=theirs, headers=bearer).json()["ignored"] == 1
    assert client.post("/hooks/onesignal", content=b'{"event.kind', headers=bearer).json()["unreadable"] == 1
    assert names(log) == []
    assert len(log.read("dead_letters", 0, 0)) == 4


@pytest.mark.parametrize("header", ["Bearer wrong", "Basic stream-token", "stream-token", "Bearer", ""])
def test_who_does_not_have_onesignal_s_token_is_refused(served: Api, header: str):
    client, log, _ = served
    assert client.post("/hooks/onesignal", json={}, headers={"Authorization": header}).status_code == 401
    assert names(log) == []


def test_an_event_of_onesignal_s_that_is_repeated_a_day_later_is_a_replay(served: Api):
    client, log, _ = served
    old = str(int(time.time()) - 90_000)
    assert onesignal(client, log, **{"event.timestamp": old}).status_code == 401
    assert names(log) == []


def test_a_wrong_password_is_refused(served: Api):
    client, log, _ = served
    assert postmark(client, "wrong").status_code == 401
    assert client.post("/hooks/postmark", json={}).status_code == 401
    assert client.post("/hooks/postmark", json={}, headers={"Authorization": "Basic ?"}).status_code == 401
    assert names(log) == []


def test_telnyxs_body_and_time_are_what_was_signed(served: Api):
    client, log, folder = served
    assert telnyx(client, folder, sent=b"{}").status_code == 401
    assert telnyx(client, folder, at=time.time() - 3_600).status_code == 401
    assert client.post(address(folder, "telnyx"), content=b"{}").status_code == 401
    assert names(log) == []


def test_an_origin_that_was_not_signed_here_is_refused(served: Api):
    client, log, folder = served
    forged = f"/hooks/{{}}?o={seal(b'another key', SMS)}"
    assert telnyx(client, folder, path=forged.format("telnyx")).status_code == 401
    assert twilio(client, folder, path=forged.format("twilio")).status_code == 401
    assert telnyx(client, folder, path="/hooks/telnyx").status_code == 401
    assert names(log) == []


def test_twilios_address_and_form_are_what_was_signed(served: Api):
    client, log, folder = served
    assert twilio(client, folder, token="another").status_code == 401
    assert client.post(address(folder, "twilio"), content="MessageSid=SM1&MessageStatus=delivered").status_code == 401
    assert twilio(client, folder, status="sending").json() == {"taken": 0, "ignored": 1, "unreadable": 0}
    assert names(log) == []


@pytest.mark.parametrize("version", ["1", "2"])
def test_both_of_snss_signatures_are_known(served: Api, version: str):
    assert ses(served[0], version).json() == TAKEN


@pytest.mark.parametrize(
    "more",
    [
        {"TopicArn": "arn:aws:sns:eu-west-1:666666666666:mail"},
        {"SigningCertURL": "https://evil.example/SimpleNotificationService-0123abc.pem"},
        {"SigningCertURL": "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123abc.pem"},
        {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0.pem"},
        {"SigningCertURL": "https://sns.x@evil.example/SimpleNotificationService-0.pem"},
        {"Timestamp": "2020-01-01T00:00:00.000Z"},
        {"Timestamp": "soon"},
        {"SignatureVersion": "3"},
    ],
)
def test_a_notification_of_somebody_else_or_of_another_day_is_refused(served: Api, more: dict[str, str]):
    client, log, _ = served
    assert ses(client, **more).status_code == 401
    assert names(log) == []


def test_a_subscription_is_confirmed_at_sns_only(served: Api):
    client, log, _ = served
    said = {"Type": "SubscriptionConfirmation", "Token": "t", "Message": "You have chosen…"}
    good = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
    assert ses(client, SubscribeURL=good, **said).status_code == 200
    assert ses(client, SubscribeURL="https://evil.example/", **said).status_code == 200
    assert AMAZON.visited == [good]
    assert names(log) == []


def test_without_a_secret_every_hook_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in SECRETS:
        monkeypatch.delenv(f"WAXWING_SECRET_{name}", raising=False)
    with api(tmp_path) as (client, log):
        answers = (postmark(client), ses(client), telnyx(client, tmp_path), twilio(client, tmp_path))
        for answer in (*answers, onesignal(client, log)):
            assert answer.status_code == 503
            assert "set WAXWING_SECRET_" in answer.json()["detail"]
        assert names(log) == []


def test_what_cannot_be_read_is_kept(served: Api):
    client, log, _ = served
    assert postmark(client, DeliveredAt="soon").json() == {"taken": 0, "ignored": 0, "unreadable": 1}
    assert len(log.read("dead_letters", 0, 0)) == 1
