"""Messages, reports, models and the summary."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.records import Attempt, Entry, Send, encode
from tests.api.reading import T, World, change, definition, event, world


@pytest.fixture
def there(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


def send(id: str, contact: str, **fields: Any) -> Entry:
    given = {"campaign": "spring", "journey": "welcome", "node": "hello", "to": f"{contact}@x.org", **fields}
    return Entry("sends", contact, encode(Send(id, contact, T, T + 60_000, "email", **given)))


def attempt(id: str, contact: str, status: Any, at: int = T + 1) -> Entry:
    return Entry("attempts", contact, encode(Attempt(id, contact, 1, status, at, "email", "sandbox", "p-1")))


def outcome(contact: str, what: str, id: str, message: str, at: int = T + 2, **more: Any) -> Entry:
    return event(contact, f"email_{what}", id, at, properties={"send": message, **more})


def credit(contact: str, id: str, amount: int, **fields: Any) -> Entry:
    given = {
        "model": "default",
        "currency": "CHF",
        "share": 1.0,
        "conversion": id,
        "event": "order_completed",
        **fields,
    }
    return change(contact, "credit", id, T + 9, amount_minor=amount, **given)


SPRING = [
    send("s1", "ann"),
    attempt("s1", "ann", "started"),
    attempt("s1", "ann", "accepted"),
    outcome("ann", "sent", "o1", "s1"),
    outcome("ann", "opened", "o2", "s1"),
    outcome("ann", "opened", "o2b", "s1"),  # again: one message was opened
    outcome("ann", "clicked", "o3", "s1", url="https://x.org/"),
    send("s2", "bob"),
    attempt("s2", "bob", "accepted"),
    outcome("bob", "opened", "o4", "s2", machine=True),  # by nobody
    send("s3", "cem", campaign=""),
    change("dee", "send_skipped", "k1", send="s4", campaign="spring", reason="no_consent", channel="email"),
    credit("ann", "v1", 5000, send="s1", campaign="spring", journey="welcome", node="hello", channel="email"),
    credit(
        "ann", "v1", 5000, send="s1", campaign="spring", journey="welcome", node="hello", channel="email"
    ),  # repeated
    credit("ann", "v2", 700, send="s1", campaign="spring", currency="EUR"),
    credit("bob", "v3", 40),  # nobody's
    credit("ann", "w1", 5000, send="s1", campaign="spring", model="first_touch"),
]


def test_a_campaign_s_messages_and_revenue(there):
    there.tell(*SPRING)
    spring = there.get("/v1/reports/campaigns", campaign="spring")["campaigns"][0]
    assert spring == {
        "campaign": "spring", "planned": 3, "sent": 2, "skipped": 1, "failed": 0, "unknown": 0, "queued": 0,
        "delivered": 1, "opened": 1, "clicked": 1, "replied": 0, "bounced": 0, "complained": 0, "unsubscribed": 0,
        "revenue": [
            {"model": "default", "currency": "CHF", "amount_minor": 5000, "conversions": 1.0},
            {"model": "default", "currency": "EUR", "amount_minor": 700, "conversions": 1.0},
            {"model": "first_touch", "currency": "CHF", "amount_minor": 5000, "conversions": 1.0},
        ],
    }  # fmt: skip
    everything = there.get("/v1/reports/campaigns")["campaigns"]
    assert [(c["campaign"], c["planned"]) for c in everything] == [("", 0), ("spring", 3), ("welcome", 1)]
    for row in everything:
        assert row["planned"] == row["sent"] + row["skipped"] + row["failed"] + row["unknown"] + row["queued"]


def test_attribution_adds_up_to_the_conversions(there):
    there.tell(*SPRING)
    credits = there.get("/v1/reports/attribution", model="default")["credits"]
    assert sum(c["amount_minor"] for c in credits if c["currency"] == "CHF") == 5040
    assert {(c["campaign"], c["currency"], c["amount_minor"], c["credits"]) for c in credits} == {
        ("", "CHF", 40, 1), ("spring", "CHF", 5000, 1), ("spring", "EUR", 700, 1),
    }  # fmt: skip
    at = "2026-09-21T14:13:20.009Z"  # of the conversions
    assert there.get("/v1/reports/attribution", since=at)["credits"]
    assert there.get("/v1/reports/attribution", until=at)["credits"] == []


def test_a_message_s_whole_life(there):
    there.tell(*SPRING)
    life = there.get("/v1/sends/s1")
    assert (life["status"], life["contact"], life["campaign"], life["address"]) == (
        "sent",
        "ann",
        "spring",
        "ann@x.org",
    )
    assert [(s["source"], s["status"]) for s in life["log"]][:1] == [("attempt", "started")] or life["log"]
    assert {(s["source"], s["status"]) for s in life["log"]} == {
        ("attempt", "started"), ("attempt", "accepted"), ("event", "sent"), ("event", "opened"), ("event", "clicked"),
    }  # fmt: skip
    assert sum(c["amount_minor"] for c in life["credits"] if c["model"] == "default") == 5700
    skipped = there.get("/v1/sends/s4")
    assert (skipped["status"], skipped["reason"], skipped["log"]) == ("skipped", "no_consent", [])
    assert there.get("/v1/sends/s3")["status"] == "queued"


def test_a_funnel_counts_those_who_came_so_far_in_order_and_in_time(there):
    hour = 3_600_000
    there.tell(
        *[event("ann", "track", f"a{i}", T + i, event=name) for i, name in enumerate(("view", "cart", "pay"))],
        event("bob", "track", "b1", T, event="view"),
        event("bob", "track", "b2", T + 2 * hour, event="cart"),  # too late for 1h
        event("cem", "track", "c1", T, event="cart"),
        event("cem", "track", "c2", T + 1, event="view"),  # the wrong way round
    )
    funnel = there.get("/v1/reports/funnel", steps=["view", "cart", "pay"], within="1h")["steps"]
    assert [(s["event"], s["contacts"]) for s in funnel] == [("view", 3), ("cart", 1), ("pay", 1)]
    wider = there.get("/v1/reports/funnel", steps=["view", "cart", "pay"], within="3h")["steps"]
    assert [s["contacts"] for s in wider] == [3, 2, 1]
    assert [s["contacts"] for s in there.get("/v1/reports/funnel", steps=["nobody"])["steps"]] == [0]


@pytest.mark.parametrize(
    "query", ["", "steps=a&journey=b", "steps=", "steps=a&within=soon", "steps=a&within=0d", "&".join(["steps=a"] * 9)]
)
def test_a_funnel_that_makes_no_sense_is_refused(there, query):
    assert there.client.get(f"/v1/reports/funnel?{query}").status_code == 422


def step(contact: str, run: str, id: str, at: int, node: str, branch: str = "", reason: str = "") -> Entry:
    return change(contact, "journey_step", id, at, journey="welcome", run=run, node=node, branch=branch, reason=reason)


RUNS = [
    change("ann", "journey_entered", "a0", T, journey="welcome", run="r1", node="start"),
    step("ann", "r1", "a1", T, "start"),
    step("ann", "r1", "a2", T, "pause", reason="waiting"),
    step("ann", "r1", "a3", T + 5, "pause", branch="timeout"),
    step("ann", "r1", "a4", T + 5, "done"),
    change(
        "ann", "journey_exited", "a5", T + 5, journey="welcome", run="r1", node="done", branch="completed", reason="ok"
    ),
    change("bob", "journey_entered", "b0", T, journey="welcome", run="r2", node="start"),
    step("bob", "r2", "b1", T, "start"),
    step("bob", "r2", "b2", T, "pause", reason="waiting"),
    change("cem", "journey_entered", "c0", T, journey="welcome", run="r3", node="start"),
    step("cem", "r3", "c1", T, "start"),
    step("cem", "r3", "c2", T, "pause", reason="waiting"),
    change("cem", "journey_exited", "c3", T + 1, journey="welcome", run="r3", node="pause", reason="goal"),
]


def test_a_journey_s_nodes_say_who_came_and_who_waits(there):
    there.tell(*RUNS, *RUNS[1:5])
    nodes = {n.pop("node"): n for n in there.get("/v1/reports/funnel", journey="welcome")["nodes"]}
    assert nodes == {
        "start": {"runs": 3, "waiting": 0, "branches": {}},
        "pause": {"runs": 3, "waiting": 1, "branches": {"timeout": 1}},
        "done": {"runs": 1, "waiting": 0, "branches": {}},
    }


def test_models_show_what_each_version_was_measured_at(there):
    for version, auc in ((500, 0.6), (1000, 0.75)):
        trained = {"examples": version}
        there.tell(
            definition("model", "engagement", version, trained_on=trained, metrics={"auc": auc, "log_loss": 0.5})
        )
    models = there.get("/v1/models", model="engagement")["models"]
    assert [(m["version"], m["examples"], m["metrics"]) for m in models] == [
        (1000, 1000, {"auc": 0.75, "log_loss": 0.5}),
        (500, 500, {"auc": 0.6, "log_loss": 0.5}),
    ]


def test_the_summary_of_everything(there):
    there.tell(
        definition("segment", "vip", where={"everyone": True}),
        definition("segment", "nobody", where={"everyone": True}),
        definition("journey", "idle"),
        change("ann", "segment_entered", "x", segment="vip"),
        Entry("events", "ann", b"nonsense"),
        event("", "tick", ""),
        *SPRING,
        *RUNS,
    )
    summary = there.get("/v1/summary")
    assert summary.pop("watermark_age_ms") >= 0
    assert summary == {
        "events": 5,
        "contacts": 2,
        "segments": {"nobody": {"members": 0}, "vip": {"members": 1}},
        "journeys": {
            "idle": {"entered": 0, "active": 0, "completed": 0, "exited": 0},
            "welcome": {"entered": 3, "active": 1, "completed": 1, "exited": 2},
        },
        "messages": {
            "planned": 4, "sent": 2, "skipped": 1, "failed": 0, "unknown": 0, "queued": 1,
            "delivered": 1, "opened": 1, "clicked": 1,
        },
        "revenue_minor": {"": {"CHF": 40}, "spring": {"CHF": 5000, "EUR": 700}},
        "dead_letters": 1,
    }  # fmt: skip


def test_an_empty_installation_has_a_summary(there):
    assert there.get("/v1/summary")["messages"]["planned"] == 0


def test_providers_are_told_apart_by_domain(there):
    there.tell(
        *(send(f"s{n}", f"c{n}") for n in range(3)),
        send("s9", "else", to="ann@Elsewhere.org"),
        *(attempt(f"s{n}", f"c{n}", status) for n in range(3) for status in ("started", "accepted")),
        attempt("s9", "else", "started"),
        attempt("s9", "else", "refused"),
        outcome("c0", "delivered", "d0", "s0", provider="sandbox"),
        outcome("c1", "bounced", "d1", "s1", provider="sandbox"),
        outcome("c1", "bounced", "d1b", "s1", provider="sandbox"),  # told again: one message
        outcome("c2", "complained", "d2", "s2", provider="sandbox"),
    )
    mine, other = there.get("/v1/reports/delivery")["rates"]
    assert (mine["provider"], mine["domain"]) == ("sandbox", "x.org")
    figures = ("attempted", "accepted", "refused", "delivered", "bounced", "complained")
    assert [mine[name] for name in figures] == [3, 3, 0, 1, 1, 1]
    assert mine["bounce_rate"] == mine["complaint_rate"] == pytest.approx(1 / 3)
    assert other["domain"] == "elsewhere.org"
    assert [other[name] for name in figures] == [1, 0, 1, 0, 0, 0]
    assert there.get("/v1/reports/delivery", domain="X.org")["rates"] == [mine]
    assert there.get("/v1/reports/delivery", provider="none")["rates"] == []
