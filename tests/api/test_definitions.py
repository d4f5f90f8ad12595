"""Definitions over HTTP, and who may change them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.definitions import KINDS
from schemas.topics import DEFINITIONS
from tests.api.support import ADMIN, ADMIN_KEY, WRITE_KEY, TestClient, api

NEWS = "/v1/topics/news"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with api(tmp_path) as (made, _):
        made.headers.update(ADMIN)
        yield made


def test_a_definition_is_put_read_listed_and_deleted(client):
    made = client.put(NEWS, json={"name": "News", "channel": "email"})
    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    read = client.get(NEWS)
    assert read.json()["body"] == {"kind": "topic", "id": "news", "name": "News", "channel": "email"}
    assert (read.json()["version"], read.json()["name"], read.headers["etag"]) == (1, "News", '"1"')
    assert [item["id"] for item in client.get("/v1/topics").json()["items"]] == ["news"]
    assert client.delete(NEWS).status_code == 204
    assert client.get(NEWS).status_code == 404
    assert client.get("/v1/topics").json() == {"items": [], "next": None}


def test_the_same_again_is_no_new_version(client):
    client.put(NEWS, json={"name": "News"})
    assert client.put(NEWS, json={"name": "News"}).json()["version"] == 1
    assert client.put(NEWS, json={"name": "New"}).json()["version"] == 2


def test_versions_are_read_and_rolled_back_to(client):
    for name in "abc":
        client.put(NEWS, json={"name": name})
    assert client.get(NEWS, params={"version": 2}).json()["name"] == "b"
    assert client.post(f"{NEWS}/rollback", json={"version": 1}).json()["name"] == "a"
    listed = client.get(f"{NEWS}/versions").json()
    assert [(v["version"], v["is_current"]) for v in listed] == [(3, False), (2, False), (1, True)]
    assert client.get(NEWS).json()["latest_version"] == 3


def test_of_two_editors_the_second_is_told(client):
    first = client.put(NEWS, json={"name": "a"}).headers["etag"]
    assert client.put(NEWS, json={"name": "b"}, headers={"If-Match": first}).status_code == 200
    refused = client.put(NEWS, json={"name": "c"}, headers={"If-Match": first})
    assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")
    assert "is at version 2, not at 1" in refused.json()["detail"]
    assert client.put(NEWS, json={"name": "c"}, params={"expected_version": 1}).status_code == 409
    assert client.post(f"{NEWS}/rollback", json={"version": 1}, headers={"If-Match": first}).status_code == 409
    assert client.delete(NEWS, headers={"If-Match": first}).status_code == 409
    assert client.put(NEWS, json={"name": "c"}, headers={"If-Match": '"2"'}).status_code == 200
    assert client.put("/v1/topics/new", json={}, params={"expected_version": 0}).status_code == 201
    assert client.put(NEWS, json={}, headers={"If-Match": "abc"}).status_code == 400


def test_every_fault_is_a_problem_with_its_path(client):
    answer = client.put(NEWS, json={"channel": "fax", "colour": 1})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert {e["path"] for e in answer.json()["errors"]} == {"channel", "colour"}
    assert client.get(NEWS).status_code == 404


def test_the_address_and_the_body_may_not_disagree(client):
    answer = client.put(NEWS, json={"kind": "segment", "id": "other"})
    assert {e["path"] for e in answer.json()["errors"]} == {"kind", "id"}
    assert client.put(NEWS, content=b"[]").status_code == 400
    assert client.put(NEWS, content=b" " * 1_048_577).status_code == 413
    assert client.post(f"{NEWS}/rollback", json={"version": "x"}).status_code == 422


@pytest.mark.parametrize(
    "asked",
    [
        {"content": b'{"version": 1}'},
        {"content": b'{"version": 1}', "headers": {"content-type": "application/x-www-form-urlencoded"}},  # curl -d
        {"params": {"version": 1}},
    ],
)
def test_a_rollback_says_its_version_in_the_address_or_in_a_body_of_any_media_type(client, asked):
    client.put(NEWS, json={"name": "a"})
    client.put(NEWS, json={"name": "b"})
    assert client.post(f"{NEWS}/rollback", **asked).json()["name"] == "a"


def test_a_rollback_to_no_version_says_that_it_is_missing(client):
    client.put(NEWS, json={"name": "a"})
    answer = client.post(f"{NEWS}/rollback")
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"path": "version", "message": "is missing"}])


def test_what_is_not_there_is_404_and_a_bad_rollback_says_what_there_is(client):
    for path in (NEWS, f"{NEWS}/versions", f"{NEWS}?version=9"):
        assert client.get(path).status_code == 404
    assert client.delete(NEWS).status_code == 404
    assert client.post(f"{NEWS}/rollback", json={"version": 1}).status_code == 404


def test_templates_of_all_sorts_are_one_collection(client):
    sms = {"kind": "sms_template", "body": "Hello"}
    assert client.put("/v1/templates/hello", json=sms).status_code == 201
    assert client.get("/v1/templates/hello").json()["kind"] == "sms_template"
    assert client.get("/v1/sms_templates/hello").json()["version"] == 1
    assert client.put("/v1/templates/x", json={"body": "Hello"}).status_code == 422


def test_a_list_is_paged_by_cursor_and_what_is_added_meanwhile_repeats_nothing(client):
    ids = [f"t{i:02d}" for i in range(7)]
    for id in ids:
        client.put(f"/v1/topics/{id}", json={})
    seen: list[str] = []
    page = client.get("/v1/topics", params={"limit": 3}).json()
    client.put("/v1/topics/a-new-one-before", json={})
    while True:
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        page = client.get("/v1/topics", params={"limit": 3, "after": page["next"]}).json()
    assert seen == ids
    assert client.get("/v1/topics", params={"after": "!"}).status_code == 400


def test_every_kind_has_its_schema_and_its_collection(client):
    assert set(client.get("/v1/schemas").json()) == set(KINDS)
    for kind, where in client.get("/v1/schemas").json().items():
        assert client.get(where).json()["properties"]["kind"]["const"] == kind
    assert client.get("/v1/schemas/nonsense").status_code == 404
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/topics/{id}", "/v1/workspaces/{id}/versions", "/v1/templates"} <= set(paths)


def test_two_processes_see_each_others_definitions(client, tmp_path):
    with api(tmp_path) as (other, _):
        other.headers.update(ADMIN)
        client.put(NEWS, json={"name": "a"})
        assert other.get(NEWS).json()["version"] == 1
        other.put(NEWS, json={"name": "b"})
    assert client.get(NEWS).json()["version"] == 2


# Who may


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer wrong", f"Basic {ADMIN_KEY}", f"Bearer {WRITE_KEY}"])
def test_without_the_admin_key_nobody_reads_or_writes(client, header):
    for method in ("GET", "PUT", "DELETE"):
        answer = client.request(method, NEWS, headers={"Authorization": header})
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert client.app.state.deps.log.end(DEFINITIONS, 0) == 0


@pytest.mark.parametrize(
    ("caller", "host", "headers", "status"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080", {}, 200),
        ("::1", "http://[::1]:8080", {}, 200),
        ("127.0.0.1", "http://localhost", {"Origin": "http://localhost"}, 200),  # the console's own page
        ("192.168.1.5", "http://127.0.0.1", {}, 401),
        ("127.0.0.1", "http://127.0.0.1", {"X-Forwarded-For": "9.9.9.9"}, 401),  # a proxy on this machine
        ("127.0.0.1", "http://evil.example", {}, 401),  # a name that was bent to this machine
        ("127.0.0.1", "http://127.0.0.1", {"Origin": "https://evil.example"}, 401),  # a page in somebody's browser
        ("not an address", "http://127.0.0.1", {}, 401),
    ],
)
def test_without_an_admin_key_only_this_machine_is_let_in(tmp_path, caller, host, headers, status):
    with api(tmp_path, admin_key="") as (client, _):
        local = TestClient(client.app, base_url=host, client=(caller, 50_000))
        assert local.get("/v1/topics", headers=headers).status_code == status
        local.close()
