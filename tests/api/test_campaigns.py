"""Campaigns over the API: previewed, launched, read, paused, resumed, cancelled; refused with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.records import Definition, Entry, decode_send, encode
from schemas.times import SECOND
from schemas.topics import SENDS
from tests.api.living import Living, living
from tests.api.support import records

GOLD = {"kind": "segment", "id": "gold", "where": {"trait": "plan", "op": "eq", "value": "gold"}}
NEWS = {"kind": "topic", "id": "default", "default": "subscribed"}
NOTE = {"kind": "email_template", "id": "note", "subject": "{{ entry.title }}, {{ name }}", "html": "<p>Hello</p>"}
CONTENT = {"channel": "email", "template": "note", "data": {"title": "Spring"}}
SPRING = {"kind": "campaign", "id": "spring", "type": "one_time", "audience": {"segment": "gold"}, "content": CONTENT}
TRIGGERED: dict[str, Any] = {"type": "triggered", "trigger": {"event": "cart"}, "content": CONTENT | {"data": {}}}
SECONDLY = {"messages": 1, "per": "second"}
PEOPLE = ("ann", "bob", "cyd", "dan")


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Living]:
    """Four are gold; dan has no address."""
    with living(tmp_path) as made:
        made.publish(GOLD, NEWS, NOTE)
        for name in PEOPLE:
            mail = {} if name == "dan" else {"email": f"{name}@example.com"}
            made.say(name, "identify", f"i-{name}", traits={"plan": "gold", "name": name, **mail})
        made.say("eve", "identify", "i-eve", traits={"plan": "free", "email": "eve@example.com", "name": "eve"})
        made.settle()
        yield made


def put(there: Living, **fields: Any) -> None:
    body = {k: v for k, v in (SPRING | fields).items() if v is not None}
    answer = there.client.put(f"/v1/campaigns/{body['id']}", json=body)
    assert answer.status_code in (200, 201), answer.text
    there.settle(1_000)


def sends(there: Living) -> list[tuple[str, int]]:
    """(contact, instant) of every distinct send on the log."""
    found = {decode_send(r.value).id: decode_send(r.value) for r in records(there.log, SENDS)}
    return sorted((s.contact, s.at) for s in found.values())


def holds(messages: dict[str, int]) -> bool:
    parts = ("sent", "skipped", "failed", "unknown", "queued")
    return messages["planned"] == sum(messages[part] for part in parts)


def test_every_fault_and_every_unknown_name_comes_back_at_once(there):
    body = SPRING | {
        "audience": {"segment": "nobody"},
        "exclusions": [{"snapshot": "never"}],
        "content": {"channels": ["email", "sms"], "template": "note", "topic": "weather"},
    }
    answer = there.client.put("/v1/campaigns/spring", json=body)
    assert answer.status_code == 422
    assert {e["path"]: e["message"] for e in answer.json()["errors"]} == {
        "content.template": "there is no sms_template 'note'",
        "content.topic": "there is no topic 'weather'",
        "audience": "there is no segment 'nobody'",
        "exclusions.0": "there is no snapshot 'never'",
    }


def test_a_preview_counts_and_shows_messages_and_writes_nothing(there):
    before = there.log.end("definitions", 0)
    body = SPRING | {"exclusions": [{"trait": "name", "op": "eq", "value": "cyd"}]}
    found = there.post("/v1/campaigns/preview", body)
    assert (found["planned"], found["excluded"], found["reachable_any"]) == (3, 1, 2)
    assert found["reachable"] == {"email": 2, "sms": 0, "push": 0}
    assert [(s["contact"], s["rendered"]["subject"]) for s in found["samples"]] == [
        ("ann", "Spring, ann"),
        ("bob", "Spring, bob"),
        ("dan", "Spring, dan"),
    ]
    assert found["refusals"] == []
    assert there.log.end("definitions", 0) == before


def test_a_draft_is_not_launched_and_becomes_the_version_that_its_editor_meant(there):
    draft = "/v1/campaigns/spring/draft"
    elsewhere = SPRING | {"content": SPRING["content"] | {"template": "gone"}}
    assert there.client.put(draft, json=elsewhere).status_code == 200
    assert there.client.post("/v1/campaigns/spring/publish").status_code == 422  # what it names must be there by then
    assert there.client.put(draft, json=SPRING).status_code == 200
    assert refused(there, "launch") == "campaign spring is a draft: publish it first"
    assert [d["id"] for d in there.get("/v1/drafts", kind="campaign")["items"]] == ["spring"]
    assert there.get("/v1/campaigns")["items"] == []
    assert there.client.post("/v1/campaigns/spring/publish").status_code == 200
    there.settle(1_000)
    there.client.put(draft, json=SPRING | {"name": "mine"})
    put(there, name="theirs")
    assert there.client.post("/v1/campaigns/spring/publish").status_code == 409
    assert there.client.delete(draft).status_code == 204
    there.post("/v1/campaigns/spring/launch", {})
    there.settle(60_000)
    assert there.get("/v1/campaigns/spring")["name"] == "theirs"
    assert sends(there) != []


def test_nothing_goes_before_the_launch(there):
    put(there)
    there.settle(60_000)
    assert sends(there) == []
    assert there.get("/v1/campaigns/spring")["phase"] == "draft"


def test_a_broadcast_goes_at_its_rate_to_the_audience_of_its_launch(there):
    put(there, rate=SECONDLY)
    done = there.post("/v1/campaigns/spring/launch", {})
    assert (done["audience"], done["phase"]) == (4, "scheduled")
    there.say("eve", "identify", "late", traits={"plan": "gold"})
    there.say("bob", "identify", "left", traits={"plan": "free"})
    there.settle(1_500)
    found = there.get("/v1/campaigns/spring")
    assert found["messages"] | {"delivered": 0} == found["messages"]
    assert (found["messages"]["planned"], found["messages"]["queued"]) == (4, 4)
    there.settle(10_000)
    went = sends(there)
    assert [contact for contact, _ in went] == ["ann", "bob", "cyd"]
    found = there.get("/v1/campaigns/spring")
    assert (found["phase"], found["skips"]) == ("done", {"no_address": 1})
    assert holds(found["messages"])
    assert found["messages"]["skipped"] == 1
    (launch,) = found["launches"]
    assert (launch["audience"], launch["messages"]["planned"], launch["messages"]["skipped"]) == (4, 4, 1)
    (line,) = there.get("/v1/campaigns")["items"]
    assert (line["id"], line["phase"], line["messages"]["planned"]) == ("spring", "done", 4)
    report = there.get("/v1/reports/campaigns", campaign="spring")["campaigns"]
    assert (report[0]["planned"], report[0]["skipped"]) == (4, 1)


def test_pause_resume_and_cancel_while_it_is_released(there):
    put(there, rate={"messages": 1, "per": "minute"})
    there.post("/v1/campaigns/spring/launch", {})
    there.settle(3_000)
    there.post("/v1/campaigns/spring/pause", {"reason": "a typo"})
    there.settle(600_000)
    found = there.get("/v1/campaigns/spring")
    assert (found["phase"], found["reason"]) == ("paused", "a typo")
    done = len(sends(there)) + found["messages"]["skipped"]
    assert done == 1
    assert holds(found["messages"])
    assert found["messages"]["planned"] == 4
    there.post("/v1/campaigns/spring/resume", {})
    there.settle(70_000)
    found = there.get("/v1/campaigns/spring")
    assert found["phase"] == "running"
    assert len(sends(there)) + found["skips"].get("no_address", 0) == 3
    assert there.post("/v1/campaigns/spring/cancel", {})["phase"] == "cancelled"
    there.settle(600_000)
    found = there.get("/v1/campaigns/spring")
    assert found["skips"]["cancelled"] == 1
    assert holds(found["messages"])
    assert found["messages"]["planned"] == 4
    assert len({contact for contact, _ in sends(there)}) == len(sends(there))


def test_who_waits_for_the_end_of_quiet_hours_can_be_held_back_and_cancelled(there):
    window = {"from": "14:00", "to": "20:00"}  # it is 14:13
    there.publish({"kind": "quiet_hours", "id": "siesta", "window": window})
    put(there)
    there.post("/v1/campaigns/spring/launch", {})
    there.settle(600_000)
    found = there.get("/v1/campaigns/spring")
    assert (found["phase"], found["launches"][0]["phase"], found["messages"]["queued"]) == ("running", "running", 3)
    assert there.post("/v1/campaigns/spring/pause", {})["phase"] == "paused"
    there.post("/v1/campaigns/spring/resume", {})
    there.settle(600_000)
    assert there.get("/v1/campaigns/spring")["phase"] == "running"
    assert there.post("/v1/campaigns/spring/cancel", {})["phase"] == "cancelled"
    there.settle(8 * 3_600_000)
    assert sends(there) == []
    assert there.get("/v1/campaigns/spring")["skips"] == {"cancelled": 3, "no_address": 1}


def refused(there: Living, act: str, id: str = "spring", status: int = 409) -> str:
    answer = there.client.post(f"/v1/campaigns/{id}/{act}", json={})
    assert answer.status_code == status, answer.text
    return str(answer.json()["detail"])


def test_what_does_not_fit_is_refused_with_the_reason(there):
    assert "there is no campaign" in refused(there, "launch", "never", 404)
    put(there)
    assert "nothing of it lasts" in refused(there, "pause")
    assert "not paused" in refused(there, "resume")
    there.post("/v1/campaigns/spring/launch", {})
    assert "was launched" in refused(there, "launch")
    there.settle(10_000)
    assert "cannot be paused" in refused(there, "pause")
    assert "make another campaign" in refused(there, "launch")


def test_a_stale_audience_is_refused(there):
    put(there)
    there.say("zoe", "identify", "i-zoe", traits={"plan": "gold"})
    there.at(there.now + 90 * SECOND)  # the warehouse has not heard of it yet
    assert "stale" in refused(there, "launch")
    there.settle()
    assert there.post("/v1/campaigns/spring/launch", {})["audience"] == 5


def test_an_audience_that_warms_up_is_refused(there):
    where = {"performed": "order_completed"}
    warming = Definition("segment", "gold", "publish", 2, GOLD | {"where": where}, warming=True)
    put(there)
    there.log.append([Entry("definitions", "segment/gold", encode(warming))])
    there.settle()
    assert "segment 'gold' warms up" in refused(there, "launch")
    assert any("warms up" in why for why in there.get("/v1/campaigns/spring/preview")["refusals"])


def test_in_each_contacts_zone_it_goes_at_its_local_time(there):
    there.say("ann", "identify", "z-ann", traits={"timezone": "Asia/Tokyo"})
    there.say("bob", "identify", "z-bob", traits={"timezone": "America/New_York"})
    there.settle()
    put(there, schedule={"at": "2026-09-22T09:00", "timezone": "contact"})
    there.post("/v1/campaigns/spring/launch", {})
    there.settle(2 * 24 * 3_600_000)
    instants = dict(sends(there))
    assert {contact: (at - 1_790_035_200_000) // 3_600_000 for contact, at in instants.items()} == {
        "ann": 0,  # 2026-09-22T00:00Z
        "bob": 13,
        "cyd": 9,  # UTC, the workspace's
    }


def test_a_triggered_campaign_acts_between_launch_and_cancellation(there):
    put(
        there,
        type="triggered",
        audience={"segment": "gold"},
        trigger={"event": "cart"},
        content={**CONTENT, "data": {}},
    )
    there.post("/v1/campaigns/spring/launch", {})
    there.settle(3_000)
    for name in ("ann", "eve"):
        there.say(name, "track", f"cart-{name}", event="cart", properties={"title": "Yours"})
    there.settle()
    assert [contact for contact, _ in sends(there)] == ["ann"]
    found = there.get("/v1/campaigns/spring")
    assert (found["phase"], found["messages"]["planned"]) == ("running", 1)
    there.post("/v1/campaigns/spring/cancel", {})
    there.settle(3_000)
    there.say("bob", "track", "cart-bob", event="cart")
    there.settle()
    assert len(sends(there)) == 1
    assert there.post("/v1/campaigns/spring/launch", {})["phase"] == "running"


def test_a_launched_campaign_stays_of_its_type(there):
    put(there)
    there.post("/v1/campaigns/spring/launch", {})
    there.settle(3_000)
    answer = there.client.put(
        "/v1/campaigns/spring",
        json=SPRING | {"type": "triggered", "trigger": {"api": True}, "content": {**CONTENT, "data": {}}},
    )
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "type")
