"""Simulations with answers: rates come true, by hash, every time alike; the report's figures are those of hand."""

from __future__ import annotations

import random
from typing import Any

import pytest

from flows.campaigns.launch import KIND as LAUNCH
from flows.contact.replay import Line
from flows.definitions.catalogue import Published
from flows.journeys.answering import Answers, Rates
from flows.journeys.report import difference
from flows.journeys.trial import Outcome, Trial, compared
from flows.segments.ranking import Place, encoded, result_body
from schemas.records import Event, Send
from tests.flows.journeys.scenario import instant, journey, message, node, pause, started_by

ASKS = journey(
    started_by(),
    message("mail", template="hello"),
    pause("48h"),
    node("read", "condition", if_={"message": "opened", "node": "mail"}),
    node("keen", "exit", reason="keen"),
    node("cold", "exit", reason="cold"),
    edges=["start -> mail", "mail -> pause", "pause -> read", "read -> keen: yes", "read -> cold: no"],
)


def said(at: str, contact: str, type: str = "track", **fields: Any) -> Line:
    when = instant(at)
    event = Event(type, f"{contact}-{type}-{at}", when, user_id=contact, received_at=when, **fields)
    return Line(when, contact, event)


def entering(contacts: int) -> list[Line]:
    known = [said("09:00", f"c{n}", "identify", traits={"email": f"c{n}@example.com"}) for n in range(contacts)]
    return [*known, *(said("10:00", f"c{n}", event="go") for n in range(contacts))]


def tried(body: dict[str, Any], lines: list[Line], rates: dict[str, Rates] | None = None, until: str = "fri 10:00"):
    answers = None if rates is None else Answers(rates)
    return Trial(Published("journey", body["id"], 1, body, 0), [], answers).run(lines, instant(until))


def test_what_was_launched_runs_no_second_time_and_who_was_ranked_still_is():
    body = journey(
        started_by(),
        node("best", "condition", if_={"percentile": "buyers", "by": "frequency", "op": "gte", "value": 50}),
        node("top", "exit", reason="top"),
        node("rest", "exit", reason="rest"),
        edges=["start -> best", "best -> top: yes", "best -> rest: no"],
    )
    ranking = {"kind": "ranking", "id": "buyers", "of": {"performed": "go"}}
    result = result_body("buyers", 1, 0, 0, 2, {"0": "file"})
    launch = {"kind": LAUNCH, "id": "spring", "campaign": "spring", "version": 1, "type": "one_time"}
    others = [Published(b["kind"], b["id"], 1, b, 0) for b in (ranking, result, launch)]
    files = {"file": encoded({"c0": Place(0, 1, None), "c1": Place(0, 0, None)}.items())}
    trial = Trial(Published("journey", body["id"], 1, body, 0), others, states_in=lambda _, path: files[path])
    assert trial.run(entering(2), instant("fri 10:00")).summary["exited"] == {"rest": 1, "top": 1}


@pytest.mark.parametrize(
    ("rates", "opens"),
    [
        (None, 0),
        ({}, 0),
        ({"email": Rates(1, 1, 0)}, 20),
        ({"email": Rates(0, 1, 1)}, 0),
        ({"email": Rates(1, 0, 0), "email/hello": Rates(1, 1, 1)}, 20),
        ({"email": Rates(1, 1, 0), "email/hello": Rates(1, 0, 0)}, 0),
        ({"sms": Rates(1, 1, 1)}, 0),
    ],
)
def test_a_run_goes_the_way_that_its_messages_answers_take_it(rates, opens):
    exited = tried(ASKS, entering(20), rates).summary["exited"]
    assert exited.get("keen", 0) == opens
    assert sum(exited.values()) == 20


def test_rates_come_true_within_what_chance_allows_and_are_the_same_every_time():
    rates = {"email": Rates(0.9, 0.4, 0.1)}
    sends = [Send(f"s{n}", "u", 0, 0, "email", template="hello") for n in range(4_000)]
    counts: dict[str, int] = {}
    for send in sends:
        lines = list(Answers(rates).lines(send))
        assert lines == list(Answers(rates).lines(send))
        assert [line.logged_at for line in lines] == sorted(line.logged_at for line in lines)
        for line in lines:
            counts[line.event.type] = counts.get(line.event.type, 0) + 1
    for name, share in (("email_delivered", 0.9), ("email_opened", 0.9 * 0.4), ("email_clicked", 0.9 * 0.1)):
        assert abs(counts[name] - 4_000 * share) < 5 * (4_000 * share * (1 - share)) ** 0.5
    assert counts["email_sent"] == 4_000


def test_whoever_clicks_has_opened():
    for n in range(500):
        kinds = {
            line.event.type for line in Answers({"email": Rates(1, 0.1, 0.5)}).lines(Send(f"s{n}", "u", 0, 0, "email"))
        }
        assert "email_clicked" not in kinds or "email_opened" in kinds


def test_what_the_journey_did_when_it_ran_is_left_out_and_what_others_did_is_not():
    mine = {"journey": "j", "send": "x", "node": "mail"}
    old = [said("10:00", "c0", f"email_{outcome}", properties=mine) for outcome in ("sent", "opened")]
    looks = journey(
        started_by(),
        message("mail"),
        node("read", "condition", if_={"message": "opened", "within": "30d"}),
        node("keen", "exit", reason="keen"),
        node("cold", "exit", reason="cold"),
        edges=["start -> mail", "mail -> read", "read -> keen: yes", "read -> cold: no"],
    )
    lines = entering(1)
    assert tried(looks, [lines[0], *old, lines[1]]).summary["exited"] == {"cold": 1}
    other = [said("09:30", "c0", "email_opened", properties=mine | {"journey": "another"})]
    assert tried(looks, [lines[0], *other, lines[1]]).summary["exited"] == {"keen": 1}


def test_the_report_counts_edges_days_reasons_and_how_long_people_take():
    #  c0 enters 10:00, c1 11:00, c2 12:00 without an address; an event ends the waits of c0 after 1h, of c1 after 3h
    body = journey(
        started_by(),
        message("mail"),
        node("look", "wait", for_event={"event": "seen"}, timeout="24h"),
        message("end"),
        edges=["start -> mail", "mail -> look", "look -> end: happened", "look -> done: timeout", "end -> done"],
    )
    lines = [said("09:00", c, "identify", traits={"email": f"{c}@example.com"}) for c in ("c0", "c1")]
    lines += [said("10:00", "c0", event="go"), said("11:00", "c1", event="go"), said("11:00", "c0", event="seen")]
    lines += [said("12:00", "c2", event="go"), said("14:00", "c1", event="seen")]
    found = tried(body, sorted(lines, key=lambda line: line.logged_at)).report
    assert {(e["from"], e["to"], e["branch"]): e["runs"] for e in found["edges"]} == {
        ("start", "mail", ""): 3,
        ("mail", "look", ""): 3,
        ("look", "end", "happened"): 2,
        ("look", "done", "timeout"): 1,
        ("end", "done", ""): 2,
    }
    assert found["sends_a_day"] == {"2026-01-05": 4}
    assert found["skips_by_reason"] == {"no_address": 1}
    assert found["seconds"]["nodes"] == {"look": {"runs": 3, "p50": 3 * 3_600, "p90": 24 * 3_600}}
    assert found["seconds"]["all"] == {"runs": 3, "p50": 3 * 3_600, "p90": 24 * 3_600}
    assert (found["active"], found["caps_hit"], len(found["sample"])) == (0, 0, 3)
    assert [step.get("exited") for step in found["sample"][0]["path"]][-1] == "done"


def test_two_versions_are_compared_number_by_number():
    shorter = {**ASKS, "nodes": [{**n, "for": "1h"} if n["id"] == "pause" else n for n in ASKS["nodes"]]}
    outcomes: list[Outcome] = [tried(body, entering(4), {}, "tue 10:00") for body in (shorter, ASKS)]
    found = compared(*outcomes)
    assert found["live"]["entered"] == 4
    assert found["difference"]["completed"] == 4
    assert found["difference"]["edges"] == {"pause -> read": 4, "read -> cold: no": 4}
    assert found["difference"]["seconds"]["nodes"]["pause"] == {"runs": 4, "p50": 3_600.0, "p90": 3_600.0}
    assert compared(outcomes[0], outcomes[0])["difference"] == {}
    assert difference({"a": 1, "b": {"c": 2}}, {"b": {"c": 2, "d": 1}}) == {"a": 1, "b": {"d": -1}}


def test_history_is_not_read_past_the_end_and_time_goes_on_to_it():
    late = said("fri 12:00", "c9", event="go")
    assert tried(ASKS, [*entering(1), late]).summary["entered"] == 1


def test_the_same_under_another_version_meets_the_same_chance():
    rates = {"email": Rates(0.8, 0.5, 0.2)}
    first, second = (
        Trial(Published("journey", "j", version, ASKS, 0), [], Answers(rates)).run(entering(40), instant("fri 10:00"))
        for version in (1, 2)
    )
    assert compared(first, second)["difference"] == {}
    assert 0 < first.answers["email_opened"] < 40


CAP = {"kind": "frequency_cap", "id": "two", "max": 2, "within": "1d"}
CONSENT = {"channel": "email", "topic": "default", "status": "subscribed"}


def offers(id: str, starts: str) -> Published:
    body = journey(started_by(starts), message("offer"), id=id, reentry={"mode": "always"}) | {"class": "marketing"}
    return Published("journey", id, 1, body, 0)


def test_what_live_journeys_send_counts_towards_caps_and_is_not_told_among_the_sends():
    rng, minutes = random.Random(3), set[int]()
    lines = [said("09:00", f"c{n}", "identify", traits={"email": f"c{n}@example.com"}) for n in range(5)]
    lines += [said("09:00", f"c{n}", "consent_changed", properties=CONSENT) for n in range(5)]
    while len(minutes) < 150:
        minutes.add(rng.randrange(3 * 24 * 60))
    begun = instant("10:00")
    for minute in sorted(minutes):
        at, contact, name = begun + minute * 60_000, f"c{rng.randrange(5)}", rng.choice(("mine", "theirs"))
        lines.append(Line(at, contact, Event("track", f"e{minute}", at, user_id=contact, received_at=at, event=name)))
    sent, kept_back = counted_by_hand(lines, ("mine", "theirs"))
    others = [offers("other", "theirs"), Published("frequency_cap", "two", 1, CAP, 0)]
    found = Trial(offers("j", "mine"), others).run(lines, instant("fri 10:00"))
    assert (len(found.summary["sends"]), found.report["caps_hit"]) == (sent, kept_back)
    assert found.report["skips_by_reason"] == {"frequency_cap": kept_back}
    alone = Trial(offers("j", "mine"), others, alone=True).run(lines, instant("fri 10:00"))
    assert (len(alone.summary["sends"]), alone.report["caps_hit"]) == counted_by_hand(lines, ("mine",))
    assert alone.report["caps_hit"] < kept_back


def counted_by_hand(lines: list[Line], names: tuple[str, ...]) -> tuple[int, int]:
    """(sent, kept back) of `mine`: a message goes unless two went in the day before it."""
    went: dict[str, list[int]] = {}
    sent = kept_back = 0
    for line in lines:
        if line.event.event in names:
            recent = [at for at in went.setdefault(line.contact, []) if at > line.logged_at - 86_400_000]
            goes = len(recent) < 2
            went[line.contact] += [line.logged_at] if goes else []
            sent += goes and line.event.event == "mine"
            kept_back += not goes and line.event.event == "mine"
    return sent, kept_back


def test_what_a_live_journey_did_when_it_ran_is_said_anew_too():
    old = said("09:30", "c0", "email_opened", properties={"journey": "other", "send": "x", "node": "offer"})
    looks = journey(
        started_by(),
        node("read", "condition", if_={"message": "opened"}),
        node("keen", "exit", reason="keen"),
        node("cold", "exit", reason="cold"),
        edges=["start -> read", "read -> keen: yes", "read -> cold: no"],
    )
    lines = sorted([*entering(1), old], key=lambda line: line.logged_at)
    mine = Published("journey", "j", 1, looks, 0)
    assert Trial(mine, [offers("other", "theirs")]).run(lines).summary["exited"] == {"cold": 1}
    assert Trial(mine, [offers("other", "theirs")], alone=True).run(lines).summary["exited"] == {"keen": 1}


def test_an_outcome_without_a_send_is_of_every_run_that_came_by_the_node():
    opened = said("11:00", "c0", "email_opened", properties={"journey": "j", "node": "mail"})
    others = said("11:00", "c1", "email_opened", properties={"journey": "k", "node": "mail"})
    lines = sorted([*entering(2), opened, others], key=lambda line: line.logged_at)
    assert tried(ASKS, lines).summary["exited"] == {"cold": 1, "keen": 1}
