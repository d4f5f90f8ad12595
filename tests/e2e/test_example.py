"""The specification's own example, end to end through HTTP, in an installation as a user starts it.

A contact is created, is a New Signup, enters Welcome v2, its template is rendered, consent is checked, the message is
sent, delivered and opened; a conversion is credited to it and the open moves the engagement score. Without consent the
same contact gets no mail, and the reason is recorded.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.records import LEAD_MS
from tests.e2e.installation import Installation, installation

pytestmark = pytest.mark.slow

SEGMENT = {"kind": "segment", "id": "new-signups", "where": {"trait": "created_at", "op": "within_last", "value": "7d"}}
TEMPLATE = {
    "kind": "email_template",
    "id": "hello",
    "class": "marketing",
    "subject": "Welcome, {{ first_name }}",
    "html": '<p>Hello {{ first_name }}, <a href="https://bank.example/start">start here</a>.'
    ' <a href="{{ unsubscribe_url }}">Unsubscribe</a></p>',
}
JOURNEY: dict[str, Any] = {
    "kind": "journey",
    "id": "welcome",
    "nodes": [
        {"id": "start", "type": "trigger", "on": {"segment": "new-signups", "change": "entered"}},
        {"id": "pause", "type": "wait", "for": "1s"},
        {"id": "hello", "type": "action", "do": "send", "channel": "email", "template": "hello"},
        {"id": "done", "type": "exit", "reason": "welcomed"},
    ],
    "edges": [{"from": "start", "to": "pause"}, {"from": "pause", "to": "hello"}, {"from": "hello", "to": "done"}],
}
SUMMARY = {
    "events",
    "contacts",
    "segments",
    "journeys",
    "messages",
    "revenue_minor",
    "dead_letters",
    "watermark_age_ms",
}
PEOPLE = [f"p{n}" for n in range(30)]  # so many that the sandbox's contacts will have opened something


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("example")) as made:
        made.put("/v1/segments/new-signups", SEGMENT)
        made.put("/v1/templates/hello", TEMPLATE)
        made.put("/v1/journeys/welcome", JOURNEY)
        made.put("/v1/journeys/welcome", {**JOURNEY, "name": "Welcome v2"})
        active = time.monotonic() + 1.5 * LEAD_MS / 1_000
        made.eventually(lambda: time.monotonic() > active, "what was published becomes active")
        for person in [*PEOPLE, "silent"]:
            sign_up(made, person, consents=person != "silent")
        yield made


def sign_up(made: Installation, person: str, consents: bool) -> None:
    """What a bank's CRM says when a person becomes a customer."""
    now = datetime.now(UTC).isoformat()
    data = {
        "first_name": person.title(),
        "email": f"{person}@example.com",
        "created_at": now,
        "email_consent": "subscribed" if consents else "unsubscribed",
    }
    record = {"entity": "contact", "op": "created", "id": person, "at": now, "data": data}
    made.client.post("/v1/crm", json=record).raise_for_status()


def kinds(made: Installation, person: str) -> list[str]:
    """What stands in a contact's timeline, by name."""
    return [item["kind"] for item in timeline(made, person)]


def timeline(made: Installation, person: str) -> list[dict[str, Any]]:
    found = made.get(f"/v1/contacts/{person}/timeline", limit=200)
    return found["timeline"] if found else []


def opener(made: Installation) -> str | None:
    """Somebody who has opened the message."""
    return next((p for p in PEOPLE if "email_opened" in kinds(made, p)), None)


def test_a_new_contact_is_a_new_signup_and_enters_the_second_version_of_welcome(running: Installation):
    contact = running.eventually(
        lambda: (c := running.get("/v1/contacts/p0")) and "new-signups" in json.dumps(c) and c, "p0 in the segment"
    )
    assert "P0" in json.dumps(contact)
    entered = running.eventually(
        lambda: [i for i in timeline(running, "p0") if i["kind"] == "journey_entered"], "p0 enters welcome"
    )
    assert (entered[0]["detail"]["journey"], entered[0]["detail"]["version"]) == ("welcome", "2")


def test_its_message_is_rendered_sent_delivered_and_opened_by_some(running: Installation):
    person = running.eventually(lambda: opener(running), "an open")
    assert {"email_sent", "email_delivered", "email_opened"} <= set(kinds(running, person))


def test_an_open_moves_the_engagement_score(running: Installation):
    person = running.eventually(lambda: opener(running), "an open")
    scores = [i for i in timeline(running, person) if i["kind"] == "score"]
    assert len(scores) >= 2
    running.eventually(lambda: running.get(f"/v1/scores/{person}"), "its score")


def test_a_conversion_is_credited_to_the_campaign(running: Installation):
    person = running.eventually(lambda: opener(running), "an open")
    running.call(
        "track",
        userId=person,
        event="order_completed",
        properties={"order_id": "o-1", "total": 49.9, "currency": "EUR"},
    )
    running.eventually(
        lambda: running.get("/v1/summary")["revenue_minor"].get("welcome", {}).get("EUR") == 4_990,
        "credit of 49.90 EUR",
    )


def test_without_consent_there_is_no_mail_and_a_recorded_reason(running: Installation):
    skipped = running.eventually(
        lambda: [i for i in timeline(running, "silent") if i["kind"] == "send_skipped"], "a skip of silent"
    )
    assert "no_consent" in json.dumps(skipped)
    assert "email_sent" not in kinds(running, "silent")


def test_the_identity_of_messages_holds(running: Installation):
    m = running.eventually(
        lambda: (m := running.get("/v1/summary")["messages"])["planned"] == 31 and not m["queued"] and m, "31 planned"
    )
    assert m["planned"] == m["sent"] + m["skipped"] + m["failed"] + m["unknown"] + m["queued"]


def test_a_run_for_some_seconds_ends_by_itself_with_a_summary_and_goes_on_where_it_was(tmp_path: Path):
    totals = []
    for _ in range(2):
        command = [sys.executable, "-m", "infra.cli", "run", "--demo", "--for", "12s"]
        env = {"WAXWING_DATA": str(tmp_path), "WAXWING_PORT": "0", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        done = subprocess.run(command, capture_output=True, env=env, timeout=90, check=True)
        summary = json.loads(done.stdout)
        assert set(summary) == SUMMARY
        assert summary["dead_letters"] == 0
        totals.append(summary["events"])
    assert totals[1] > totals[0] > 400
