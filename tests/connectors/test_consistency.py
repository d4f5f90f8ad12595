"""What is published names only what is there; every name that is nowhere is told at once, by its place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.publish import CatalogueReader, archive, delete, publish, rollback
from connectors.sqlite_log import SqliteLog
from schemas.errors import InvalidInput, Violation
from schemas.records import Entry, Event, encode
from schemas.topics import EVENTS
from tests.flows.journeys.scenario import journey, message, node, pause, started_by

TRIGGER = node("start", "trigger", on={"segment": "nobody", "change": "entered"})
WHOLE = [
    TRIGGER,
    message("mail", template="gone", topic="unknown"),
    node("ring", "action", do="send", channels=["push", "sms"], template="both"),
    node("hook", "action", do="webhook", template="call"),
    node("wait", "wait", for_segment="none", timeout="1h"),
    node("add", "action", do="add_to_segment", segment="list"),
    node("next", "action", do="start_journey", journey="no-such"),
]
EDGES = ["start -> mail", "mail -> ring", "ring -> hook", "hook -> wait", "wait -> add", "add -> next", "next -> done"]
FAULTS = {
    "nodes.start.on.segment": "segment 'nobody'",
    "nodes.mail.template": "email_template 'gone'",
    "nodes.mail.topic": "topic 'unknown'",
    "nodes.ring.template": "sms_template 'both'",
    "nodes.hook.template": "webhook_template 'call'",
    "nodes.wait.for_segment": "segment 'none'",
    "nodes.add.segment": "segment 'list'",
    "nodes.next.journey": "journey 'no-such'",
    "exit_when": "segment 'left'",
    "goal": "snapshot 'frozen'",
}


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[CatalogueReader]:
    log = SqliteLog(tmp_path / "log.db", partitions=1)
    yield CatalogueReader(log)
    log.close()


def faults(reader: CatalogueReader, *bodies: dict[str, Any]) -> list[Violation]:
    with pytest.raises(InvalidInput) as refused:
        publish(reader, bodies)
    return list(refused.value.violations)


def test_every_name_that_is_nowhere_is_told_at_once(reader):
    body = journey(*WHOLE, edges=EDGES, exit_when={"segment": "left"}, goal={"snapshot": "frozen"})
    found = {v.path: v.message for v in faults(reader, body)}
    assert {path: what for path, what in FAULTS.items() if what not in found.get(path, "")} == {}
    assert found.keys() == FAULTS.keys()


def test_names_and_the_graph_are_faulted_together_each_by_its_node(reader):
    body = journey(
        TRIGGER,
        message("mail", template="gone"),
        node("split", "split", arms=[{"name": "A", "share": 50}, {"name": "B", "share": 40}]),
        node("if", "condition", if_={"segment": "vip"}),
        pause("1h", id="alone"),
        edges=["start -> mail", "mail -> if", "if -> mail: yes", "split -> mail"],
    )
    paths = {v.path for v in faults(reader, body)}
    assert paths >= {"nodes.mail.template", "nodes.if.if", "nodes.if", "nodes.alone", "nodes.mail"}
    assert any(path.startswith("nodes") and "split" in path for path in paths)


def test_what_is_given_together_is_known(reader):
    template = {"kind": "email_template", "id": "note", "class": "transactional", "subject": "s", "html": "<p>x</p>"}
    body = journey(node("start", "trigger", on={"event": "go"}), message("mail"))
    assert [made.version for made in publish(reader, [body, template])] == [1, 1]


def test_a_journey_that_is_started_needs_a_trigger_for_it(reader):
    start = node("next", "action", do="start_journey", journey="j")
    body = journey(node("start", "trigger", on={"event": "go"}), start)
    (fault,) = faults(reader, body)
    assert (fault.path, "no `api` trigger" in fault.message) == ("nodes.next.journey", True)


def test_a_segment_that_is_added_to_is_static(reader):
    add = node("add", "action", do="add_to_segment", segment="gold")
    gold = {"kind": "segment", "id": "gold", "where": {"everyone": True}}
    (fault,) = faults(reader, gold, journey(node("start", "trigger", on={"event": "go"}), add))
    assert fault.path.endswith("nodes.add.segment")
    assert "is not static" in fault.message


def test_what_has_no_name_at_all_is_a_fault_like_others(reader):
    found = {v.path for v in faults(reader, {"kind": "segment", "id": [1]}, {"kind": ["x"], "id": "a"})}
    assert {path.rpartition(": ")[2] for path in found} >= {"id", "kind"}


def test_a_version_that_names_what_is_gone_is_not_rolled_back_to(reader):
    segment = {"kind": "segment", "id": "nobody", "static": True}
    publish(reader, [segment, journey(TRIGGER)])
    publish(reader, [journey(node("start", "trigger", on={"event": "go"}))])
    delete(reader, "segment", "nobody")
    with pytest.raises(InvalidInput, match="nobody"):
        rollback(reader, "journey", "j", 1)


def test_a_segment_names_only_what_is_there_and_that_stays_as_long_as_it_asks(reader):
    asking = {"kind": "segment", "id": "asking", "where": {"and": [{"segment": "gold"}, {"snapshot": "frozen"}]}}
    ranked = {"kind": "segment", "id": "top", "where": {"percentile": "r", "by": "recency", "op": "gte", "value": 9}}
    assert [v.message for v in faults(reader, asking, ranked)] == [
        "there is no segment 'gold'",
        "there is no snapshot 'frozen'",
        "there is no ranking 'r'",
    ]
    gold = {"kind": "segment", "id": "gold", "where": {"everyone": True}}
    publish(reader, [gold, asking | {"where": {"not": {"segment": "gold"}}}])
    with pytest.raises(InvalidInput, match=r"segment asking: where\.not: names segment 'gold'"):
        delete(reader, "segment", "gold")
    delete(reader, "segment", "asking")
    delete(reader, "segment", "gold")


def test_what_is_named_in_vain_is_told_together_with_every_other_fault(reader):
    wrong = {"trait": "plan", "op": "near", "value": 1}
    segment = {"kind": "segment", "id": "s", "where": {"and": [wrong, {"not": {"segment": "gold"}}]}}
    named = journey(
        TRIGGER,
        node("mail", "action", do="send", channel="email", template="t", topic=7),
        node("asks", "condition", **{"if": {"or": [{"snapshot": "frozen"}, wrong]}}),
    )
    campaign = {"kind": "campaign", "id": "c", "type": "one_time", "audience": {"or": [wrong, {"segment": "gold"}]}}
    with pytest.raises(InvalidInput) as refused:
        publish(reader, [segment, named, campaign])
    found = {(v.path.partition(": ")[2], v.message) for v in refused.value.violations}
    assert found >= {
        ("where.and.1.not", "there is no segment 'gold'"),
        ("nodes.mail.topic", "must be text; 7 is given"),
        ("nodes.mail.template", "there is no email_template 't'"),
        ("nodes.asks.if.or.0", "there is no snapshot 'frozen'"),
        ("audience.or.1", "there is no segment 'gold'"),
        ("content", "is missing"),
    }
    assert {path for path, _ in found} >= {"where.and.0.op", "nodes.asks.if.or.1.op", "audience.or.0.op"}


def test_what_something_live_names_is_ended_only_after_it_and_every_place_is_told(reader):
    mail = {"kind": "email_template", "id": "welcome", "subject": "Hi", "html": "<p>Hi</p>"}
    text = {"kind": "sms_template", "id": "welcome", "body": "Hi"}
    news, gold = {"kind": "topic", "id": "news"}, {"kind": "segment", "id": "gold", "where": {"everyone": True}}
    sending = node("a", "action", do="send", channels=["sms", "email"], template="welcome", topic="news")
    campaign = {
        "kind": "campaign",
        "id": "spring",
        "type": "one_time",
        "audience": {"everyone": True},
        "exclusions": [{"segment": "gold"}],
        "content": {"channel": "email", "template": "welcome", "topic": "news"},
    }
    publish(reader, [mail, text, news, gold, journey(started_by(), sending), campaign])
    told = {}
    for kind, id in (("email_template", "welcome"), ("topic", "news"), ("segment", "gold")):
        for end in (delete, archive):
            with pytest.raises(InvalidInput) as refused:
                end(reader, kind, id)
            told[kind] = [v.path for v in refused.value.violations]
    assert told == {
        "email_template": ["campaign spring: content.template", "journey j: nodes.a.template"],
        "topic": ["campaign spring: content.topic", "journey j: nodes.a.topic"],
        "segment": ["campaign spring: exclusions.0"],
    }
    delete(reader, "journey", "j")
    delete(reader, "sms_template", "welcome")
    archive(reader, "campaign", "spring")
    for kind, id in (("email_template", "welcome"), ("topic", "news"), ("segment", "gold")):
        delete(reader, kind, id)


def test_what_stands_counts_as_a_user_while_what_follows_it_warms_up(reader):
    gold = {"kind": "segment", "id": "gold", "where": {"everyone": True}}
    publish(reader, [gold, {"kind": "segment", "id": "asking", "where": {"segment": "gold"}}])
    reader.log.append([Entry(EVENTS, "ann", encode(Event("track", "1", 0, event="x")))])
    publish(reader, [{"kind": "segment", "id": "asking", "where": {"performed": "x"}}])
    with pytest.raises(InvalidInput, match="segment asking: where"):
        delete(reader, "segment", "gold")
