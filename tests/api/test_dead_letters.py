"""Dead letters and CRM records over HTTP."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.engine import run_flow
from connectors.ingest_flow import GROUP, build
from connectors.log_clock import Clock, wall_ms
from connectors.sqlite_log import SqliteLog
from schemas.topics import CRM
from tests.api.support import ADMIN, WRITE_KEY, TestClient, api, events, letters, records

KEY = (WRITE_KEY, "")
CONTACT = {"entity": "contact", "op": "created", "id": "ann", "at": "2026-01-31T09:00:00Z", "data": {"city": "Bern"}}
WON = {"contact_id": "ann", "stage": "won", "amount": 5}
DEAL = {"entity": "deal", "op": "created", "id": "d1", "at": "2026-01-31T09:00:00Z", "data": WON}


@pytest.fixture
def both(tmp_path: Path) -> Iterator[tuple[TestClient, SqliteLog]]:
    with api(tmp_path) as made:
        yield made


@pytest.fixture
def client(both: tuple[TestClient, SqliteLog]) -> TestClient:
    return both[0]


@pytest.fixture
def log(both: tuple[TestClient, SqliteLog]) -> SqliteLog:
    return both[1]


def listed(client: TestClient, **params: Any) -> list[dict[str, Any]]:
    return client.get("/v1/dead_letters", params=params, headers=ADMIN).json()["items"]


def ingest(log: SqliteLog) -> None:
    """The ingest flow, until it has read all of `crm`."""
    parts = range(log.partitions(CRM))
    run_flow(build(log, poll_ms=1, stop=lambda: all(log.committed(GROUP, CRM, n) == log.end(CRM, n) for n in parts)))


def test_what_was_set_aside_is_listed_with_its_reason_and_its_bytes(client):
    client.post("/v1/track", content=b"\xffno", auth=KEY)
    (letter,) = listed(client)
    assert b64decode(letter["raw"]) == b"\xffno"
    assert (letter["text"], letter["source"], letter["is_replayed"]) == ("\ufffdno", "http:track", False)
    assert client.get(f"/v1/dead_letters/{letter['id']}", headers=ADMIN).json() == letter


def test_a_list_is_paged_and_filtered(client):
    for i in range(5):
        client.post("/v1/track" if i else "/v1/page", content=f"bad {i}".encode(), auth=KEY)
    page = client.get("/v1/dead_letters", params={"limit": 2}, headers=ADMIN).json()
    assert [item["text"] for item in page["items"]] == ["bad 0", "bad 1"]
    rest = client.get("/v1/dead_letters", params={"limit": 3, "after": page["next"]}, headers=ADMIN).json()
    assert ([item["text"] for item in rest["items"]], rest["next"]) == (["bad 2", "bad 3", "bad 4"], None)
    assert [item["text"] for item in listed(client, source="http:page")] == ["bad 0"]
    assert client.get("/v1/dead_letters", params={"after": "x"}, headers=ADMIN).status_code == 400


def test_a_replay_with_a_corrected_body_takes_it_and_marks_the_letter(client, log):
    client.post("/v1/track", json={"userId": "ann"}, auth=KEY)
    (letter,) = listed(client)
    replay = f"/v1/dead_letters/{letter['id']}/replay"
    refused = client.post(replay, headers=ADMIN)
    assert refused.status_code == 422
    assert "event: is missing" in refused.json()["errors"][0]["message"]
    answer = client.post(replay, json={"userId": "ann", "event": "paid"}, headers=ADMIN)
    assert answer.json() == {"id": letter["id"], "records": 1}
    assert [e.event for e in events(log)] == ["paid"]
    assert listed(client, waiting=True) == []
    assert [item["is_replayed"] for item in listed(client)] == [True]


def test_a_replay_twice_gives_the_same_event(client, log):
    client.post("/v1/track", json={"userId": "ann"}, auth=KEY)
    (letter,) = listed(client)
    for _ in range(2):
        client.post(f"/v1/dead_letters/{letter['id']}/replay", json={"userId": "ann", "event": "paid"}, headers=ADMIN)
    first, second = events(log)
    assert first == second


def test_only_admins_see_and_replay(client):
    assert client.get("/v1/dead_letters", auth=KEY).status_code == 401
    assert client.post("/v1/dead_letters/x/replay", auth=KEY).status_code == 401
    assert client.get("/v1/dead_letters/x", headers=ADMIN).status_code == 404
    assert client.post("/v1/dead_letters/x/replay", headers=ADMIN).status_code == 404


# The CRM


def test_a_record_and_a_list_of_them_are_appended_as_they_came(client, log):
    assert client.post("/v1/crm", json=CONTACT, headers=ADMIN).json() == {"success": True, "set_aside": 0, "errors": []}
    assert client.post("/v1/crm", json=[CONTACT | {"id": "b"}, CONTACT | {"id": "c"}], headers=ADMIN).status_code == 200
    assert sorted(r.key for r in records(log, CRM)) == ["ann", "b", "c"]
    assert client.post("/v1/crm", json=CONTACT, auth=KEY).status_code == 401


def test_of_a_list_the_bad_are_set_aside_and_a_bad_single_one_is_a_problem(client, log):
    answer = client.post("/v1/crm", json=[CONTACT, {"entity": "lead"}], headers=ADMIN)
    assert (answer.status_code, answer.json()["set_aside"], answer.json()["errors"][0]["index"]) == (200, 1, 1)
    assert client.post("/v1/crm", json={"entity": "lead"}, headers=ADMIN).status_code == 400
    assert client.post("/v1/crm", content=b"[{", headers=ADMIN).status_code == 400
    assert {letter.source for letter in letters(log)} == {"crm"}
    assert len(records(log, CRM)) == 1


def test_a_record_that_the_mapping_cannot_read_is_replayed_once_it_can(client, log, tmp_path):
    """A deal without a currency: set aside, the mapping is fixed, the letter replayed, the deal won."""
    client.post("/v1/crm", json=DEAL, headers=ADMIN)
    ingest(log)
    (letter,) = listed(client, source="crm")
    assert letter["reason"] == "data.currency: is missing; data.amount needs a currency"
    to = {"type": "track", "event": "deal_won", "user": "data.contact_id"}
    to["properties"] = {"amount_minor": {"from": "data.amount", "money": "CHF"}}
    client.put("/v1/crm_mappings/default", json={"rules": [{"entity": "deal", "to": to}]}, headers=ADMIN)
    replay = f"/v1/dead_letters/{letter['id']}/replay"
    assert client.post(replay, headers=ADMIN).status_code == 422  # active a second after it was published
    later = SqliteLog(tmp_path / "log.db", partitions=2, clock=Clock(wall=lambda: wall_ms() + 2_000))
    later.append([])  # the log's time goes on, for all who use it
    later.close()
    assert client.post(replay, headers=ADMIN).status_code == 200
    ingest(log)
    assert [(e.event, e.properties) for e in events(log)] == [("deal_won", {"amount_minor": 500})]
