"""Migrations over HTTP: first who would move where, then the move, then back; every fault of a map at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.times import HOUR
from tests.api.living import Living, living
from tests.flows.journeys.scenario import journey, node, pause

MIGRATE = "/v1/journeys/j/migrate"
START = node("start", "trigger", on={"event": "go"})
FIRST = journey(START, pause("4h", id="a"), pause("4h", id="b"))
SECOND = journey(START, pause("6h", id="c"), pause("1h", id="b"))


@pytest.fixture
def lived(tmp_path: Path) -> Iterator[Living]:
    """Two runs at `a` and one at `b`, on version 1; version 2 is current."""
    with living(tmp_path) as made:
        made.publish(FIRST)
        for contact in ("ann", "bob", "cid"):
            made.say(contact, "identify", f"id-{contact}", traits={"plan": "gold"})
        made.say("cid", "track", "go-cid", event="go")
        made.settle(5 * HOUR)
        for contact in ("ann", "bob"):
            made.say(contact, "track", f"go-{contact}", event="go")
        made.settle(HOUR)
        made.publish({**SECOND, "version": 2})
        made.settle()
        yield made


def runs(made: Living) -> dict[str, tuple[int, str]]:
    """Where each contact's run is, and on which version."""
    found = {c: made.get(f"/v1/contacts/{c}")["journeys"][0] for c in ("ann", "bob", "cid")}
    return {contact: (run["version"], run["node"]) for contact, run in found.items()}


def test_a_dry_run_lists_who_moves_where_and_moves_nobody(lived: Living):
    before = runs(lived)
    found = lived.post(MIGRATE, {"from": 1, "to": 2, "nodes": {"a": "c"}, "dry_run": True})
    assert found["nodes"] == [{"node": "a", "to": "c", "runs": 2}, {"node": "b", "to": None, "runs": 1}]
    assert [(run["contact"], run["to"]) for run in found["sample"]] == [("ann", "c"), ("bob", "c"), ("cid", None)]
    assert (found["id"], found["active_from"], found["runs"]) == (None, None, 3)
    lived.settle()
    assert runs(lived) == before == {"ann": (1, "a"), "bob": (1, "a"), "cid": (1, "b")}


def test_runs_move_and_are_taken_back(lived: Living):
    moved = lived.post(MIGRATE, {"from": 1, "to": 2, "nodes": {"a": "c"}})
    assert moved["id"] == "j.1-2"
    lived.settle()
    assert runs(lived) == {"ann": (2, "c"), "bob": (2, "c"), "cid": (1, "b")}
    dry = lived.post(MIGRATE, {"reverse": "j.1-2", "dry_run": True})
    assert dry["nodes"] == [{"node": "c", "to": "a", "runs": 2}]
    lived.post(MIGRATE, {"reverse": "j.1-2"})
    lived.settle()
    assert runs(lived) == {"ann": (1, "a"), "bob": (1, "a"), "cid": (1, "b")}
    assert lived.post(MIGRATE, {"from": 1, "to": 2, "nodes": {"a": "c"}})["id"] == "j.1-2.2"


def test_the_report_tells_who_was_moved_and_on_which_version_runs_are_now(lived: Living):
    lived.post(MIGRATE, {"from": 1, "to": 2, "nodes": {"a": "c"}})
    lived.settle()
    report = lived.get("/v1/reports/journeys", journey="j")
    told = [(v["version"], v["entered"], v["active"], v["running"]) for v in report["versions"]]
    assert told == [(1, 3, 3, 1), (2, 0, 0, 2)]
    lived.post(MIGRATE, {"reverse": "j.1-2"})
    lived.settle()
    report = lived.get("/v1/reports/journeys", journey="j")
    assert [(v["version"], v["running"]) for v in report["versions"]] == [(1, 3)]
    steps = [tuple(m[name] for name in ("from_version", "from_node", "to_version", "to_node")) for m in report["moved"]]
    assert steps == [(1, "a", 2, "c"), (2, "c", 1, "a")]
    assert [(m["migration"], m["runs"]) for m in report["moved"]] == [("j.1-2", 2), ("j.2-1", 2)]


FAULTS: list[tuple[dict[str, Any], set[str]]] = [
    ({"from": 1, "to": 7, "nodes": {"a": "c", "x": "b"}}, {"to", "nodes.x"}),
    ({"from": 1, "to": 2, "nodes": {"a": "start", "y": "z"}}, {"nodes.a", "nodes.y"}),
    ({"from": 2, "to": 2}, {"to"}),
    ({"reverse": "nothing"}, {"reverse"}),
    ({"reverse": "x", "from": 1}, {"body"}),
    ({"from": 1}, {"body"}),
    ({"from": 1, "to": 2, "unmapped": "burn"}, {"body.unmapped"}),
]


def test_every_fault_of_a_map_is_told_and_nothing_moves(lived: Living):
    for body, paths in FAULTS:
        answer = lived.client.post(MIGRATE, json=body)
        assert answer.status_code == 422
        assert {error["path"] for error in answer.json()["errors"]} >= paths
    assert lived.client.post(MIGRATE.replace("/j/", "/none/"), json={"from": 1, "to": 2}).status_code == 422
    lived.settle()
    assert {version for version, _ in runs(lived).values()} == {1}


def test_a_run_that_was_moved_and_ended_is_reported_under_the_version_that_it_entered(lived: Living):
    lived.post(MIGRATE, {"from": 1, "to": 2, "nodes": {"a": "c"}})
    lived.settle(9 * HOUR)
    (version,) = lived.get("/v1/reports/journeys", journey="j")["versions"]
    assert (version["version"], version["entered"], version["exited"]) == (1, 3, {"done": 3})
