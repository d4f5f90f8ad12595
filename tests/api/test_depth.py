"""Conditions of a thousand levels over HTTP: published, read, previewed, counted, explained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tests.api.living import Living, living
from tests.api.support import ADMIN, api
from tests.infra.commands.test_depth import condition, journey, segment

LEVELS = 1_000
FIELDS = ("if", "branches", "exit_when", "goal")


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Living]:
    with living(tmp_path) as made:
        made.say("ann", "identify", "i1", traits={"plan": "gold"})
        made.settle()
        yield made


def test_definitions_are_published_and_read(tmp_path: Path) -> None:
    texts = {"segments": [segment(LEVELS)], "journeys": [journey(field, LEVELS) for field in FIELDS]}
    with api(tmp_path) as (client, _):
        for collection, bodies in texts.items():
            for version, text in enumerate(bodies, 1):
                put = client.put(f"/v1/{collection}/deep", content=text, headers=ADMIN)
                assert put.status_code == (201 if version == 1 else 200), put.text[:500]
                assert put.headers["ETag"] == f'"{version}"'
                got = client.get(f"/v1/{collection}/deep", headers=ADMIN)
                assert msgspec.json.decode(got.content)["body"] == msgspec.json.decode(text)
            listed = client.get(f"/v1/{collection}", headers=ADMIN)
            assert len(msgspec.json.decode(listed.content)["items"]) == 1


def test_a_segment_is_previewed(there: Living) -> None:
    found = there.client.post("/v1/segments/preview", content=condition(LEVELS))
    assert found.status_code == 200, found.text[:500]
    assert found.json()["members"] == 1


def test_a_segment_is_counted_and_explained(there: Living) -> None:
    there.publish(msgspec.json.decode(segment(LEVELS)))
    assert there.get("/v1/segments/deep/count")["members"] == 1
    found = there.client.get("/v1/contacts/ann/explain", params={"segment": "deep"})
    assert found.status_code == 200, found.text[:500]
    assert "X-Waxwing-Watermark" in found.headers
    told = msgspec.json.decode(found.content)
    assert (told["member"], told["agrees"]) == (True, True)
    node, levels = told["why"], 0
    while "parts" in node:
        node, levels = node["parts"][0], levels + 1
    assert levels == LEVELS


def test_a_run_is_explained(there: Living) -> None:
    there.publish(msgspec.json.decode(journey("if", LEVELS)))
    there.say("ann", "track", "g1", event="a")
    there.settle()
    found = there.client.get("/v1/contacts/ann/journeys/deep/explain")
    assert found.status_code == 200, found.text[:500]
    assert [run["ended"]["reason"] for run in msgspec.json.decode(found.content)["runs"]] == ["completed"]
