"""A campaign as a person writes it: what is taken, and that every fault comes back at once with its path."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.definitions.base import KINDS, parse
from schemas.definitions.campaign import Campaign
from schemas.errors import InvalidInput

CONTENT = {"channel": "email", "template": "note"}
ARMS = [{"name": "A", "share": 50, "template": "a"}, {"name": "B", "share": 50, "template": "b"}]
GOLD = {"segment": "gold"}


def campaign(**fields: Any) -> dict[str, Any]:
    body = {"kind": "campaign", "id": "spring", "type": "one_time", "audience": GOLD, "content": CONTENT} | fields
    return {name.rstrip("_"): value for name, value in body.items() if value is not None}


def faults(body: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInput) as caught:
        parse(body)
    return [(v.path, v.message) for v in caught.value.violations]


WEEKLY = {"cron": "0 9 * * 1", "timezone": "contact", "missed": "once", "grace": "1h"}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"schedule": {"at": "2026-12-01T09:00:00Z"}},
        {"schedule": {"at": "2026-12-01T09:00", "timezone": "contact"}},
        {"schedule": {"at": "2026-12-01T09:00", "timezone": "Europe/Zurich"}, "rate": {"messages": 600}},
        {"type": "recurring", "schedule": WEEKLY, "rate": {"messages": 5_000, "per": "hour"}},
        {"type": "triggered", "trigger": {"event": "cart"}, "audience": None, "key": "properties.id"},
        {"type": "triggered", "trigger": {"date": "birthday", "every": "year"}, "reentry": {"mode": "never"}},
        {"content": {"channels": ["push", "sms"], "arms": ARMS, "winner": {"metric": "clicked"}}},
        {"exclusions": [{"performed": "complained"}, GOLD], "limits": {"errors": 5, "complaints": 0.1, "after": 50}},
        {"class_": "transactional", "expires": "2d", "content": CONTENT | {"topic": "news", "data": {"a": [1]}}},
    ],
)
def test_every_form_is_taken(fields):
    assert isinstance(parse(campaign(**fields)), Campaign)


def test_every_fault_comes_back_at_once():
    body = campaign(
        id="x" * 61,
        type="recurring",
        audience={"and": [{"segment": "a", "op": "eq"}, {"bucket": [5, 200]}]},
        exclusions=[{"nothing": 1}],
        content={"channel": "email", "arms": [{"name": "A", "share": 90, "template": "a"}]},
        schedule={"cron": "0 9 * *", "grace": "never"},
        rate={"messages": 0, "per": "fortnight"},
        limits={"errors": 101, "typo": 1},
        expires="-1d",
        trigger={"event": "cart"},
    )
    assert sorted(path for path, _ in faults(body)) == [
        "audience.and.0.op",
        "audience.and.1.bucket",
        "content",
        "content",
        "exclusions.0",
        "expires",
        "id",
        "limits.errors",
        "limits.typo",
        "rate.messages",
        "rate.per",
        "schedule.cron",
        "schedule.grace",
        "trigger",
    ]


@pytest.mark.parametrize(
    ("fields", "path", "says"),
    [
        ({"audience": None}, "audience", "needs it"),
        ({"type": "recurring"}, "schedule", "needs it"),
        ({"type": "recurring", "schedule": {"at": "2026-12-01T09:00"}}, "schedule", "scheduled by `cron`"),
        ({"schedule": WEEKLY}, "schedule", "scheduled by `at`"),
        ({"schedule": {"at": "tomorrow"}}, "schedule.at", "no time"),
        ({"schedule": {"at": "2026-12-01T09:00Z", "timezone": "contact"}}, "schedule", "leave that or"),
        ({"schedule": {"at": "2026-12-01T09:00", "timezone": "Mars/Base"}}, "schedule.timezone", "zone"),
        ({"type": "triggered", "audience": None}, "trigger", "needs it"),
        ({"type": "triggered", "trigger": {"event": "a"}, "rate": {"messages": 1}}, "rate", "is for one_time"),
        ({"trigger": {"event": "a"}}, "trigger", "is for triggered"),
        ({"type": "triggered", "trigger": {"segment": "a", "current": True}}, "trigger.current", "one_time"),
        (
            {"type": "triggered", "trigger": {"api": True}, "content": CONTENT | {"data": {"a": 1}}},
            "content.data",
            "event",
        ),
        ({"content": {"channel": "email"}}, "content", "template"),
        ({"content": CONTENT | {"channels": ["sms"]}}, "content", "either `channel`"),
        ({"content": CONTENT | {"winner": {"metric": "opened"}}}, "content", "`arms`"),
        ({"content": {"channel": "email", "arms": ARMS, "winner": {"metric": "goal"}}}, "content", "no `goal`"),
        ({"content": {"channel": "email", "arms": [*ARMS[:1], ARMS[1] | {"name": "A"}]}}, "content", "two of the arm"),
        ({"audience": {"everyone": True}, "typo": 1}, "typo", "not known"),
    ],
)
def test_each_fault_says_where_it_is_and_what_is_right(fields, path, says):
    found = faults(campaign(**fields))
    assert any(p == path and says in message for p, message in found), found


def test_the_kind_has_a_json_schema():
    schema = KINDS["campaign"].model_json_schema()
    assert {"audience", "content", "schedule", "trigger", "rate", "limits"} <= schema["properties"].keys()


def test_a_schedules_faults_come_back_together():
    found = faults(campaign(schedule={"at": "tomorrow", "timezone": "Mars/Base"}))
    assert [path for path, _ in found] == ["schedule.at", "schedule.timezone"]
