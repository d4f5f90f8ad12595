"""What campaigns do by themselves: fire on time, once; make up for what was missed, by policy; pause over limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.launcher import Launcher
from api.reads import load_queries
from connectors.publish import CatalogueReader
from infra.scheduler import Scheduler
from schemas.records import Entry, Event, decode_send, encode
from schemas.times import DAY, HOUR, MINUTE, SECOND
from schemas.topics import EVENTS, SENDS
from tests.api.living import Living, T, living
from tests.api.support import records

NEWS = {"kind": "topic", "id": "default", "default": "subscribed"}
NOTE = {"kind": "email_template", "id": "note", "subject": "Hello", "html": "<p>Hello</p>"}
NINE = T - T % DAY + DAY + 9 * HOUR  # 2026-09-22T09:00Z


def digest(**fields: Any) -> dict[str, Any]:
    schedule = {"cron": "0 9 * * *"} | fields.pop("schedule", {})
    body = {"kind": "campaign", "id": "digest", "type": "recurring", "audience": {"everyone": True}}
    return body | {"content": {"channel": "email", "template": "note"}, "schedule": schedule} | fields


class Scheduled:
    """A world whose scheduler comes by when it is told to; `fresh` ones know nothing but the log."""

    def __init__(self, there: Living):
        self.there = there
        self.scheduler = self.fresh()

    def fresh(self) -> Scheduler:
        there, reader, queries = self.there, CatalogueReader(self.there.log), load_queries()
        launcher = Launcher(there.log, reader, there.store.get, there.past, queries["progress"])
        return Scheduler(there.log, reader, launcher, there.world.clickhouse.query, queries["campaign_outcomes"])

    def begin(self, body: dict[str, Any]) -> None:
        answer = self.there.client.put("/v1/campaigns/digest", json=body)
        assert answer.is_success, answer.text
        self.there.settle(2 * SECOND)
        self.there.post("/v1/campaigns/digest/launch", {})
        self.there.settle(2 * SECOND)

    def at(self, instant: int) -> Scheduled:
        """Time passes until then, with a scheduler that comes by once."""
        self.there.settle(instant - 1_000 - self.there.now)  # which lets another second pass
        self.scheduler.round()
        self.there.settle(10 * SECOND)
        return self

    @property
    def sends(self) -> list[tuple[str, int]]:
        found = {s.id: s for s in (decode_send(r.value) for r in records(self.there.log, SENDS))}
        return sorted(((s.contact, s.at - NINE) for s in found.values()), key=lambda sent: sent[::-1])

    def firings(self) -> dict[str, str]:
        found = self.there.get("/v1/campaigns/digest")["launches"]
        return {one["id"].partition(":")[2]: one["phase"] for one in found if ":" in one["id"]}


@pytest.fixture
def scheduled(tmp_path: Path) -> Iterator[Scheduled]:
    with living(tmp_path) as there:
        there.publish(NEWS, NOTE)
        for name in ("ann", "bob"):
            there.say(name, "identify", f"i-{name}", traits={"email": f"{name}@example.com"})
        there.settle()
        yield Scheduled(there)


def test_it_fires_at_its_time_to_the_millisecond_and_once(scheduled):
    scheduled.begin(digest())
    scheduled.at(NINE - MINUTE)
    assert scheduled.sends == []
    scheduled.at(NINE - 4 * SECOND)  # the audience is frozen a little ahead
    scheduled.fresh().round()
    scheduled.at(NINE + MINUTE)
    assert scheduled.sends == [("ann", 0), ("bob", 0)]
    assert scheduled.firings() == {"2026-09-22T09:00Z": "done"}
    scheduled.at(NINE + DAY - 4 * SECOND)
    assert scheduled.sends[2:] == [("ann", DAY), ("bob", DAY)]


def test_it_does_not_fire_before_its_launch_nor_after_its_cancellation(scheduled):
    scheduled.there.client.put("/v1/campaigns/digest", json=digest())
    scheduled.at(NINE + SECOND)
    assert scheduled.sends == []
    scheduled.there.post("/v1/campaigns/digest/launch", {})
    scheduled.there.settle(2 * SECOND)
    scheduled.there.post("/v1/campaigns/digest/cancel", {})
    scheduled.at(NINE + DAY)
    assert scheduled.firings() == {}


@pytest.mark.parametrize(
    ("policy", "days_of_sends", "found"),
    [
        ("skip", [], {"2026-09-24T09:00Z": "missed"}),
        ("once", [2], {"2026-09-23T09:00Z": "missed", "2026-09-24T09:00Z": "done"}),
        ("all", [2, 2, 2], dict.fromkeys(("2026-09-22T09:00Z", "2026-09-23T09:00Z", "2026-09-24T09:00Z"), "done")),
    ],
)
def test_after_a_downtime_its_policy_says_what_is_made_up_for(scheduled, policy, days_of_sends, found):
    scheduled.begin(digest(schedule={"missed": policy}))
    scheduled.at(NINE + 2 * DAY + 3 * HOUR)
    assert scheduled.firings() == found
    assert [at // DAY for contact, at in scheduled.sends if contact == "ann"] == days_of_sends
    scheduled.fresh().round()
    scheduled.at(NINE + 2 * DAY + 4 * HOUR)
    assert scheduled.firings() == found
    if policy == "skip":
        launches = scheduled.there.get("/v1/campaigns/digest")["launches"]
        assert [one["missed"] for one in launches if one["phase"] == "missed"] == [3]


def test_what_would_have_fired_during_a_pause_is_not_made_up_for(scheduled):
    scheduled.begin(digest(schedule={"missed": "all"}))
    scheduled.there.post("/v1/campaigns/digest/pause", {"reason": "holiday"})
    scheduled.at(NINE + DAY + HOUR)
    scheduled.there.post("/v1/campaigns/digest/resume", {})
    scheduled.at(NINE + DAY + 2 * HOUR)
    assert scheduled.sends == []
    scheduled.at(NINE + 2 * DAY)
    assert [contact for contact, _ in scheduled.sends] == ["ann", "bob"]


def test_in_each_contacts_zone_everyone_gets_it_at_nine(scheduled):
    for name, zone in (("ann", "Asia/Tokyo"), ("bob", "America/New_York")):
        scheduled.there.say(name, "identify", f"z-{name}", traits={"timezone": zone})
    scheduled.begin(digest(schedule={"timezone": "contact"}))
    scheduled.at(NINE - 14 * HOUR - 4 * SECOND)
    assert scheduled.firings() == {"2026-09-22T09:00": "scheduled"}
    scheduled.at(NINE + 8 * HOUR)
    assert scheduled.sends == [("ann", -9 * HOUR), ("bob", 4 * HOUR)]


def test_a_stale_audience_waits_until_the_warehouse_has_caught_up(scheduled):
    scheduled.begin(digest())
    scheduled.there.settle(NINE - 5 * MINUTE - scheduled.there.now)
    scheduled.there.say("zoe", "identify", "i-zoe", traits={"email": "zoe@example.com"})
    scheduled.there.at(NINE)
    scheduled.scheduler.round()
    assert scheduled.firings() == {}
    scheduled.at(NINE + MINUTE)
    assert [contact for contact, _ in scheduled.sends] == ["ann", "bob", "zoe"]


def outcome(there: Living, contact: str, send: str, type: str) -> Entry:
    said = {"send": send, "campaign": "digest", "journey": "campaign:digest"}
    return Entry(EVENTS, contact, encode(Event(type, f"{send}-{type}", there.now, properties=said, user_id=contact)))


def test_over_its_limit_it_pauses_itself_and_says_why(scheduled):
    there = scheduled.there
    for n in range(20):
        there.say(f"c{n:02}", "identify", f"i-{n}", traits={"email": f"c{n}@example.com"})
    scheduled.begin(digest(limits={"errors": 20, "after": 10}, rate={"messages": 1, "per": "minute"}))
    scheduled.at(NINE - 4 * SECOND).at(NINE + 12 * MINUTE)
    went = {s.id: s for s in (decode_send(r.value) for r in records(there.log, SENDS))}
    assert len(went) == 13
    sends = sorted(went.values(), key=lambda s: s.at)
    there.log.append([outcome(there, s.contact, s.id, "email_sent") for s in sends[:11]])
    there.log.append([outcome(there, s.contact, s.id, "email_bounced") for s in sends[:2]])
    scheduled.at(NINE + 13 * MINUTE)
    assert there.get("/v1/campaigns/digest")["phase"] == "running"  # two of eleven: 18%
    there.log.append([outcome(there, sends[11].contact, sends[11].id, "email_failed")])
    scheduled.at(NINE + 14 * MINUTE)
    found = there.get("/v1/campaigns/digest")
    assert (found["phase"], found["reason"]) == ("paused", "errors: 3 of 12 messages, 25%, reach the limit of 20%")
    before = len(scheduled.sends)
    scheduled.at(NINE + HOUR)
    assert len(scheduled.sends) == before
    messages = there.get("/v1/campaigns/digest")["messages"]
    assert messages["planned"] == 22 == sum(messages[k] for k in ("sent", "skipped", "failed", "unknown", "queued"))
