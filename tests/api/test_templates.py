"""Templates over HTTP, before they are sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.sqlite_log import SqliteLog
from schemas.records import decode_send
from tests.api.support import ADMIN, TestClient, api, records

EMAIL = {
    "kind": "email_template",
    "subject": "Hi {{ first_name }}",
    "preheader": "News",
    "html": '<p>Hello {{ first_name }}, here is a page.</p><a href="https://a.example">a</a>'
    '<a href="{{ unsubscribe_url }}">leave</a>',
    "sample": {"first_name": "Ann"},
}


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[TestClient, SqliteLog]]:
    with api(tmp_path) as (client, log):
        client.headers.update(ADMIN)
        assert client.put("/v1/templates/hello", json=EMAIL).status_code == 201
        yield client, log


def post(client: TestClient, what: str, **body: Any) -> Any:
    return client.post(f"/v1/templates/hello/{what}", json=body)


def test_a_template_without_fault_passes(served: tuple[TestClient, SqliteLog]):
    assert post(served[0], "lint").json() == {"ok": True, "findings": []}


def test_a_draft_is_looked_at_without_being_published(served: tuple[TestClient, SqliteLog]):
    answer = post(served[0], "lint", body=EMAIL | {"html": '<img src="https://a.example/x.png"><a href="">x</a>'})
    assert {f["code"] for f in answer.json()["findings"]} >= {"no_alt", "broken_link", "no_unsubscribe"}
    assert served[0].get("/v1/templates/hello").json()["version"] == 1


def test_a_draft_with_faults_is_refused_with_their_places(served: tuple[TestClient, SqliteLog]):
    answer = post(served[0], "render", body=EMAIL | {"subject": "{{ x() }}"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "subject"


def test_it_is_rendered_for_its_sample_or_for_other_data(served: tuple[TestClient, SqliteLog]):
    assert post(served[0], "render").json()["rendered"]["subject"] == "Hi Ann"
    assert post(served[0], "render", data={"first_name": "Bo"}).json()["rendered"]["subject"] == "Hi Bo"


def test_what_cannot_be_rendered_says_why(served: tuple[TestClient, SqliteLog]):
    assert post(served[0], "render", data={}).json() == {
        "locale": "en",
        "rendered": None,
        "reason": "'first_name' is missing",
    }


def test_a_test_send_goes_to_the_address_in_the_template_s_class(served: tuple[TestClient, SqliteLog]):
    client, log = served
    answer = post(client, "test", to="me@example.com", contact="me")
    assert answer.status_code == 202
    [send] = [decode_send(r.value) for r in records(log, "sends")]
    assert (send.id, send.contact, send.to) == (answer.json()["send"], "me", "me@example.com")
    assert (send.message_class, send.template_version, send.data) == ("marketing", 1, {"first_name": "Ann"})


def test_versions_are_compared_line_by_line(served: tuple[TestClient, SqliteLog]):
    client = served[0]
    client.put("/v1/templates/hello", json=EMAIL | {"subject": "Hello"})
    told = client.get("/v1/templates/hello/diff", params={"before": 1, "after": 2}).json()["diff"].splitlines()
    assert [line for line in told if line[0] in "+-"][2:] == ["-subject: Hi {{ first_name }}", "+subject: Hello"]
    assert client.get("/v1/templates/hello/diff", params={"before": 1, "after": 9}).status_code == 404


def test_without_the_admin_key_nobody_gets_in(tmp_path: Path):
    with api(tmp_path) as (client, _):
        assert client.post("/v1/templates/hello/test", json={"to": "me@example.com"}).status_code == 401


def test_a_template_that_is_not_there_is_not_found(served: tuple[TestClient, SqliteLog]):
    assert served[0].post("/v1/templates/other/lint").status_code == 404
