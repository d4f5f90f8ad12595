"""Reads about contacts and segments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.ids import address_hash
from schemas.records import Attempt, Entry, Send, encode
from tests.api.reading import T, World, change, definition, event, world

NASTY = 'o\'brien "x" \\ {y:String} ü%'


@pytest.fixture
def there(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def pages(there: World, path: str, field: str, limit: int) -> list[Any]:
    found, cursor = [], ""
    while cursor is not None:
        answer = there.get(path, limit=limit, cursor=cursor)
        assert len(answer[field]) <= limit
        found += answer[field]
        cursor = answer["next"]
    return found


def test_members_come_by_page_each_once(there):
    names = [f"c{i:03d}" for i in range(25)]
    there.tell(*[change(n, "segment_entered", f"in-{n}", segment="vip", version=3) for n in names])
    there.tell(change("c004", "segment_left", "out", T + 1, segment="vip"))
    members = pages(there, "/v1/segments/vip/members", "members", limit=7)
    assert [member["contact"] for member in members] == [n for n in names if n != "c004"]
    assert members[0] == {"contact": "c000", "since": "2026-09-21T14:13:20Z", "version": 3}
    assert there.get("/v1/segments/vip/count")["members"] == 24


def test_a_segment_s_history_adds_up(there):
    day = 86_400_000
    flips = [
        ("a", True, 0),
        ("b", True, 0),
        ("a", False, day),
        ("c", True, day),
        ("d", True, day),
        ("b", False, 3 * day),
    ]
    there.tell(
        *[
            change(c, "segment_entered" if entered else "segment_left", f"f{i}", T + after, segment="vip")
            for i, (c, entered, after) in enumerate(flips)
        ]
    )
    history = there.get("/v1/segments/vip/history")["history"]
    assert [(h["at"][:10], h["entered"], h["left"], h["members"]) for h in history] == [
        ("2026-09-21", 2, 0, 2),
        ("2026-09-22", 2, 1, 3),
        ("2026-09-24", 0, 1, 2),
    ]
    later = there.get("/v1/segments/vip/history", since="2026-09-24T00:00:00Z")["history"]
    assert [h["members"] for h in later] == [2]


@pytest.mark.parametrize(
    "path", ["/v1/segments/x/count", "/v1/segments/x/members", "/v1/segments/x/history", "/v1/contacts/x",
             "/v1/contacts/x/timeline", "/v1/scores/x", "/v1/sends/x"],
)  # fmt: skip
def test_what_nothing_is_known_of_is_not_found(there, path):
    answer = there.client.get(path)
    assert (answer.status_code, answer.json()["status"]) == (404, 404)
    assert "'x'" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/segments/vip/members?cursor=nonsense", 400),
        ("/v1/segments/vip/members?limit=0", 422),
        ("/v1/segments/vip/history?since=yesterday", 422),
        ("/v1/segments/vip/history?interval=fortnight", 422),
        ("/v1/contacts?cursor=WzFd", 400),
    ],
)
def test_a_wrong_parameter_is_a_problem(there, path, status):
    there.tell(definition("segment", "vip", where={"everyone": True}))
    assert there.client.get(path).status_code == status


def test_contacts_come_by_page_with_their_traits(there):
    there.tell(*[event(f"c{i}", "identify", f"e{i}", traits={"n": i, "home": {"city": "Bern"}}) for i in range(9)])
    there.tell(event("address:abc", "address_held", "x"), event("account:acme", "account_said", "y"))
    found = pages(there, "/v1/contacts", "contacts", limit=4)
    assert [(c["contact"], c["traits"]) for c in found] == [
        (f"c{i}", {"n": i, "home": {"city": "Bern"}}) for i in range(9)
    ]
    assert [c["contact"] for c in there.get("/v1/contacts", prefix="c3")["contacts"]] == ["c3"]


def test_a_profile_is_merged_as_the_fold_merges_it(there):
    there.tell(
        definition("topic", "default", channel="email", default="subscribed"),
        event(
            "ann", "identify", "e1", T, traits={"plan": "gold", "email": "Ann@Example.org", "timezone": "Europe/Paris"}
        ),
        event("ann", "identify", "e2", T - 5, traits={"plan": "basic", "age": 40}),  # late: what is newer stands
        event("ann", "identify", "e3", T + 5, traits={"timezone": None, "big": 2**60 + 1}),
        event("ann", "identify", "e1", T + 9, traits={"plan": "said twice"}),
        event("ann", "consent_changed", "e4", properties={"channel": "email", "topic": "news", "status": "subscribed"}),
    )
    found = there.get("/v1/contacts/ann")
    assert found["traits"] == {"plan": "gold", "email": "Ann@Example.org", "age": 40, "big": 2**60 + 1}
    assert found["timezone"] == "UTC"
    assert found["consent"]["email"] == {
        "address": "Ann@Example.org", "reachable": True, "suppressed": False, "topics": {"news": "subscribed"},
    }  # fmt: skip
    assert found["consent"]["sms"] == {"address": "", "reachable": False, "suppressed": False, "topics": {}}
    assert (found["first_seen"], found["last_seen"]) == ("2026-09-21T14:13:19.995000Z", "2026-09-21T14:13:20.009000Z")


def test_a_suppressed_address_is_said_to_be(there):
    listed = {"channel": "email", "address_hash": address_hash("ann@example.org"), "reason": "bounced"}
    there.tell(
        event("ann", "identify", "e1", traits={"email": "ann@example.org"}),
        event("ann", "address_suppressed", "e2", properties=listed),
    )
    reach = there.get("/v1/contacts/ann")["consent"]["email"]
    assert (reach["suppressed"], reach["reachable"]) == (True, False)


def test_a_contact_shows_memberships_scores_and_runs(there):
    run = {"journey": "welcome", "version": 2, "run": "r1", "entry": "k"}
    there.tell(
        event("ann", "page", "e1"),
        change("ann", "segment_entered", "c1", T, segment="vip", version=1),
        change("ann", "segment_entered", "c2", T, segment="gone"),
        change("ann", "segment_left", "c3", T + 1, segment="gone"),
        change("ann", "score", "c4", T, model="engagement", version=3, value=12.5),
        change("ann", "score", "c5", T + 1, model="engagement", version=4, value=71.5),
        change("ann", "score", "c6", T, model="churn", value=1.0),
        change("ann", "score", "c7", T + 1, model="churn", value=None),
        change("ann", "journey_entered", "c8", T, node="start", **run),
        change("ann", "journey_step", "c9", T, node="pause", reason="waiting", **run),
        change("bob", "segment_entered", "c10", T, segment="vip"),
    )
    found = there.get("/v1/contacts/ann")
    assert [m["segment"] for m in found["segments"]] == ["vip"]
    assert [(s["model"], s["score"], s["version"]) for s in found["scores"]] == [("engagement", 71.5, 4)]
    assert there.get("/v1/scores/ann")["scores"] == found["scores"]
    (run_seen,) = found["journeys"]
    assert (run_seen["run"], run_seen["node"], run_seen["entry"], run_seen["exited_at"]) == ("r1", "pause", "k", None)


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_a_timeline_has_everything_once_the_latest_first(there, limit):
    send = Send("s1", "ann", T + 3, T + 99, "email", template="hello", journey="welcome")
    there.tell(
        event("ann", "track", "e1", T, event="paid", properties={"total": 5}),
        event("ann", "track", "e1", T, event="paid", properties={"total": 5}),  # the same call again
        event("ann", "identify", "e2", T, traits={"plan": "gold"}),
        event("ann", "tick", "e3", T),
        change("ann", "segment_entered", "c1", T + 1, segment="vip"),
        change("ann", "segment_entered", "c1", T + 1, segment="vip"),  # the same conclusion again
        Entry("sends", "ann", encode(send)),
        Entry("attempts", "ann", encode(Attempt("s1", "ann", 1, "started", T + 4))),
        event("ann", "email_sent", "e4", T + 5, properties={"send": "s1"}),
        event("bob", "page", "e5", T),
    )
    told = pages(there, "/v1/contacts/ann/timeline", "timeline", limit)
    assert [(m["source"], m["kind"]) for m in told] == [
        ("event", "email_sent"),
        ("attempt", "started"),
        ("send", "planned"),
        ("change", "segment_entered"),
        ("event", "identify"),
        ("event", "paid"),
    ]
    assert told[-1]["detail"] == {"total": 5}
    assert told[3]["detail"] == {"segment": "vip"}


def test_what_happened_at_one_instant_is_told_in_the_order_of_the_log(there):
    steps = [change("ann", "journey_step", f"c{9 - i}", T, journey="j", run="r", node=f"n{i}") for i in range(9)]
    there.tell(event("ann", "page", "z"), *steps)
    told = pages(there, "/v1/contacts/ann/timeline", "timeline", limit=4)
    assert [m["detail"].get("node") for m in told] == [f"n{8 - i}" for i in range(9)] + [None]


def test_names_are_values_never_sql(there):
    contact = NASTY
    there.tell(
        event(contact, "identify", "e1", traits={"plan": "gold"}), change(contact, "segment_entered", "c", segment="s")
    )
    assert there.get(f"/v1/contacts/{contact.replace('%', '%25')}")["traits"] == {"plan": "gold"}
    assert there.get("/v1/contacts", prefix="o'b")["contacts"][0]["contact"] == contact
    assert there.get("/v1/segments/s/members")["members"][0]["contact"] == contact
