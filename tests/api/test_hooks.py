"""Webhooks and links through the real app on a real log."""

from __future__ import annotations

import json
import stat
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI

from api import hooks, links
from connectors.sqlite_log import SqliteLog
from flows.content.links import Links, sign
from flows.content.links import Token as LinkToken
from flows.content.short_links import Short, code_of
from flows.delivery.origin import Origin
from infra.link_key import link_key
from infra.settings import Settings
from schemas.ids import address_hash
from schemas.records import Definition, Entry, Event, decode_dead_letter, encode
from sinks.providers.sendgrid_events import SIGNATURE_HEADER, TIMESTAMP_HEADER
from tests.api.support import TestClient, api, settings
from tests.flows.delivery.support import TEMPLATE, events_of, everything, plan, send

PRIVATE = generate_private_key(SECP256R1())
PUBLIC = b64encode(PRIVATE.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
ORIGIN = Origin("send-1", "ann", "email", "spring", "welcome", 3, "hello", "t", "news", "sendgrid")
PERSON = {"User-Agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_4) AppleWebKit/537.36"}
Api = tuple[TestClient, SqliteLog, Settings]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Api]:
    with api(tmp_path, sendgrid_webhook_key=PUBLIC) as (client, log):
        app = client.app
        assert isinstance(app, FastAPI)
        for router in (hooks.router, links.router):
            app.include_router(router)
        yield client, log, settings(tmp_path)


def row(event: str, id: str, **more: Any) -> dict[str, Any]:
    ours = msgspec.json.encode(ORIGIN).decode()
    said = {"event": event, "sg_event_id": id, "timestamp": 1_700_000_000, "email": "ann@example.com", "waxwing": ours}
    return said | more


def post(client: TestClient, rows: Any, *, at: float | None = None, sent: bytes | None = None) -> Any:
    """Sign the rows as SendGrid does, and send them, or other bytes in their place."""
    body, timestamp = json.dumps(rows).encode(), str(int(time.time() if at is None else at))
    signature = b64encode(PRIVATE.sign(timestamp.encode() + body, ECDSA(SHA256()))).decode()
    headers = {SIGNATURE_HEADER: signature, TIMESTAMP_HEADER: timestamp}
    return client.post("/hooks/sendgrid", content=body if sent is None else sent, headers=headers)


def names(log: SqliteLog) -> list[str]:
    return sorted(e.type for e in events_of(log))


def only(log: SqliteLog, name: str) -> Event:
    [event] = [e for e in events_of(log) if e.type == name]
    return event


def test_signed_events_are_on_the_log_when_it_answers(served: Api):
    client, log, _ = served
    answer = post(client, [row("delivered", "a"), row("bounce", "b", type="bounce", reason="550")])
    assert answer.json() == {"taken": 2, "ignored": 0, "unreadable": 0}
    assert names(log) == ["address_suppressed", "email_bounced", "email_delivered"]
    assert only(log, "address_suppressed").properties["address_hash"] == address_hash("ann@example.com")
    assert only(log, "email_delivered").at == 1_700_000_000_000


def test_delivered_twice_it_is_one_fact(served: Api):
    client, log, _ = served
    for _ in range(2):
        assert post(client, [row("open", "a")]).status_code == 200
    assert names(log) == ["email_opened"]


@pytest.mark.parametrize("sent", [b"[]", b"", json.dumps([row("open", "b")]).encode(), b"\x1f\x8b"])
def test_a_body_that_was_not_signed_is_refused_and_changes_nothing(served: Api, sent: bytes):
    client, log, _ = served
    answer = post(client, [row("open", "a")], sent=sent)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert names(log) == []


def test_without_a_signature_nothing_is_read(served: Api):
    client, log, _ = served
    assert client.post("/hooks/sendgrid", json=[row("open", "a")]).status_code == 401
    assert names(log) == []


@pytest.mark.parametrize("off_s", [-3_600, 3_600])
def test_a_replay_is_refused(served: Api, off_s: int):
    client, log, _ = served
    answer = post(client, [row("open", "a")], at=time.time() + off_s)
    assert (answer.status_code, "replay" in answer.json()["detail"]) == (401, True)
    assert names(log) == []


def test_without_a_key_it_is_closed(tmp_path: Path):
    with api(tmp_path) as (client, log):
        assert isinstance(client.app, FastAPI)
        client.app.include_router(hooks.router)
        assert post(client, [row("open", "a")]).status_code == 503
        assert names(log) == []


def test_a_signed_body_that_is_no_list_is_a_bad_request(served: Api):
    assert post(served[0], {"event": "open"}).status_code == 400


def test_what_cannot_be_read_is_kept_and_the_rest_stands(served: Api):
    client, log, _ = served
    bad = row("open", "x") | {"timestamp": "soon"}
    assert post(client, [bad, row("open", "a"), {"event": "open"}]).json() == {
        "taken": 1,
        "ignored": 1,
        "unreadable": 1,
    }
    [letter] = [decode_dead_letter(r.value) for r in everything(log, "dead_letters")]
    assert json.loads(letter.raw) == bad
    assert letter.source == "hook:sendgrid"


# Links


def link(of: Settings, place: str = "") -> Links:
    return Links("", link_key(of), ORIGIN, place)


def test_the_pixel_says_that_it_was_opened(served: Api):
    client, log, of = served
    answer = client.get(link(of).url("o"), headers=PERSON)
    assert (answer.headers["content-type"], answer.content[:6]) == ("image/gif", b"GIF89a")
    assert "no-store" in answer.headers["cache-control"]
    opened = only(log, "email_opened")
    assert (opened.user_id, opened.properties["campaign"]) == ("ann", "spring")
    assert "machine" not in opened.properties


def test_a_click_goes_to_the_signed_target_and_is_told(served: Api):
    client, log, of = served
    answer = client.get(link(of).url("c", "https://a.example/x?y=1&z=2"), headers=PERSON, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://a.example/x?y=1&z=2")
    assert only(log, "link_followed").properties["url"] == "https://a.example/x?y=1&z=2"


@pytest.mark.parametrize("agent", ["", "Googlebot/2.1", "python-requests/2", "Barracuda Sentinel"])
def test_programs_that_follow_links_are_marked(served: Api, agent: str):
    client, log, of = served
    client.get(link(of).url("c", "https://a.example"), headers={"User-Agent": agent}, follow_redirects=False)
    assert only(log, "link_followed").properties["machine"] is True


@pytest.mark.parametrize("path", ["/o/x", "/c/aHR0cHM6Ly9ldmlsLmV4YW1wbGU", "/u/x", "/m/x"])
def test_a_link_that_was_not_made_here_leads_nowhere(served: Api, path: str):
    client, log, _ = served
    assert client.get(path, follow_redirects=False).status_code == 404
    assert names(log) == []


def test_a_link_signed_for_one_purpose_does_not_serve_another(served: Api):
    client, log, of = served
    token = sign(link_key(of), LinkToken("o", ORIGIN, "https://evil.example"))
    assert client.get(f"/c/{token}", follow_redirects=False).status_code == 404
    assert client.post(f"/u/{token}").status_code == 404
    assert names(log) == []


def test_a_get_unsubscribes_nobody(served: Api):
    client, log, of = served
    answer = client.get(link(of).unsubscribe_url)
    assert answer.status_code == 200
    assert '<form method="post">' in answer.text
    assert names(log) == []


@pytest.mark.parametrize(
    ("form", "topics"),
    [
        ({"List-Unsubscribe": "One-Click"}, {"news"}),  # RFC 8058
        ({"scope": "topic"}, {"news"}),
        ({"scope": "all"}, {"news", "default"}),
        ({}, {"news"}),
    ],
)
def test_a_post_unsubscribes(served: Api, form: dict[str, str], topics: set[str]):
    client, log, of = served
    assert client.post(link(of).unsubscribe_url, data=form).status_code == 200
    said = [e for e in events_of(log) if e.type == "consent_changed"]
    assert {e.properties["topic"] for e in said} == topics
    assert {(e.user_id, e.properties["status"], e.properties["source"]) for e in said} == {
        ("ann", "unsubscribed", "link")
    }
    assert only(log, "email_unsubscribed").properties["campaign"] == "spring"


def test_the_message_can_be_viewed_as_it_was_sent_without_tracking(served: Api):
    client, log, of = served
    put_template(log)
    sent = send(1)
    plan(log, sent)
    place = f"{log.partition_of('sends', sent.contact)}:0"
    token = sign(link_key(of), LinkToken("m", Origin(sent.id, sent.contact, "email"), place))
    answer = client.get(f"/m/{token}")
    assert answer.status_code == 200
    assert 'href="https://a.example"' in answer.text or "href='https://a.example'" in answer.text
    assert "/o/" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "img-src 'self' https:" in answer.headers["content-security-policy"]


def test_another_message_than_the_signed_one_is_not_shown(served: Api):
    client, log, of = served
    put_template(log)
    plan(log, send(1))
    place = f"{log.partition_of('sends', 'c1')}:0"
    assert client.get(f"/m/{sign(link_key(of), LinkToken('m', ORIGIN, place))}").status_code == 404


def test_a_short_link_leads_to_the_link_of_its_number_in_the_message(served: Api):
    client, log, of = served
    put_template(
        log, {"kind": "sms_template", "id": "t", "body": "{{ hi }} https://a.example/1 or https://a.example/2"}
    )
    sent = msgspec.structs.replace(send(1), channel="sms", data={"hi": "Hello"})
    plan(log, sent)
    partition = log.partition_of("sends", sent.contact)
    answer = client.get(f"/s/{code_of(link_key(of), Short(partition, 0, 1))}", headers=PERSON, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://a.example/2")
    clicked = only(log, "link_followed")
    assert (clicked.user_id, clicked.properties["send"], clicked.properties["url"]) == (
        sent.contact,
        sent.id,
        "https://a.example/2",
    )


@pytest.mark.parametrize("short", [Short(0, 0, 2), Short(0, 9, 0)])
def test_a_short_link_of_what_is_not_there_leads_nowhere(served: Api, short: Short):
    client, log, of = served
    put_template(log, {"kind": "sms_template", "id": "t", "body": "https://a.example/1 or https://a.example/2"})
    plan(log, msgspec.structs.replace(send(1), channel="sms"))
    assert client.get(f"/s/{code_of(link_key(of), short)}", follow_redirects=False).status_code == 404
    assert names(log) == []


def put_template(log: SqliteLog, body: dict[str, Any] = TEMPLATE) -> None:
    published = Definition(body["kind"], "t", "publish", 1, body)
    log.append([Entry("definitions", f"{body['kind']}/t", encode(published))])


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path):
    of = settings(tmp_path)
    assert link_key(of) == link_key(of)
    assert stat.S_IMODE((tmp_path / "link.key").stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["link.key"]
