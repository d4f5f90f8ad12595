"""Drafts and what is archived: kept and listed, and nothing acts on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.support import ADMIN, TestClient, api

NEWS = "/v1/topics/news"
DRAFT = f"{NEWS}/draft"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with api(tmp_path) as (made, _):
        made.headers.update(ADMIN)
        yield made


def test_a_draft_is_kept_read_listed_and_not_current(client):
    kept = client.put(DRAFT, json={"name": "News"})
    assert (kept.status_code, kept.json()["status"], kept.json()["upon"]) == (200, "draft", 0)
    assert client.get(DRAFT).json()["body"] == {"kind": "topic", "id": "news", "name": "News"}
    assert [(d["kind"], d["id"]) for d in client.get("/v1/drafts").json()["items"]] == [("topic", "news")]
    assert client.get("/v1/drafts", params={"kind": "segment"}).json()["items"] == []
    assert client.get(NEWS).status_code == 404
    assert client.get("/v1/topics").json()["items"] == []


def test_a_later_draft_takes_the_place_of_the_earlier_and_the_standing_version_stays(client):
    client.put(NEWS, json={"name": "a"})
    client.put(DRAFT, json={"name": "b"})
    client.put(DRAFT, json={"name": "c"})
    assert (client.get(DRAFT).json()["name"], client.get(DRAFT).json()["upon"]) == ("c", 1)
    assert client.get(NEWS).json()["name"] == "a"
    assert len(client.get(f"{NEWS}/versions").json()) == 1


def test_a_draft_is_published_once(client):
    client.put(NEWS, json={"name": "a"})
    client.put(DRAFT, json={"name": "b"})
    published = client.post(f"{NEWS}/publish")
    assert (published.json()["version"], published.json()["name"], published.headers["etag"]) == (2, "b", '"2"')
    assert client.get(DRAFT).status_code == 404
    assert client.post(f"{NEWS}/publish").status_code == 404


def test_a_draft_written_upon_an_older_version_is_refused_until_that_is_seen(client):
    client.put(DRAFT, json={"name": "mine"})
    client.put(NEWS, json={"name": "theirs"})
    assert client.post(f"{NEWS}/publish").status_code == 409
    assert client.post(f"{NEWS}/publish", headers={"If-Match": '"1"'}).json()["version"] == 2


def test_a_draft_is_discarded(client):
    client.put(DRAFT, json={})
    assert client.delete(DRAFT).status_code == 204
    assert client.get(DRAFT).status_code == 404
    assert client.delete(DRAFT).status_code == 404


def test_a_draft_has_no_fault_of_its_own_but_may_name_what_is_not_there_yet(client):
    answer = client.put(DRAFT, json={"channel": "fax", "colour": 1})
    assert {e["path"] for e in answer.json()["errors"]} == {"channel", "colour"}
    where = {"segment": "later"}
    journey = {
        "nodes": [
            {"id": "t", "type": "trigger", "on": {"segment": "later", "change": "entered"}},
            {"id": "x", "type": "exit"},
        ],
        "edges": [{"from": "t", "to": "x"}],
    }
    assert client.put("/v1/segments/s/draft", json={"where": where}).status_code == 200
    assert client.put("/v1/journeys/j/draft", json=journey).status_code == 200
    assert client.post("/v1/journeys/j/publish").status_code == 422
    assert client.get("/v1/journeys/j/draft").status_code == 200


def test_what_is_archived_is_listed_not_current_and_comes_back_by_a_rollback(client):
    client.put(NEWS, json={"name": "a"})
    assert client.post(f"{NEWS}/archive").status_code == 204
    assert client.get(NEWS).status_code == 404
    assert client.get("/v1/topics").json()["items"] == []
    listed = client.get("/v1/archived", params={"kind": "topic"}).json()["items"]
    assert [(one["id"], one["status"]) for one in listed] == [("news", "archived")]
    assert client.post(f"{NEWS}/archive").status_code == 404
    assert client.post(f"{NEWS}/rollback", json={"version": 1}).json()["status"] == "active"
    assert client.get("/v1/archived", params={"kind": "topic"}).json()["items"] == []


def test_a_deep_draft_is_kept_and_read(client):
    text = '{"where": ' + '{"not": ' * 900 + '{"everyone": true}' + "}" * 901
    assert client.put("/v1/segments/deep/draft", content=text).status_code == 200
    assert client.get("/v1/segments/deep/draft").text.count('"not"') == 900
