"""What a segment costs, refused where it costs too much; how far its past is; and that it can be cancelled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.records import Entry, Event, encode
from schemas.topics import EVENTS
from sinks.hydration_journal import Journal
from sinks.past_store import PastStore
from tests.api.support import ADMIN, TestClient, api

OFTEN = "/v1/segments/often"
BOUGHT = {"performed": "buy", "count": {"op": "gte", "value": 3}, "within": "30d"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with api(tmp_path) as (made, log):
        made.headers.update(ADMIN)
        log.append([Entry(EVENTS, "c", encode(Event("track", "1", 0, "buy")))])
        yield made


def test_what_it_keeps_of_a_contact_is_shown_leaf_by_leaf(client):
    where = {"or": [BOUGHT, {"trait": "plan", "op": "exists"}]}
    memory = client.put(OFTEN, json={"where": where}).json()["memory"]
    assert [leaf["bytes"] for leaf in memory["leaves"]] == [30, 0]
    assert memory["bytes"] == 30
    assert client.get(OFTEN).json()["memory"] == memory
    assert client.put("/v1/topics/news", json={}).json()["memory"] is None


def test_one_that_keeps_too_much_is_refused_and_the_leaf_named(client):
    long = {"performed": "buy", "count": {"op": "gte", "value": 10**6}, "within": "36500d"}
    refused = client.put(OFTEN, json={"where": {"and": [BOUGHT, long]}})
    assert refused.status_code == 422
    (fault,) = refused.json()["errors"]
    assert "36500" in fault["message"] or "3153600000000" in fault["message"]
    assert "bytes a contact" in fault["message"]


def test_how_far_its_past_is_brought_is_told(client, tmp_path):
    made = client.put(OFTEN, json={"where": BOUGHT}).json()
    assert made["status"] == "warming"
    assert made["hydration"] == {"stage": "waiting", "done": 0, "contacts": 0}
    files = PastStore((tmp_path / "files").absolute().as_uri())
    Journal(files).tell({("segment", "often")}, "folding", 0.25, 1_000)
    assert client.get(OFTEN).json()["hydration"] == {"stage": "folding", "done": 0.25, "contacts": 1_000}
    Journal(files).clear()
    assert client.get(OFTEN).json()["hydration"]["stage"] == "waiting"
    files.close()


def test_what_warms_up_is_cancelled_and_comes_again_by_a_rollback(client):
    client.put("/v1/segments/all", json={"where": {"everyone": True}})
    client.put("/v1/segments/all", json={"where": BOUGHT})
    assert client.delete("/v1/segments/all/hydration").status_code == 204
    assert (client.get("/v1/segments/all").json()["version"], client.get("/v1/segments/all").json()["status"]) == (
        1,
        "active",
    )
    assert client.delete("/v1/segments/all/hydration").status_code == 422
    assert client.post("/v1/segments/all/rollback", json={"version": 2}).json()["status"] == "warming"
    client.put(OFTEN, json={"where": BOUGHT})
    assert client.delete(f"{OFTEN}/hydration").status_code == 204
    assert client.get(OFTEN).status_code == 404
    assert client.post(f"{OFTEN}/rollback", json={"version": 1}).json()["status"] == "warming"
