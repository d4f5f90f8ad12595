"""Segment's HTTP API, over a real log."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from segment.analytics.client import Client

from connectors.sqlite_log import SqliteLog
from schemas.errors import LogUnavailable
from schemas.topics import EVENTS
from tests.api.support import ADMIN, WRITE_KEY, TestClient, api, events, letters, records, served

CALL = {"userId": "ann", "event": "paid", "messageId": "m-1"}
KEY = (WRITE_KEY, "")


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


def batch(*calls: Any, **fields: Any) -> dict[str, Any]:
    return {"batch": list(calls), **fields}


@pytest.mark.parametrize(
    ("call", "fields"),
    [
        ("track", {"event": "paid"}),
        ("identify", {"traits": {"plan": "gold"}}),
        ("page", {"name": "Home"}),
        ("screen", {"name": "Home"}),
        ("group", {"groupId": "acme"}),
        ("alias", {"previousId": "anon"}),
    ],
)
def test_each_call_is_answered_once_it_is_on_the_log(client, log, call, fields):
    answer = client.post(f"/v1/{call}", json={"userId": "ann", **fields}, auth=KEY)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert [(r.key, e.type) for r, e in zip(records(log, EVENTS), events(log), strict=True)] == [("ann", call)]


def test_a_batch_keeps_its_order_and_shares_its_sent_at_and_context(client, log):
    calls = [{"type": "track", "event": f"e{i}", "userId": "ann", "messageId": f"m{i}"} for i in range(5)]
    calls[0]["context"] = {"ip": "own"}
    sent = batch(*calls, sentAt="2020-01-01T00:00:00Z", context={"ip": "shared", "app": 1})
    assert client.post("/v1/batch", json=sent, auth=KEY).json() == {"success": True}
    assert [json.loads(r.value)["event"] for r in records(log, EVENTS)] == [f"e{i}" for i in range(5)]
    assert [e.context for e in events(log)][:2] == [{"ip": "own", "app": 1}, {"ip": "shared", "app": 1}]


def test_equal_calls_without_ids_and_times_are_events_of_their_own(client, log):
    call = {"type": "track", "userId": "ann", "event": "ping"}
    client.post("/v1/batch", json=batch(call, call), auth=KEY)
    assert len({e.id for e in events(log)}) == 2


def test_of_a_batch_the_good_stand_and_the_bad_are_set_aside_whole_with_their_reason(client, log):
    bad = {"type": "track", "userId": "ann", "messageId": "bad"}
    answer = client.post("/v1/batch", json=batch({"type": "track", **CALL}, bad, 7), auth=KEY)
    assert answer.status_code == 200
    assert answer.json()["set_aside"] == 2
    assert [fault["index"] for fault in answer.json()["errors"]] == [1, 2]
    assert [e.id for e in events(log)] == ["m-1"]
    kept = letters(log)
    assert (kept[0].source, json.loads(kept[0].raw)) == ("http:event", bad)
    assert kept[0].reason.startswith("event: is missing")
    assert kept[1].raw == b"7"


def test_a_batch_of_only_bad_events_is_answered_as_segment_does(client):
    assert client.post("/v1/batch", json=batch({"type": "x"}), auth=KEY).status_code == 200
    assert client.post("/v1/batch", json=batch(), auth=KEY).json() == {"success": True}


@pytest.mark.parametrize("call", ["track", "batch"])
@pytest.mark.parametrize("body", [b"\xff\x00 no JSON", b'{"batch":[', b'[{"userId":1}]', b'{"batch":7,"userId":[]}'])
def test_a_body_that_cannot_be_read_is_a_problem_and_a_dead_letter_with_its_bytes(client, log, call, body):
    answer = client.post(f"/v1/{call}", content=body, auth=KEY)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    (kept,) = letters(log)
    assert (kept.raw, kept.source) == (body, f"http:{call}")
    assert kept.id in answer.json()["detail"]
    assert not events(log)


def test_a_bad_single_call_is_a_problem_that_says_what_would_be_right(client, log):
    answer = client.post("/v1/track", json={"userId": "ann"}, auth=KEY)
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("event: is missing; a track call needs the event's name")
    assert len(letters(log)) == 1


def test_gzip_bodies_are_taken(client, log):
    packed = gzip.compress(json.dumps(CALL).encode())
    answer = client.post("/v1/track", content=packed, headers={"Content-Encoding": "gzip"}, auth=KEY)
    assert (answer.status_code, [e.id for e in events(log)]) == (200, ["m-1"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"no gzip", 400),
        (gzip.compress(b'{"a":1}' * 99)[:-9], 400),
        (gzip.compress(b" " * 50_000_000), 413),  # 50 MB in 48 KB
        (zlib.compress(b"{}"), 400),
    ],
    ids=["nonsense", "cut", "bomb", "deflate"],
)
def test_gzip_that_is_broken_cut_or_a_bomb_is_refused(client, body, status):
    assert len(body) < 100_000
    answer = client.post("/v1/batch", content=body, headers={"Content-Encoding": "gzip"}, auth=KEY)
    assert answer.status_code == status
    assert client.post("/v1/batch", content=b"", headers={"Content-Encoding": "br"}, auth=KEY).status_code == 415


def test_a_body_over_500_kb_is_refused_and_one_event_over_32_kb_is_set_aside(client, log):
    large = {"type": "track", **CALL, "properties": {"text": "x" * 33_000}}
    assert client.post("/v1/batch", content=b" " * 512_001, auth=KEY).status_code == 413
    assert client.post("/v1/batch", json=batch(large), auth=KEY).json()["set_aside"] == 1
    assert letters(log)[0].reason.startswith("call: has 33")


# Who may call


@pytest.mark.parametrize("auth", [None, ("wrong", ""), ("", ""), ("admin-key", "")])
def test_without_the_write_key_nothing_is_taken_and_nothing_kept(client, log, auth):
    answer = client.post("/v1/track", json=CALL, auth=auth)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert not events(log)
    assert not letters(log)


@pytest.mark.parametrize("header", ["Basic", "Basic !!!", "Basic /w==", "Bearer", "Bearer wrong", "nonsense"])
def test_a_malformed_authorization_is_refused(client, header):
    assert client.post("/v1/track", json=CALL, headers={"Authorization": header}).status_code == 401


def test_a_browser_may_put_the_write_key_in_the_body_and_call_from_any_origin(client, log):
    origin = {"Origin": "https://shop.example", "Content-Type": "text/plain"}
    answer = client.post("/v1/t", content=json.dumps({**CALL, "writeKey": WRITE_KEY}), headers=origin)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert [e.id for e in events(log)] == ["m-1"]
    asked = client.options("/v1/batch", headers={**origin, "Access-Control-Request-Method": "POST"})
    assert asked.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in client.get("/health", headers=origin).headers


def test_only_an_operator_states_own_facts(client, log):
    fact = {"userId": "ann", "event": "consent_changed", "properties": {"channel": "email", "status": "subscribed"}}
    assert client.post("/v1/track", json=fact, auth=KEY).status_code == 400
    assert client.post("/v1/track", json=fact, headers=ADMIN).status_code == 200
    assert [e.type for e in events(log)] == ["consent_changed"]


def test_without_an_admin_key_nobody_is_an_operator_of_ingest(tmp_path):
    with api(tmp_path, admin_key="") as (client, _):
        assert client.post("/v1/track", json=CALL).status_code == 401


# Operation


def test_a_log_that_cannot_be_reached_is_a_503_that_asks_to_try_again(client, log, monkeypatch):
    def fail(*_: object) -> None:
        raise LogUnavailable("disk full")

    monkeypatch.setattr(log, "append", fail)
    answer = client.post("/v1/track", json=CALL, auth=KEY)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "disk" not in answer.text


def test_health_readiness_and_counts_are_open(client):
    client.post("/v1/track", json=CALL, auth=KEY)
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").json() == {"status": "ready"}
    assert 'waxwing_events_received_total{call="track"}' in client.get("/metrics").text


def test_what_does_not_exist_is_a_problem_too(client):
    answer = client.get("/v1/nowhere")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert client.get("/v1/track").status_code == 405


def test_the_openapi_page_names_every_call(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert {f"/v1/{c}" for c in ("track", "identify", "page", "screen", "group", "alias", "batch")} <= set(paths)
    assert "/v1/t" not in paths


# Segment's own SDK


@pytest.mark.slow
@pytest.mark.parametrize("packed", [False, True])
def test_segments_python_sdk_works_unchanged(tmp_path, packed):
    with served(tmp_path) as (url, log):
        failed: list[Any] = []
        sdk = Client(WRITE_KEY, host=url, gzip=packed, on_error=lambda e, batch: failed.append(e), max_retries=1)
        sdk.identify("ann", {"email": "ann@example.com"})
        sdk.track("ann", "order_completed", {"total": 12.5, "currency": "CHF"})
        sdk.page("ann", "Docs", "Rates", {"path": "/rates"})
        sdk.screen("ann", "Docs", "Rates")
        sdk.group("ann", "acme", {"plan": "team"})
        sdk.alias("anon", "ann")
        for i in range(150):  # more than one batch of the SDK's
            sdk.track(f"user-{i}", "login")
        sdk.flush()
        sdk.shutdown()
        assert not failed
        kept = events(log)
        assert sorted({e.type for e in kept}) == ["alias", "group", "identify", "page", "screen", "track"]
        assert len(kept) == 156
        assert not letters(log)
        page = next(e for e in kept if e.type == "page")
        assert page.properties == {"path": "/rates", "name": "Rates", "category": "Docs"}
        assert all(e.at <= e.received_at for e in kept)


@pytest.mark.slow
def test_segments_python_sdk_is_told_of_a_wrong_key(tmp_path):
    with served(tmp_path) as (url, log):
        failed: list[Any] = []
        sdk = Client("wrong", host=url, on_error=lambda e, batch: failed.append(e), max_retries=0)
        sdk.track("ann", "order_completed")
        sdk.flush()
        sdk.shutdown()
        assert failed
        assert not events(log)
