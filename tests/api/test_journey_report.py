"""How a journey does: runs by version and node, conversion against the held out; as counted from the log by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from schemas.ids import bucket
from schemas.records import decode_change, decode_event
from schemas.times import HOUR, MINUTE
from schemas.topics import CHANGES, EVENTS
from tests.api.living import Living, living
from tests.flows.journeys.scenario import journey, node, started_by

WINDOW = 6 * HOUR


def body(**fields: Any) -> dict[str, Any]:
    return journey(
        started_by(),
        node("pause", "wait", for_="2h"),
        node("vip", "condition", if_={"trait": "vip", "op": "eq", "value": True}),
        node("thanks", "exit", reason="vip"),
        node("bye", "exit", reason="plain"),
        edges=["start -> pause", "pause -> vip", "vip -> thanks: yes", "vip -> bye: no"],
        goal={"performed": "bought"},
        goal_window="6h",
        exit_when={"performed": "left"},
        **fields,
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory):
    """Two versions; 240 contacts that come once or twice, buy or leave at random."""
    dice = Random(5)
    with living(Path(tmp_path_factory.mktemp("journeys"))) as there:
        there.publish(body(holdout=30))
        for n in range(240):
            if n == 120:
                there.publish(body(holdout=30, name="second") | {"version": 2})
            contact = f"c{n % 200}"
            there.say(contact, "identify", f"id{n}", traits={"vip": dice.random() < 0.3})
            there.say(contact, "track", f"go{n}", event="go")
            if dice.random() < 0.5:
                there.at(there.now + dice.randrange(10) * MINUTE)
                for other in dice.sample(range(n + 1), min(3, n)):
                    name = dice.choice(("bought", "bought", "left"))
                    there.say(f"c{other % 200}", "track", f"{name}{n}-{other}", event=name)
            there.at(there.now + dice.randrange(10) * MINUTE)
            if n % 40 == 39:
                there.settle()
        there.settle(3 * HOUR)
        yield there


def changes(there: Living) -> list[Any]:
    log = there.log
    found = [decode_change(r.value) for n in range(log.partitions(CHANGES)) for r in log.read(CHANGES, n, 0, 1 << 20)]
    return [c for c in found if c.journey == "j"]


def events(there: Living) -> list[tuple[str, str, int]]:
    log = there.log
    records = [r for n in range(log.partitions(EVENTS)) for r in log.read(EVENTS, n, 0, 1 << 20)]
    return [(r.key, decode_event(r.value).name, r.logged_at) for r in records if r.key]


def test_runs_are_told_by_version_and_node(told):
    report = told.get("/v1/reports/journeys", journey="j")
    said = changes(told)
    entered = {c.run: c.version for c in said if c.kind == "journey_entered"}
    ended = {c.run: c for c in said if c.kind == "journey_exited"}
    assert [v["version"] for v in report["versions"]] == [1, 2]
    for version in report["versions"]:
        runs = [run for run, number in entered.items() if number == version["version"]]
        ends = Counter(ended[run].reason for run in runs if run in ended)
        assert (version["entered"], version["active"]) == (len(runs), len([r for r in runs if r not in ended]))
        assert version["exited"] == ends
        assert version["completed"] == ends["vip"] + ends["plain"]
        came: dict[str, set[str]] = {}
        at_end: dict[str, Counter[str]] = {}
        for c in said:
            if c.kind == "journey_step" and c.run in runs:
                came.setdefault(c.node, set()).add(c.run)
            if c.kind == "journey_exited" and c.run in runs:
                at_end.setdefault(c.node, Counter())[c.reason] += 1
        assert {n["node"]: n["runs"] for n in version["nodes"]} == {n: len(r) for n, r in came.items()}
        assert {n["node"]: n["exited"] for n in version["nodes"] if n["exited"]} == at_end
        assert {n["node"]: n["waiting"] for n in version["nodes"] if n["waiting"]} == (
            {"pause": version["active"]} if version["active"] else {}
        )
    assert report["refused"] == Counter(c.reason for c in said if c.kind == "journey_refused")
    assert report["refused"]["holdout"] > 30


def test_conversion_is_that_of_the_events_themselves(told):
    report = told.get("/v1/reports/journeys", journey="j")["conversion"]
    first, bought = {}, {}
    for contact, name, at in events(told):
        if name == "go":
            first.setdefault(contact, at)
        if name == "bought":
            bought.setdefault(contact, []).append(at)
    since = min(at for contact, at in first.items() if bucket("j/holdout", contact) < 30)
    now = told.now - 1_000
    for name, is_held in (("held_out", True), ("entered", False)):
        group = [c for c, at in first.items() if at >= since and (bucket("j/holdout", c) < 30) == is_held]
        hit = [c for c in group if any(first[c] <= at < first[c] + WINDOW for at in bought.get(c, ()))]
        watched = [c for c in group if first[c] + WINDOW <= now]
        assert report[name]["contacts"] == len(group)
        assert report[name]["so_far"] == len(hit)
        assert report[name]["watched"] == pytest.approx(len(watched), abs=1)
        assert report[name]["conversions"] == len(set(hit) & set(watched))
        assert report[name]["low"] <= report[name]["rate"] <= report[name]["high"]
        assert 0 < len(hit) < len(group)
    rates = report["entered"]["rate"], report["held_out"]["rate"]
    assert report["difference"] == pytest.approx(rates[0] - rates[1])
    assert report["lift"] == pytest.approx(rates[0] / rates[1] - 1)
    assert report["low"] < report["difference"] < report["high"]


def test_another_window_and_a_span_may_be_asked(told):
    whole = told.get("/v1/reports/journeys", journey="j")
    short = told.get("/v1/reports/journeys", journey="j", window="30m")["conversion"]
    assert short["window"] == "30m"
    assert short["held_out"]["watched"] >= whole["conversion"]["held_out"]["watched"]
    assert short["entered"]["so_far"] <= whole["conversion"]["entered"]["so_far"]
    none = told.get("/v1/reports/journeys", journey="j", since="2030-01-01T00:00:00Z")
    assert (none["versions"], none["conversion"]["difference"]) == ([], None)


def test_what_cannot_be_asked_is_refused(told):
    assert told.client.get("/v1/reports/journeys", params={"journey": "none"}).status_code == 404
    assert told.client.get("/v1/reports/journeys", params={"journey": "j", "window": "soon"}).status_code == 422
