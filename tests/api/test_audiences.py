"""Counts, previews, snapshots and exports of segments."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest

from connectors.publish import CatalogueReader, publish, save_drafts
from schemas.ids import address_hash
from tests.api.living import Living, living

GOLD = {"kind": "segment", "id": "gold", "where": {"trait": "plan", "op": "eq", "value": "gold"}}
NOBODY = {"email": 0, "sms": 0, "push": 0}


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Living]:
    with living(tmp_path) as made:
        yield made


@pytest.fixture
def people(there: Living) -> Living:
    """Four are gold: two with mail, one of them suppressed, one who left the channel, one with a phone."""
    there.publish(GOLD)
    there.say("ann", "identify", "i1", traits={"plan": "gold", "email": "ann@example.com", "phone": "+41790000000"})
    there.say("bob", "identify", "i2", traits={"plan": "gold", "email": "Bob@example.com "})
    there.say("cyd", "identify", "i3", traits={"plan": "gold", "email": "cyd@example.com"})
    there.say("dan", "identify", "i4", traits={"plan": "gold"})
    there.say("eve", "identify", "i5", traits={"plan": "free", "email": "eve@example.com"})
    listed = {"channel": "email", "address_hash": address_hash("bob@example.com"), "reason": "bounced"}
    there.say("bob", "address_suppressed", "s1", properties=listed)
    left = {"channel": "email", "topic": "default", "status": "unsubscribed"}
    there.say("cyd", "consent_changed", "c1", properties=left)
    there.settle()
    return there


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_a_segment_is_counted_with_those_who_can_be_reached(people):
    reach = {"email": 1, "sms": 1, "push": 0}
    counted = people.get("/v1/segments/gold/count")
    assert (counted["members"], counted["reachable"], counted["in_batch"]) == (4, reach, [])
    assert people.get("/v1/segments/gold/count")["reachable_at"] == counted["reachable_at"]
    assert people.get("/v1/segments/gold/count", reach=False)["reachable"] is None


def test_a_preview_counts_what_publishing_would_and_writes_nothing(people):
    before = people.log.end("definitions", 0)
    found = people.post("/v1/segments/preview", GOLD["where"])
    assert (found["members"], found["reachable"]) == (4, {"email": 1, "sms": 1, "push": 0})
    assert [(c["contact"], c["traits"]["plan"]) for c in found["sample"]] == [
        (c, "gold") for c in ("ann", "bob", "cyd", "dan")
    ]
    assert people.post("/v1/segments/preview", GOLD)["members"] == 4
    assert people.post("/v1/segments/preview", {"where": {"not": {"segment": "gold"}}})["members"] == 1
    assert people.log.end("definitions", 0) == before


def test_a_draft_is_previewed_beside_what_stands(people):
    save_drafts(CatalogueReader(people.log), [{**GOLD, "where": {"trait": "plan", "op": "eq", "value": "free"}}])
    people.settle()
    assert people.get("/v1/segments/gold/preview")["members"] == 4
    assert people.get("/v1/segments/gold/preview", draft=True)["members"] == 1
    assert people.client.get("/v1/segments/other/preview", params={"draft": True}).status_code == 404


def test_a_preview_of_nobody_is_empty(people):
    found = people.post("/v1/segments/preview", {"performed": "never"})
    assert (found["members"], found["reachable"], found["sample"]) == (0, NOBODY, [])


def test_a_deep_condition_is_previewed(people):
    where = GOLD["where"]
    for _ in range(300):
        where = {"not": {"or": [where, {"performed": "never"}]}}
    answer = people.client.post("/v1/segments/preview", content=msgspec.json.encode(where))
    assert answer.json()["members"] == 4, answer.text


@pytest.mark.parametrize("id", ["a/b", "a/timeline", "50% off", "zoë müller", "a%2Fb", "?q#f", "a b/c d", "名前"])
def test_any_id_of_a_contact_can_stand_in_an_address(there, id):
    there.publish(GOLD)
    there.say(id, "identify", "i1", traits={"plan": "gold"})
    there.settle()
    at = f"/v1/contacts/{quote(id, safe='')}"
    assert there.get(at)["contact"] == id
    assert there.get(f"{at}/timeline")["contact"] == id
    assert there.get(f"{at}/explain", segment="gold")["member"] is True
    assert there.get(f"/v1/scores/{quote(id, safe='')}")["contact"] == id


def test_every_answer_says_how_fresh_it_is(people):
    for answer in (
        people.client.post("/v1/segments/preview", json=GOLD),
        people.client.get("/v1/segments/gold/count"),
        people.client.get("/v1/segments/gold/members.csv"),
        people.client.post("/v1/segments/gold/snapshots"),
        people.client.get("/v1/segments/gold/snapshots"),
        people.client.get("/v1/contacts/ann/explain", params={"segment": "gold"}),
    ):
        assert answer.headers["X-Waxwing-Watermark"].endswith("Z"), answer.url


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"trait": "a", "op": "eqq", "value": 1}, "op"),
        ({"where": {"segment": "nowhere"}}, "where"),
        ({"where": {"snapshot": "never"}}, "where"),
        ({"kind": "segment", "id": "gold", "where": {"segment": "gold"}}, "where"),
        ({"kind": "segment", "static": True}, "static"),
        ({"surprise": 1}, ""),
    ],
)
def test_a_preview_of_what_is_wrong_names_each_fault(people, body, path):
    answer = people.client.post("/v1/segments/preview", json=body)
    assert answer.status_code == 422, answer.text
    assert any(path in fault["path"] for fault in answer.json()["errors"])


def test_the_faults_of_a_bare_condition_are_placed_in_it(people):
    body = {"and": [{"trait": "plan", "op": "gt", "value": "x"}, {"entry": "properties.n", "op": "exists"}]}
    answer = people.client.post("/v1/segments/preview", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (422, "the condition has faults")
    assert [error["path"] for error in answer.json()["errors"]] == ["and.0.value", "and.1.entry"]


def test_members_are_exported(people):
    answer = people.client.get("/v1/segments/gold/members.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    header, *lines = rows(answer.text)
    assert header == ["contact", "since", "version"]
    assert [line[0] for line in lines] == ["ann", "bob", "cyd", "dan"]


def test_an_export_holds_no_formula(there):
    there.publish(GOLD)
    there.say("=1+1", "identify", "i1", traits={"plan": "gold"})
    there.say('a"b,c', "identify", "i2", traits={"plan": "gold"})
    there.settle()
    lines = rows(there.client.get("/v1/segments/gold/members.csv").text)
    assert [line[0] for line in lines[1:]] == ["'=1+1", 'a"b,c']


def test_a_snapshot_stays_as_it_was_and_conditions_can_name_it(people):
    taken = people.post("/v1/segments/gold/snapshots", {"id": "gold-then", "name": "Gold then"}, 201)
    assert (taken["members"], taken["version"], taken["segment"]) == (4, 1, "gold")
    people.settle()
    people.publish(
        {"kind": "segment", "id": "lost", "where": {"and": [{"snapshot": "gold-then"}, {"not": {"segment": "gold"}}]}}
    )
    people.say("ann", "identify", "i9", traits={"plan": "free"})
    people.say("eve", "identify", "i10", traits={"plan": "gold"})
    people.settle()
    assert [m["contact"] for m in people.get("/v1/segments/lost/members")["members"]] == ["ann"]
    assert people.post("/v1/segments/preview", {"snapshot": "gold-then"})["members"] == 4
    explained = people.get("/v1/contacts/ann/explain", segment="lost")
    assert explained["member"]
    assert explained["agrees"]
    exported = people.client.get("/v1/snapshots/gold-then/members.csv")
    assert rows(exported.text) == [["contact"], ["ann"], ["bob"], ["cyd"], ["dan"]]
    (listed,) = people.get("/v1/segments/gold/snapshots")["snapshots"]
    assert listed == taken


def test_a_snapshot_s_id_is_given_once(people):
    people.post("/v1/segments/gold/snapshots", {"id": "one"}, 201)
    assert people.client.post("/v1/segments/gold/snapshots", json={"id": "one"}).status_code == 409
    assert people.client.post("/v1/segments/nowhere/snapshots", json={}).status_code == 404


def test_the_same_members_are_the_same_file(people):
    first = people.post("/v1/segments/gold/snapshots", {"id": "one"}, 201)
    assert people.post("/v1/segments/gold/snapshots", {"id": "two"}, 201)["file"] == first["file"]


def test_faults_of_a_preview_and_names_that_stand_nowhere_are_told_at_once(people):
    wrong = {"and": [{"trait": "plan", "op": "near"}, {"segment": "nowhere"}]}
    bare = people.client.post("/v1/segments/preview", json=wrong)
    whole = people.client.post("/v1/segments/preview", json={"where": wrong})
    assert [fault["path"] for fault in bare.json()["errors"]] == ["and.0.op", "and.1"]
    assert [fault["path"] for fault in whole.json()["errors"]] == ["where.and.0.op", "where.and.1"]


READS = (
    "/v1/segments/new/count",
    "/v1/segments/new/members",
    "/v1/segments/new/members.csv",
    "/v1/segments/new/history",
    "/v1/segments/new/snapshots",
    "/v1/contacts/ann/explain?segment=new",
)


@pytest.mark.parametrize("path", READS)
def test_of_a_segment_that_is_published_and_not_current_yet_it_is_told_how_far_it_is(people, path):
    assert people.client.get(path).status_code == 404
    everyone = {"kind": "segment", "id": "new", "where": {"everyone": True}}
    publish(CatalogueReader(people.log), [everyone])  # asks about no past: current after the lead
    soon = people.client.get(path)
    assert (soon.status_code, soon.headers["retry-after"]) == (409, "1")
    assert "segment 'new' version 1 is published, and current from " in soon.json()["detail"]
    people.settle()
    assert people.client.get(path).status_code == 200


@pytest.mark.parametrize("path", READS)
def test_of_a_segment_whose_past_is_not_known_yet_it_is_told_how_far_that_is(people, path):
    publish(CatalogueReader(people.log), [{"kind": "segment", "id": "new", "where": {"performed": "buy"}}])
    people.settle()
    answer = people.client.get(path)
    assert answer.status_code == 409
    assert answer.json()["detail"].endswith("once its past is known: waiting, 0% of everyone, 0 contacts with a past")
    assert answer.json()["hydration"] == {"stage": "waiting", "done": 0, "contacts": 0}


def test_an_edit_that_is_not_current_yet_leaves_what_stood_readable(people):
    publish(CatalogueReader(people.log), [{"kind": "segment", "id": "gold", "where": {"performed": "buy"}}])
    people.settle()
    assert people.get("/v1/segments/gold/count", reach=False)["members"] == 4
