"""Why a run went as it did, where it is, what wakes it next and what would end it: over the whole way to the API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas.times import HOUR, format_instant
from tests.api.living import LEAD_MS, Living, T, living
from tests.flows.journeys.scenario import journey, message, node, started_by
from tests.flows.journeys.test_migration import moving

BIG = {"entry": "properties.total", "op": "gt", "value": 100}
KNOWN = {"performed": "visited", "count": {"op": "gte", "value": 2}}


def body() -> dict[str, Any]:
    return journey(
        started_by(),
        node("sort", "condition", branches=[{"name": "big", "if": BIG}, {"name": "known", "if": KNOWN}], else_="rest"),
        node("await", "wait", for_event={"event": "paid"}, match_key=True, timeout="5h"),
        message("mail"),
        node("nap", "wait", for_="3h"),
        node("end", "exit"),
        edges=[
            "start -> sort",
            "sort -> end: rest",
            "sort -> await: big",
            "sort -> await: known",
            "await -> mail: happened",
            "await -> end: timeout",
            "mail -> nap",
            "nap -> end",
        ],
        key="properties.order",
        goal={"performed": "thanked"},
        exit_when={"trait": "gone", "op": "eq", "value": True},
    )


@pytest.fixture
def there(tmp_path: Path):
    with living(tmp_path) as made:
        made.publish(body())
        yield made


def explained(there: Living, contact: str = "ann") -> dict[str, Any]:
    return there.get(f"/v1/contacts/{contact}/journeys/j/explain")


def test_a_run_is_told_from_its_entry_to_what_comes_next(there):
    there.say("ann", "track", "v1", event="visited")
    there.say("ann", "track", "v2", event="visited")
    there.settle(HOUR)
    began = there.now
    there.say("ann", "track", "g1", event="go", properties={"order": "o1", "total": 50})
    there.settle()

    found = explained(there)
    (run,) = found["runs"]
    assert (found["agrees"], found["refused"], run["entry"], run["trigger"]) == (True, [], "o1", "start")
    assert [step["node"] for step in run["steps"]] == ["start", "sort", "await"]
    asked = run["steps"][1]["asked"]
    assert [(a["branch"], a["why"]["truth"]) for a in asked] == [("big", False), ("known", True)]
    assert asked[0]["why"]["asks"]["path"] == "properties.total"
    assert [e["id"] for e in asked[1]["why"]["events"]] == ["v1", "v2"]
    assert run["steps"][1]["branch"] == "known"
    assert run["now"]["node"] == "await"
    assert run["now"]["wakes"] == {
        "at": format_instant(began + 5 * HOUR),
        "event": "paid",
        "key": {"properties.order": "o1"},
    }
    assert [(end["reason"], end["why"]["truth"]) for end in run["now"]["ends"]] == [
        ("goal", False),
        ("exit_when", False),
    ]

    there.settle(HOUR)
    there.say("ann", "track", "p0", event="paid", properties={"order": "other"})
    there.say("ann", "track", "p1", event="paid", properties={"order": "o1"})
    there.settle()
    found = explained(there)
    (run,) = found["runs"]
    await_step = run["steps"][2]
    assert (await_step["branch"], await_step["woken_by"]["event"]["id"]) == ("happened", "p1")
    assert run["skipped"] == [{"node": "mail", "reason": "no_address", "at": await_step["left_at"]}]
    assert run["now"]["node"] == "nap"
    assert set(run["now"]["wakes"]) == {"at"}

    there.settle(4 * HOUR)
    (run,) = explained(there)["runs"]
    assert run["now"] is None
    assert (run["ended"]["node"], run["ended"]["reason"]) == ("end", "completed")
    assert "time" in run["steps"][-2]["woken_by"]
    there.say("ann", "track", "t1", event="thanked")
    there.settle()
    assert explained(there)["runs"][0]["converted_at"] is not None
    assert explained(there)["agrees"]


def test_what_was_refused_is_told_with_its_reason(there):
    there.say("ann", "track", "g0", event="go", properties={"total": 500})
    there.say("ann", "track", "g1", event="go", properties={"order": "o1", "total": 500})
    there.say("ann", "track", "g2", event="go", properties={"order": "o1", "total": 500})
    there.settle()
    found = explained(there)
    assert [(r["entry"], r["reason"]) for r in found["refused"]] == [("", "key missing"), ("o1", "reentry")]
    assert [run["entry"] for run in found["runs"]] == ["o1"]


def test_a_run_stays_explained_by_the_version_that_it_entered(there):
    there.say("ann", "track", "g1", event="go", properties={"order": "o1", "total": 500})
    there.settle()
    other = body() | {"name": "other"}
    other["nodes"][2]["timeout"] = "1h"
    there.publish(other | {"version": 2})
    there.say("ann", "track", "g2", event="go", properties={"order": "o2", "total": 500})
    there.settle()
    first, second = explained(there)["runs"]
    assert (first["version"], second["version"]) == (1, 2)
    assert first["now"]["wakes"]["at"] == format_instant(T + LEAD_MS + 1_000 + 5 * HOUR)
    assert second["now"]["wakes"]["at"] < first["now"]["wakes"]["at"]


def test_a_run_that_was_moved_to_another_version_says_so(there):
    there.say("ann", "track", "g1", event="go", properties={"order": "o1", "total": 500})
    there.settle()
    other = body() | {"name": "other"}
    other["nodes"][2]["timeout"] = "9h"
    there.publish(other | {"version": 2})
    there.publish(moving(nodes={"await": "await"}))
    there.settle()
    (run,) = explained(there)["runs"]
    assert explained(there)["agrees"]
    (moved,) = [step for step in run["steps"] if "moved" in step]
    assert (moved["node"], moved["moved"]) == ("await", {"from": "await", "by": "m", "version": 2})
    before, after = [step for step in run["steps"] if step["node"] == "await"]
    assert (after, before["left_at"], after["left_at"]) == (moved, moved["at"], None)
    assert run["now"]["wakes"]["at"] == format_instant(T + LEAD_MS + 1_000 + 9 * HOUR)
    there.say("ann", "track", "p1", event="paid", properties={"order": "o1"})
    there.settle(4 * HOUR)
    (run,) = explained(there)["runs"]
    assert [step["node"] for step in run["steps"]][-3:] == ["mail", "nap", "end"]
    assert run["ended"]["reason"] == "completed"


def test_a_run_that_reached_its_goal_says_so(there):
    there.say("ann", "track", "g1", event="go", properties={"order": "o1", "total": 500})
    there.settle()
    there.say("ann", "track", "t1", event="thanked")
    there.settle()
    (run,) = explained(there)["runs"]
    assert (run["ended"]["reason"], run["ended"]["node"], run["now"]) == ("goal", "await", None)


def test_of_a_contact_that_never_came_by_there_is_nothing_to_tell(there):
    there.say("bob", "track", "x", event="other")
    there.settle()
    found = explained(there, "bob")
    assert (found["runs"], found["refused"], found["agrees"]) == ([], [], True)


def test_what_is_not_there_is_said(there):
    there.say("bob", "track", "x", event="other")
    there.settle()
    assert there.client.get("/v1/contacts/nobody/journeys/j/explain").status_code == 404
    assert there.client.get("/v1/contacts/bob/journeys/none/explain").status_code == 404
