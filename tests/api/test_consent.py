"""Consent by the API: stated, read back with its history; and lists of addresses that get nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.ids import address_hash
from schemas.records import decode_event
from schemas.topics import EVENTS
from tests.api.living import Living, living
from tests.api.support import ADMIN, api, records
from tests.flows.journeys.scenario import journey, message, started_by

YES = {"contact": "ann", "channel": "email", "topic": "news", "status": "subscribed"}


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with living(Path(tmp_path_factory.mktemp("consent"))) as made:
        made.publish(journey(started_by(), message("mail"), class_="transactional"))
        yield made


def test_what_was_stated_stands_and_its_history_has_its_proofs(there: Living):
    there.say("ann", "identify", "i-ann", traits={"email": "ann@example.com"})
    for status, at in (("subscribed", "2026-09-20T10:00:00Z"), ("unsubscribed", "2026-09-21T10:00:00Z")):
        said = YES | {"status": status, "at": at, "source": "form", "proof": "form 7", "text_version": "v2"}
        assert there.client.post("/v1/consent", json=said).status_code == 200
        assert there.client.post("/v1/consent", json=said).status_code == 200
    there.settle()
    found = there.get("/v1/consent", contact="ann")
    assert found["consent"]["email"]["topics"] == {"news": "unsubscribed"}
    assert [(s["status"], s["topic"], s["source"], s["proof"], s["text_version"]) for s in found["said"]] == [
        ("unsubscribed", "news", "form", "form 7", "v2"),
        ("subscribed", "news", "form", "form 7", "v2"),
    ]


def test_a_listed_address_is_suppressed_for_whoever_has_it_and_for_who_will(there: Living):
    there.say("bob", "identify", "i-bob", traits={"email": "Us@example.com"})
    given = {"channel": "email", "addresses": [" us@example.com", "US@example.com", "late@example.com"]}
    assert there.client.post("/v1/suppressions", json=given).json() == {"suppressed": 2}
    hashed = {"channel": "email", "addresses": [address_hash("cem@example.com").upper()], "hashed": True}
    assert there.client.post("/v1/suppressions", json=hashed).json() == {"suppressed": 1}
    there.settle()
    for name, address in (("dan", "late@example.com"), ("cem", "cem@example.com"), ("eve", "eve@example.com")):
        there.say(name, "identify", f"i-{name}", traits={"email": address})
    there.settle()
    listed = {
        name: there.get(f"/v1/contacts/{name}")["consent"]["email"]["suppressed"]
        for name in ("bob", "cem", "dan", "eve")
    }
    assert listed == {"bob": True, "cem": True, "dan": True, "eve": False}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/consent", YES | {"status": "maybe"}),
        ("/v1/consent", YES | {"contact": ""}),
        ("/v1/consent", YES | {"at": "yesterday"}),
        ("/v1/consent", YES | {"colour": "red"}),
        ("/v1/suppressions", {"channel": "webhook", "addresses": ["x"]}),
        ("/v1/suppressions", {"channel": "email", "addresses": []}),
        ("/v1/suppressions", {"channel": "email", "addresses": ["ann@example.com"], "hashed": True}),
    ],
)
def test_what_says_nothing_is_refused_with_the_place_of_its_fault(tmp_path: Path, path: str, body: dict[str, Any]):
    with api(tmp_path) as (client, log):
        answer = client.post(path, json=body, headers=ADMIN)
        assert answer.status_code == 422
        assert answer.json()["errors"]
        assert records(log, EVENTS) == []


def test_a_contact_cannot_be_called_like_an_address_s_key_and_a_future_statement_is_of_now(tmp_path: Path):
    with api(tmp_path) as (client, log):
        assert client.post("/v1/consent", json=YES | {"contact": "address:00"}, headers=ADMIN).status_code == 400
        ahead = YES | {"at": "2999-01-01T00:00:00Z"}
        assert client.post("/v1/consent", json=ahead, headers=ADMIN).status_code == 200
        [event] = [decode_event(r.value) for r in records(log, EVENTS)]
        assert event.at == event.received_at


def test_only_who_may_administrate_states_consent(tmp_path: Path):
    with api(tmp_path) as (client, log):
        assert client.post("/v1/consent", json=YES).status_code == 401
        assert client.post("/v1/suppressions", json={"channel": "email", "addresses": ["a"]}).status_code == 401
        assert records(log, EVENTS) == []
