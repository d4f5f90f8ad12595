"""A journey as a person writes it: what is taken, and that every fault comes back at once with the node's id."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from schemas.definitions.base import parse
from schemas.definitions.journey import Journey
from schemas.errors import InvalidInput

START = {"id": "start", "type": "trigger", "on": {"event": "go"}}
DONE = {"id": "done", "type": "exit"}


def journey(*nodes: Any, edges: list[dict[str, str]] | None = None, **fields: Any) -> dict[str, Any]:
    """A journey whose nodes are joined in a line unless edges are given."""
    chain = [START, *nodes, DONE]
    line = [{"from": a["id"], "to": b["id"]} for a, b in pairwise(chain)]
    return {"kind": "journey", "id": "j", "nodes": chain, "edges": line if edges is None else edges, **fields}


def faults(body: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidInput) as caught:
        parse(body)
    return {v.path: v.message for v in caught.value.violations}


def node(**fields: Any) -> dict[str, Any]:
    return {"id": "n", **fields}


@pytest.mark.parametrize(
    "given",
    [
        {"type": "wait", "for": "24h"},
        {"type": "wait", "for": "0s"},
        {"type": "wait", "until": "09:00", "weekdays": ["mon", "fri"], "default_timezone": "Europe/Zurich"},
        {"type": "wait", "window": {"from": "22:00", "to": "07:00"}, "timezone": "Asia/Tokyo"},
        {"type": "wait", "until_date": "renewal", "offset": "-3d"},
        {"type": "wait", "until_date": {"entry": "properties.date"}},
        {"type": "wait", "for_event": {"event": "paid", "where": [{"property": "total", "op": "gt", "value": 1}]}},
        {"type": "wait", "for_segment": "vip", "timeout": "1d"},
        {"type": "condition", "if": {"entry": "properties.total", "op": "gt", "value": 1}},
        {"type": "condition", "if": {"performed": "paid", "within": "run"}},
        {"type": "condition", "branches": [{"name": "a", "if": {"everyone": True}}], "else": "rest"},
        {"type": "split", "arms": [{"name": "A", "share": 33.4}, {"name": "B", "share": 66.6}]},
        {"type": "action", "do": "send", "channels": ["push", "sms"], "template": "hello", "expires": "2h"},
        {"type": "action", "do": "webhook", "template": "order"},
        {"type": "action", "do": "add_tag", "tag": "vip"},
        {"type": "action", "do": "set_trait", "trait": "plan", "value": None},
        {"type": "action", "do": "create_task", "title": "Call", "due": "2d"},
        {"type": "action", "do": "add_to_segment", "segment": "called"},
        {"type": "action", "do": "start_journey", "journey": "next"},
    ],
)
def test_every_form_of_node_is_taken(given):
    assert isinstance(parse(journey(node(**given))), Journey)


@pytest.mark.parametrize(
    "on",
    [
        {"event": {"starts_with": "TEST_"}},
        {"segment": "vip", "change": "left"},
        {"segment": "vip", "current": True},
        {"schedule": "0 9 * * 1", "segment": "vip", "timezone": "Europe/Zurich"},
        {"date": "birthday", "offset": "-3d", "every": "year"},
        {"api": True},
    ],
)
def test_every_form_of_trigger_is_taken(on):
    body = journey()
    body["nodes"] = [{**START, "on": on}, DONE]
    assert isinstance(parse(body), Journey)


@pytest.mark.parametrize(
    ("given", "path", "message"),
    [
        ({"type": "pause"}, "nodes.n.type", "none of trigger, wait"),
        ({"type": "wait"}, "nodes.n", "give one of for, until"),
        ({"type": "wait", "for": "1d", "until": "09:00"}, "nodes.n", "both for and until"),
        ({"type": "wait", "for": "-1d"}, "nodes.n.for", "in the past"),
        ({"type": "wait", "for": "1 day"}, "nodes.n.for", "is no duration"),
        ({"type": "wait", "until": "24:00"}, "nodes.n.until", "must be text that matches"),
        ({"type": "wait", "until": "09:00", "timezone": "Mars"}, "nodes.n.timezone", "no IANA time zone"),
        ({"type": "wait", "window": {"from": "09:00", "to": "09:00"}}, "nodes.n.window", "would be empty"),
        ({"type": "wait", "for_event": {"event": "x"}, "match_key": True}, "nodes.n.match_key", "no `key`"),
        ({"type": "condition", "if": {"and": []}}, "nodes.n.if.and", "at least one"),
        ({"type": "split", "arms": [{"name": "A", "share": 50}, {"name": "B", "share": 49}]}, "nodes.n", "sum to 99"),
        ({"type": "split", "arms": [{"name": "A", "share": 50}, {"name": "A", "share": 50}]}, "nodes.n", "'A'"),
        ({"type": "action", "do": "shout"}, "nodes.n.do", "none of send"),
        ({"type": "action", "do": "send", "template": "t"}, "nodes.n", "either `channel` or `channels`"),
        ({"type": "action", "do": "add_tag"}, "nodes.n.tag", "is missing"),
        ({"type": "exit", "why": "x"}, "nodes.n.why", "not known here"),
    ],
)
def test_a_fault_of_a_node_names_the_node_and_the_field(given, path, message):
    assert message in faults(journey(node(**given)))[path]


def test_a_list_is_too_short_by_what_was_written_not_by_what_of_it_is_sound():
    wait = {"type": "wait", "until": "09:00"}
    assert faults(journey(node(**wait, weekdays=["monday"]))).keys() == {"nodes.n.weekdays.0"}
    assert faults(journey(node(**wait, weekdays=[]))).keys() == {"nodes.n.weekdays"}
    one = {"type": "split", "arms": [{"name": "A", "share": "x"}]}
    assert faults(journey(node(**one))).keys() >= {"nodes.n.arms.0.share", "nodes.n.arms"}
    dated = {"type": "wait", "until_date": {"entry": "date"}}
    assert [path for path in faults(journey(node(**dated))) if "until_date" in path] == [
        "nodes.n.until_date.entry.entry"
    ]


@pytest.mark.parametrize(
    ("on", "path"),
    [
        ({}, "nodes.start.on"),
        ({"event": "x", "api": True}, "nodes.start.on"),
        ({"schedule": "61 9 * * 1", "segment": "s"}, "nodes.start.on.schedule"),
        ({"schedule": "0 0 31 2 *", "segment": "s"}, "nodes.start.on.schedule"),
        ({"schedule": "* * * * * *", "segment": "s"}, "nodes.start.on.schedule"),
        ({"api": False}, "nodes.start.on.api"),
        ({"date": "birthday", "every": "month"}, "nodes.start.on.every"),
    ],
)
def test_a_fault_of_a_trigger_names_its_field(on, path):
    body = journey()
    body["nodes"] = [{**START, "on": on}, DONE]
    assert path in faults(body)


def test_faults_of_nodes_edges_conditions_and_fields_come_back_together():
    body = journey(
        node(type="wait", **{"for": "-1d"}),
        edges=[{"from": "start", "to": "n"}, {"from": "n", "to": "gone"}],
        key="order",
        exit_when={"and": [{"trait": "plan", "op": "matches", "value": "("}]},
        holdout=101,
        colour="red",
    )
    assert set(faults(body)) == {
        "nodes.n.for",
        "edges.1.to",
        "nodes.done",
        "key",
        "exit_when.and.0.value",
        "holdout",
        "colour",
    }


def test_a_condition_of_a_run_may_not_stand_in_a_segment():
    with pytest.raises(InvalidInput, match="conditions of a journey"):
        parse({"kind": "segment", "id": "s", "where": {"performed": "x", "within": "run"}})


def test_the_segments_that_it_refers_to_are_known():
    body = journey(
        node(type="wait", for_segment="a"), {"id": "m", "type": "action", "do": "add_to_segment", "segment": "b"}
    )
    body["nodes"][0] = {**START, "on": {"segment": "c"}}
    body["exit_when"] = {"not": {"segment": "d"}}
    found = parse(body)
    assert isinstance(found, Journey)
    assert found.segments() == {"a", "b", "c", "d"}
