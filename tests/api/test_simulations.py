"""Simulations over the retained history, by HTTP: what ran comes out again, drafts differ, every fault is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.times import DAY, HOUR, from_ms
from tests.api.living import Living, living
from tests.flows.journeys.scenario import journey, message, node, pause, segment

SIMULATE = "/v1/journeys/j/simulate"
START = node("start", "trigger", on={"event": "go"})
LIVE = journey(START, message("mail", template="hello"), pause("4h"), message("end", template="hello"))
SHORT = journey(START, message("mail", template="hello"), pause("1h"))
TEMPLATE = {"kind": "email_template", "id": "hello", "class": "transactional", "subject": "s", "html": "<p>x</p>"}


@pytest.fixture
def lived(tmp_path: Path) -> Iterator[Living]:
    """Six people entered the live version and went through it; two of them also long ago, by an import."""
    with living(tmp_path) as made:
        made.publish(LIVE, TEMPLATE, segment("gold", {"trait": "plan", "op": "eq", "value": "gold"}))
        for n in range(6):
            made.say(f"c{n}", "identify", f"id-{n}", traits={"email": f"c{n}@example.com", "plan": "gold"})
            made.say(f"c{n}", "track", f"go-{n}", event="go")
        for n in range(2):
            made.say(f"c{n}", "track", f"old-{n}", at=made.now - 9 * DAY, event="go", historical=True)
        made.settle(5 * HOUR)
        yield made


def test_what_ran_comes_out_again(lived: Living):
    found = lived.post(SIMULATE, {"imported": "imported", "outcomes": "none"})
    assert (found["entered"], found["completed"], found["sends_total"]) == (6, 6, 12)
    assert found["nodes"] == {"start": 6, "mail": 6, "pause": 6, "end": 6, "done": 6}
    assert found["seconds"]["nodes"]["pause"] == {"runs": 6, "p50": 4 * 3_600, "p90": 4 * 3_600}
    run = lived.get("/v1/contacts/c0")["journeys"][0]
    assert found["sample"][0]["entered"][:19] == run["entered_at"][:19]


def test_imported_history_counts_as_if_it_had_come_when_it_happened_unless_it_is_not_to(lived: Living):
    assert lived.post(SIMULATE, {})["entered"] == 8
    assert lived.post(SIMULATE, {"imported": "imported"})["entered"] == 6


def test_a_draft_is_compared_with_what_stands(lived: Living):
    found = lived.post(SIMULATE, {"journey": SHORT, "against": "live", "imported": "imported"})
    assert (found["entered"], found["sends_total"]) == (6, 6)
    assert found["against"]["live"]["sends"] == {"end": 6, "mail": 6}
    assert found["against"]["difference"]["sends"] == {"end": -6}
    assert found["against"]["difference"]["seconds"]["all"] == {"p50": -3 * 3_600, "p90": -3 * 3_600}
    assert lived.get("/v1/contacts/c0")["journeys"][0]["version"] == 1


def test_given_rates_answer_and_a_share_of_the_contacts_is_a_share(lived: Living):
    rates = {"email": {"delivered": 1, "opened": 1, "clicked": 0}}
    found = lived.post(SIMULATE, {"outcomes": rates, "imported": "imported"})
    assert found["answers"] == {"email_delivered": 12, "email_opened": 12, "email_sent": 12}
    part = lived.post(SIMULATE, {"share": 40, "imported": "imported"})
    assert part["entered"] < 6
    assert lived.post(SIMULATE, {"share": 40, "imported": "imported"})["entered"] == part["entered"]


def test_rates_are_measured_from_what_became_of_messages(lived: Living):
    sends = [row["id"] for row in lived.world.clickhouse.query("SELECT id FROM sends FINAL ORDER BY id")]
    for place, send in enumerate(sends):
        facts = ["email_sent", *(["email_delivered"] if place < 9 else []), *(["email_opened"] if place < 3 else [])]
        for fact in facts:
            properties = {"send": send, "journey": "j", "template": "hello"}
            lived.say("c0", fact, f"{send}-{fact}", properties=properties)
    lived.settle()
    measured = lived.post(SIMULATE, {})["history"]["outcomes"]
    assert measured["email/hello"] == {"delivered": 0.75, "opened": 0.3333, "clicked": 0.0}
    assert measured["email"] == measured["email/hello"]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"journey": {**LIVE, "id": "k"}}, "as in the address"),
    ({"journey": {**LIVE, "edges": []}}, "nodes.mail"),
    ({"journey": journey(START, node("w", "wait", for_segment="none"))}, "nodes.w.for_segment"),
    ({"definitions": [{"kind": "segment", "id": "x"}]}, "segment x"),
    ({"outcomes": {"email": {"opened": 2}}}, "opened"),
    ({"share": 0}, "share"),
    ({"more": 1}, "more"),
]


def test_what_cannot_be_simulated_is_refused_with_its_place(lived: Living):
    for body, said in REFUSED:
        answer = lived.client.post(SIMULATE, json=body)
        assert answer.status_code == 422, answer.text
        assert said in answer.text


def test_a_journey_that_does_not_stand_needs_a_draft(lived: Living):
    address = "/v1/journeys/new/simulate"
    assert lived.client.post(address, json={}).status_code == 404
    draft = {**SHORT, "id": "new"}
    assert lived.client.post(address, json={"journey": draft, "against": "live"}).status_code == 404
    assert lived.post(address, {"journey": draft})["entered"] == 8


CAMPAIGN = {"kind": "campaign", "id": "spring", "type": "one_time", "class": "transactional"} | {
    "audience": {"segment": "gold"},
    "content": {"channel": "email", "template": "hello"},
}


def test_a_campaign_that_was_never_launched_is_tried_over_the_history(lived: Living):
    address = "/v1/campaigns/spring/simulate"
    assert lived.client.post(address, json={}).status_code == 404
    rates = {"email": {"delivered": 1, "opened": 1, "clicked": 0}}
    found = lived.post(address, {"campaign": CAMPAIGN, "imported": "imported", "outcomes": rates})
    assert (found["audience"], found["sends_total"], found["answers"]["email_opened"]) == (6, 6, 6)
    assert {send["contact"] for send in found["sends"]} == {f"c{n}" for n in range(6)}
    before = lived.now - 6 * HOUR
    early = {"campaign": CAMPAIGN, "imported": "imported", "at": f"{from_ms(before).isoformat()}"}
    assert lived.post(address, early)["audience"] == 0
    wrong = {**CAMPAIGN, "audience": {"segment": "none"}}
    refused = lived.client.post(address, json={"campaign": wrong})
    assert (refused.status_code, "there is no segment" in refused.text) == (422, True)
    assert lived.get("/v1/campaigns")["items"] == []


def test_snapshots_that_conditions_name_have_their_members(lived: Living):
    made = lived.client.post("/v1/segments/gold/snapshots", json={"id": "then"})
    assert made.status_code < 300, made.text
    lived.settle()
    of_snapshot = journey(START, message("mail", template="hello"), exit_when={"snapshot": "then"})
    found = lived.post(SIMULATE, {"journey": of_snapshot, "imported": "imported"})
    assert found["exited"] == {"exit_when": 6}
    asked = {**CAMPAIGN, "audience": {"snapshot": "then"}}
    found = lived.post("/v1/campaigns/spring/simulate", {"campaign": asked, "imported": "imported"})
    assert found["audience"] == 6
