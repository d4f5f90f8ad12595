"""A campaign over a history: audience, skips, instants and figures are those of hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flows.campaigns.trial import CampaignTrial
from flows.contact.replay import Line
from flows.definitions.catalogue import Published
from flows.journeys.answering import Answers, Rates
from schemas.records import Event
from schemas.times import DAY, HOUR, MINUTE, parse_instant
from tests.flows.campaigns.world import NEWS, TEMPLATE, campaign
from tests.flows.journeys.scenario import journey, message, started_by

T = parse_instant("2026-02-01T00:00:00Z")
ZONES = ("Asia/Tokyo", "Europe/Berlin", "America/New_York")


def said(at: int, contact: str, type: str = "track", **fields: Any) -> Line:
    event = Event(
        type, f"{contact}-{type}-{at}-{fields.get('event', '')}", at, user_id=contact, received_at=at, **fields
    )
    return Line(at, contact, event)


def person(contact: str, at: int = T, **traits: Any) -> Line:
    return said(at, contact, "identify", traits={"email": f"{contact}@example.com"} | traits)


def consent(at: int, contact: str, status: str) -> Line:
    told = {"channel": "email", "topic": "default", "status": status}
    return said(at, contact, "consent_changed", properties=told)


def tried(
    body: dict[str, Any],
    lines: Sequence[Line],
    *others: dict[str, Any],
    at: int | None = None,
    until: int | None = None,
    **how: Any,
) -> dict[str, Any]:
    made = [Published(b["kind"], b["id"], 1, b, 0) for b in (TEMPLATE, NEWS, *others)]
    lines = sorted(lines, key=lambda line: line.logged_at)
    return CampaignTrial(Published("campaign", body["id"], 1, body, 0), made, **how).run(lines, at, until)


def contacts(found: dict[str, Any], what: str = "sends") -> list[str]:
    return sorted(one["contact"] for one in found[what])


def test_the_audience_without_the_exclusions_gets_it_and_every_skip_has_its_reason():
    gold = campaign(audience={"trait": "plan", "op": "eq", "value": "gold"}, exclusions=[{"performed": "buy"}])
    tokyo = {"plan": "gold", "timezone": "Asia/Tokyo"}
    lines = [*(person(c, **tokyo) for c in ("a", "b", "c", "d")), person("f", **tokyo | {"email": "a@example.com"})]
    lines += [person("free", plan="free"), person("e", plan="gold", email=None)]
    lines += [said(T + 1, "b", event="buy"), consent(T + 2, "c", "unsubscribed")]
    found = tried(gold, lines)
    assert (found["audience"], found["excluded"], found["waiting"]) == (5, 1, 0)
    assert len(found["sends"]) == 2
    assert "d" in contacts(found)
    assert found["skips_by_reason"] == {"duplicate_address": 1, "no_address": 1, "no_consent": 1}
    assert found["by_zone"] == {"Asia/Tokyo": {"sends": 2, "skips": 2}, "UTC": {"sends": 0, "skips": 1}}
    assert (found["by_channel"], found["by_template"]) == ({"email": 2}, {"note": 2})
    assert {send["at"] for send in found["sends"]} == {"2026-02-01T00:00:00.002Z"}


def test_it_is_launched_as_of_an_instant_and_what_comes_before_the_release_still_counts():
    lines = [person("a"), person("b"), person("late", T + HOUR + 1), consent(T + 2 * HOUR, "b", "unsubscribed")]
    morning = campaign(schedule={"at": "2026-02-01T03:00:00Z"})
    found = tried(morning, lines, at=T + HOUR)
    assert (found["audience"], contacts(found), contacts(found, "skips")) == (2, ["a"], ["b"])
    assert found["sends"][0]["at"] == "2026-02-01T03:00:00.000Z"
    assert contacts(tried(campaign(), [person("a"), person("b", T + HOUR)], at=T + HOUR)) == ["a", "b"]


def test_in_each_contacts_zone_nobody_gets_it_before_its_clock_shows_the_time_and_the_rate_holds():
    lines = [person(f"c{n}", timezone=ZONES[n % 3]) for n in range(60)]
    body = campaign(schedule={"at": "2026-02-02T09:00", "timezone": "contact"}, rate={"messages": 10, "per": "hour"})
    found = tried(body, lines)
    begins = [parse_instant(f"2026-02-02T{hour}:00Z") for hour in ("00", "08", "14")]  # of ZONES
    assert len(found["sends"]) == 60
    instants = sorted(parse_instant(send["at"]) for send in found["sends"])
    assert all(later - earlier >= HOUR for earlier, later in zip(instants, instants[10:], strict=False))
    for send in found["sends"]:
        assert parse_instant(send["at"]) >= begins[int(send["contact"][1:]) % 3]
    assert found["sends_a_day"] == {"2026-02-02": 60}
    assert found["by_zone"] == {zone: {"sends": 20, "skips": 0} for zone in sorted(ZONES)}


def test_until_an_instant_the_others_wait():
    lines = [person(f"c{n}") for n in range(10)]
    found = tried(campaign(rate={"messages": 1, "per": "minute"}), lines, until=T + 4 * MINUTE)
    assert (found["audience"], len(found["sends"]), found["waiting"]) == (10, 5, 5)


def test_quiet_hours_put_it_off_and_it_is_waited_for():
    quiet = {"kind": "quiet_hours", "id": "night", "window": {"from": "23:00", "to": "08:00"}}
    found = tried(campaign(), [person("a"), person("b", timezone="Asia/Tokyo")], quiet)
    assert {send["contact"]: send["at"][11:16] for send in found["sends"]} == {"a": "08:00", "b": "00:00"}


def test_a_recurring_campaign_freezes_its_audience_at_each_firing():
    daily = campaign(type="recurring", audience={"performed": "visit", "within": "1d"}, schedule={"cron": "0 9 * * *"})
    visits = {"a": (1, 30), "b": (30,), "c": (57,)}  # hours after T; 33 and 57 are firings: c's is after the last one
    lines = [person(c) for c in visits]
    lines += [said(T + hour * HOUR, c, event="visit") for c, hours in visits.items() for hour in hours]
    found = tried(daily, lines)
    assert [(launch["at"][8:16], launch["audience"]) for launch in found["launches"]] == [
        ("01T09:00", 1),
        ("02T09:00", 2),
        ("03T09:00", 0),
    ]
    assert [(send["contact"], send["at"][8:16]) for send in found["sends"]] == [
        ("a", "01T09:00"),
        ("a", "02T09:00"),
        ("b", "02T09:00"),
    ]
    assert len(tried(daily, lines, at=T + 10 * HOUR)["launches"]) == 2


def test_a_triggered_campaign_writes_to_those_of_its_audience_whom_its_trigger_meets():
    body = campaign(type="triggered", trigger={"event": "buy"}, audience={"trait": "plan", "op": "eq", "value": "gold"})
    lines = [person("a", plan="gold"), person("b", plan="free"), person("c", plan="gold")]
    lines += [said(T + HOUR, "a", event="buy"), said(T + HOUR, "b", event="buy")]
    found = tried(body, lines)
    assert (found["entered"], found["outside"], contacts(found)) == (2, 1, ["a"])
    assert tried(body, lines, at=T + 2 * HOUR)["entered"] == 0


def test_what_journeys_sent_before_counts_towards_caps_unless_it_is_alone():
    cap = {"kind": "frequency_cap", "id": "one", "max": 1, "within": "1d"}
    other = journey(started_by("go"), message("hello"), id="other") | {"class": "marketing"}
    lines = [person("a"), person("b"), person("c")]
    lines += [said(T + HOUR, "a", event="go"), said(T + 2 * HOUR, "b", event="go")]
    found = tried(campaign(), lines, cap, other, at=T + DAY + HOUR)
    assert (contacts(found), contacts(found, "skips"), found["caps_hit"]) == (["a", "c"], ["b"], 1)
    assert tried(campaign(), lines, cap, other, at=T + DAY + HOUR, alone=True)["caps_hit"] == 0


def test_arms_are_taken_by_hash_and_contacts_answer_by_the_rates():
    arms = [{"name": "A", "share": 50, "template": "note"}, {"name": "B", "share": 50, "template": "other"}]
    body = campaign(content={"channel": "email", "arms": arms})
    lines = [person(f"c{n}") for n in range(200)]
    found = tried(body, lines, {**TEMPLATE, "id": "other"}, answers=Answers({"email": Rates(1, 1, 0)}))
    assert found["by_template"].keys() == {"note", "other"}
    assert abs(found["by_template"]["note"] - 100) < 5 * 50**0.5
    assert found["answers"] == {"email_delivered": 200, "email_opened": 200, "email_sent": 200}


def test_nothing_happens_without_lines():
    found = tried(campaign(), [])
    assert (found["launches"], found["sends"], found["skips"]) == ([], [], [])
