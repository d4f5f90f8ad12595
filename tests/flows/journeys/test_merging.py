"""The runs of a contact that becomes a part of another go on as the other's, and re-entry remembers both pasts."""

from __future__ import annotations

from typing import Any

from flows.contact.replay import Line
from flows.definitions.catalogue import Published
from flows.journeys.answering import Answers, Rates
from flows.journeys.trial import Trial
from schemas.records import Event
from tests.flows.journeys.scenario import instant, journey, message, node, pause, started_by

CART = [started_by(), pause("2h"), message("a")]


def said(at: str, contact: str, type: str = "track", **fields: Any) -> Line:
    when = instant(at)
    who = {"anonymous_id": contact} if contact.startswith("anon") else {"user_id": contact}
    return Line(when, contact, Event(type, f"{contact}-{type}-{at}", when, received_at=when, **who | fields))


def go(at: str, contact: str, **properties: Any) -> Line:
    return said(at, contact, event="go", properties=properties)


def signs_in(at: str, contact: str = "u", earlier: str = "anon") -> Line:
    return said(at, contact, "identify", anonymous_id=earlier, traits={"email": f"{contact}@example.com"})


def lived(body: dict[str, Any], *lines: Line, rates: dict[str, Rates] | None = None) -> dict[str, Any]:
    answers = None if rates is None else Answers(rates)
    trial = Trial(Published("journey", body["id"], 1, body, 0), [], answers)
    found = trial.run(lines, instant("fri 10:00")).summary
    sends = [f"{send['contact']} {send['at'][11:16]}" for send in found["sends"]]
    return {"entered": found["entered"], "exited": found["exited"], "sends": sends}


#   anon   go 10:00 ─────┐ wait 2h
#   u                    └ signs in 11:00 ───── due 12:00: a
def test_a_run_goes_on_where_it_was_and_is_due_when_it_was():
    found = lived(journey(*CART), go("10:00", "anon"), signs_in("11:00"))
    assert found == {"entered": 2, "exited": {"done": 1, "merged": 1}, "sends": ["u 12:00"]}


def test_whoever_has_a_run_of_the_key_keeps_that_one_alone():
    lines = (go("10:00", "anon"), go("10:30", "u"), signs_in("11:00"))
    assert lived(journey(*CART), *lines) == {"entered": 2, "exited": {"done": 1, "merged": 1}, "sends": ["u 12:30"]}
    keyed = (go("10:00", "anon", n=1), go("10:30", "u", n=2), signs_in("11:00"))
    assert lived(journey(*CART, key="properties.n"), *keyed)["sends"] == ["u 12:00", "u 12:30"]
    assert lived(journey(*CART, reentry={"mode": "always"}), *lines)["sends"] == ["u 12:00", "u 12:30"]


def test_what_was_had_before_is_not_had_again():
    welcome = journey(started_by(), message("a"), reentry={"mode": "never"})
    mail = said("09:00", "anon", "identify", traits={"email": "x@example.com"})
    assert lived(welcome, mail, go("10:00", "anon"), signs_in("11:00"), go("12:00", "u"))["sends"] == ["anon 10:00"]
    once = journey(*CART, reentry={"mode": "never"})
    had = (signs_in("06:00", earlier="other"), go("07:00", "u"), go("10:00", "anon"), signs_in("11:00"))
    assert lived(once, *had) == {"entered": 2, "exited": {"done": 1, "merged": 1}, "sends": ["u 09:00"]}
    gap = journey(started_by(), message("a"), reentry={"mode": "after_exit", "after": "2h"})
    lines = (mail, go("10:00", "anon"), signs_in("11:00"), go("11:59", "u"), go("12:00", "u"))
    assert lived(gap, *lines)["sends"] == ["anon 10:00", "u 12:00"]


def test_what_the_run_has_seen_still_counts():
    goal = journey(*CART, goal={"performed": "look", "count": {"op": "gte", "value": 2}})
    looks = (said("10:30", "anon", event="look"), signs_in("11:00"), said("11:30", "u", event="look"))
    assert lived(goal, go("10:00", "anon"), *looks)["exited"] == {"goal": 1, "merged": 1}
    by_date = journey(
        started_by(), node("due", "wait", until_date="when"), message("a"), exit_when={"trait": "vip", "op": "exists"}
    )
    wait = said("09:00", "anon", "identify", traits={"when": "2026-01-05T15:00:00Z"})
    user = said("09:00", "u", "identify", traits={"vip": True})
    assert lived(by_date, wait, go("10:00", "anon"), signs_in("11:00"))["sends"] == ["u 15:00"]
    assert lived(by_date, wait, user, go("10:00", "anon"), signs_in("11:00"))["exited"] == {"exit_when": 1, "merged": 1}


def test_an_event_is_waited_for_on():
    body = journey(
        started_by(),
        node("bought", "wait", for_event={"event": "buy"}),
        message("a"),
        edges=["start -> bought", "bought -> a: happened", "a -> done"],
    )
    found = lived(body, go("10:00", "anon"), signs_in("11:00"), said("11:30", "u", event="buy"))
    assert found["sends"] == ["u 11:30"]


def test_messages_that_the_earlier_run_sent_are_the_runs():
    body = journey(
        started_by(),
        message("mail"),
        pause("48h"),
        node("read", "condition", if_={"message": "opened", "node": "mail"}),
        node("keen", "exit", reason="keen"),
        node("cold", "exit", reason="cold"),
        edges=["start -> mail", "mail -> pause", "pause -> read", "read -> keen: yes", "read -> cold: no"],
    )
    mail = said("09:00", "anon", "identify", traits={"email": "x@example.com"})
    lines = (mail, go("10:00", "anon"), signs_in("10:00"))
    assert lived(body, *lines, rates={"email": Rates(1, 1, 0)})["exited"] == {"keen": 1, "merged": 1}
    assert lived(body, *lines, rates={"email": Rates(1, 0, 0)})["exited"] == {"cold": 1, "merged": 1}


def test_a_run_goes_on_through_one_merge_after_another():
    users = said("11:10", "v", "alias", previous_id="u")
    found = lived(journey(*CART), go("10:00", "anon"), signs_in("11:00"), signs_in("11:05", "v", "w"), users)
    assert found == {"entered": 3, "exited": {"done": 1, "merged": 2}, "sends": ["v 12:00"]}
