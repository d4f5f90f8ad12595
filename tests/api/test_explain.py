"""Why a contact is a member: the tree, the events that decided, the next change, and what the stream has recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.times import DAY, format_instant, from_ms
from tests.api.living import Living, T, living
from tests.api.reading import change

BUYS = {"performed": "order", "count": {"op": "gte", "value": 2}, "within": "7d"}
BUYERS = {"kind": "segment", "id": "buyers", "where": {"and": [{"trait": "plan", "op": "eq", "value": "gold"}, BUYS]}}


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Living]:
    with living(tmp_path) as made:
        yield made


def ids(node: dict) -> list[str]:
    return [event["id"] for event in node["events"]]


def test_each_node_has_its_truth_and_the_events_that_decided_it(there):
    there.publish(BUYERS)
    there.say("ann", "identify", "old", traits={"plan": "free"})
    there.say("ann", "identify", "gold", traits={"plan": "gold", "age": 3})
    there.say("ann", "track", "seen", event="viewed")
    there.say("ann", "track", "one", event="order")
    there.at(there.now + 1000)
    there.say("ann", "track", "two", event="order")
    second = there.now
    there.settle()
    answer = there.get("/v1/contacts/ann/explain", segment="buyers")
    assert answer["member"]
    assert answer["agrees"]
    assert answer["recorded"]["member"]
    plan, orders = answer["why"]["parts"]
    assert (plan["truth"], plan["value"], ids(plan)) == (True, "gold", ["gold"])
    assert (orders["truth"], orders["count"], ids(orders)) == (True, 2, ["one", "two"])
    assert orders["events"][1]["at"] == format_instant(second)


def test_the_next_change_is_when_an_event_leaves_its_window_and_then_it_has_changed(there):
    there.publish(BUYERS)
    there.say("ann", "identify", "gold", traits={"plan": "gold"})
    there.say("ann", "track", "one", event="order")
    first = there.now
    there.at(T + DAY)
    there.say("ann", "track", "two", event="order")
    there.settle()
    answer = there.get("/v1/contacts/ann/explain", segment="buyers")
    assert answer["next_change"] == format_instant(first + 7 * DAY).replace(".000Z", "Z")
    there.at(first + 7 * DAY).settle()
    answer = there.get("/v1/contacts/ann/explain", segment="buyers")
    assert not answer["member"]
    assert answer["agrees"]
    assert answer["recorded"]["since"] == format_instant(first + 7 * DAY).replace(".000Z", "Z")


def test_what_an_account_says_of_itself_decides_as_an_identify_does(there):
    large = {"trait": "account.size", "op": "gte", "value": 10}
    gold = {"trait": "plan", "op": "eq", "value": "gold"}
    there.publish({"kind": "segment", "id": "large", "where": {"and": [large, gold]}})
    there.say("ann", "identify", "said", traits={"plan": "gold"})
    there.say("ann", "group", "joined", group_id="acme", traits={"size": 12})
    there.settle()
    answer = there.get("/v1/contacts/ann/explain", segment="large")
    size, plan = answer["why"]["parts"]
    assert (answer["member"], answer["agrees"], size["value"], ids(plan)) == (True, True, 12, ["said"])
    assert [event["name"] for event in size["events"]] == ["account_traits"]


def test_a_duplicate_decides_nothing_and_a_late_event_does(there):
    there.publish(BUYERS)
    there.say("ann", "identify", "gold", traits={"plan": "gold"})
    there.say("ann", "track", "one", event="order")
    there.say("ann", "track", "one", event="order")
    there.settle()
    assert not there.get("/v1/contacts/ann/explain", segment="buyers")["member"]
    there.say("ann", "track", "late", at=there.now - 2 * DAY, event="order")
    there.settle()
    answer = there.get("/v1/contacts/ann/explain", segment="buyers")
    assert answer["member"]
    assert answer["agrees"]
    assert ids(answer["why"]["parts"][1]) == ["late", "one"]


def test_the_records_of_who_was_merged_into_the_contact_are_its_own(there):
    there.publish(BUYERS)
    there.say("anon-1", "track", "one", event="order", user_id="", anonymous_id="anon-1")
    there.settle()
    there.say("ann", "track", "two", event="order")
    there.say("ann", "identify", "gold", traits={"plan": "gold"}, anonymous_id="anon-1")
    there.settle()
    answer = there.get("/v1/contacts/ann/explain", segment="buyers")
    assert answer["ids"] == ["ann", "anon-1"]
    assert answer["member"]
    assert answer["agrees"]
    assert ids(answer["why"]["parts"][1]) == ["one", "two"]
    gone = there.client.get("/v1/contacts/anon-1/explain", params={"segment": "buyers"})
    assert gone.status_code == 409
    assert "'ann'" in gone.json()["detail"]


def test_consent_reach_and_other_segments_are_explained_too(there):
    where = {"or": [{"reachable": "email"}, {"not": {"segment": "buyers"}}, {"consent": "email", "topic": "news"}]}
    there.publish(BUYERS, {"kind": "segment", "id": "open", "where": where})
    there.say("ann", "identify", "mail", traits={"email": "a@example.com"})
    said = {"channel": "email", "topic": "default", "status": "unsubscribed"}
    there.say("ann", "consent_changed", "left", properties=said)
    there.settle()
    answer = there.get("/v1/contacts/ann/explain", segment="open")
    reach, no_buyer, news = answer["why"]["parts"]
    assert (reach["truth"], ids(reach)) == (False, ["mail", "left"])
    assert (no_buyer["truth"], no_buyer["parts"][0]["truth"]) == (True, False)
    assert (news["truth"], ids(news)) == (False, [])
    assert answer["member"]
    assert answer["agrees"]


def test_a_recorded_membership_that_the_history_does_not_bear_out_disagrees(there):
    there.publish(BUYERS)
    there.say("ann", "track", "one", event="order")
    there.settle()
    there.log.append([change("ann", "segment_entered", "wrong", there.now, segment="buyers", version=1)])
    there.settle()
    answer = there.get("/v1/contacts/ann/explain", segment="buyers")
    assert answer["recorded"]["member"]
    assert not answer["member"]
    assert not answer["agrees"]


@pytest.mark.parametrize(("contact", "segment", "named"), [("ann", "none", "segment"), ("nobody", "buyers", "contact")])
def test_what_is_not_there_is_named(there, contact, segment, named):
    there.publish(BUYERS)
    there.say("ann", "track", "one", event="order")
    there.settle()
    answer = there.client.get(f"/v1/contacts/{contact}/explain", params={"segment": segment})
    assert answer.status_code == 404
    assert named in answer.json()["detail"]


WELCOME = {
    "kind": "journey",
    "id": "welcome",
    "class": "marketing",
    "nodes": [
        {"id": "in", "type": "trigger", "on": {"event": "signed_up"}},
        {"id": "mail", "type": "action", "do": "send", "channel": "email", "template": "hello", "topic": "news"},
        {"id": "out", "type": "exit", "reason": "done"},
    ],
    "edges": [{"from": "in", "to": "mail"}, {"from": "mail", "to": "out"}],
}


def the_send(there: Living, contact: str, kind: str) -> dict:
    (moment,) = [m for m in there.get(f"/v1/contacts/{contact}/timeline")["timeline"] if m["kind"] == kind]
    return there.get(f"/v1/sends/{moment['detail'].get('send', moment['id'])}")


def test_a_skipped_message_says_what_was_asked_and_what_decided(there):
    there.publish(WELCOME)
    there.say("ann", "identify", "mail", traits={"email": "a@example.com"})
    there.say("ann", "track", "up", event="signed_up")
    there.settle()
    said = {"channel": "email", "topic": "news", "status": "subscribed"}
    there.say("ann", "consent_changed", "later", properties=said)  # what came later decided nothing
    there.settle()
    found = the_send(there, "ann", "send_skipped")
    assert (found["status"], found["reason"]) == ("skipped", "no_consent")
    asked = [(v["check"], v["passed"], v["reason"]) for v in found["verdicts"]]
    assert asked[:3] == [
        ("address", True, ""),
        ("suppression", True, ""),
        ("consent to the topic", False, "no_consent"),
    ]


def test_a_planned_message_passed_all_that_was_asked(there):
    there.publish(WELCOME)
    there.say("ann", "identify", "mail", traits={"email": "a@example.com"})
    said = {"channel": "email", "topic": "news", "status": "subscribed"}
    there.say("ann", "consent_changed", "yes", properties=said)
    there.say("ann", "track", "up", event="signed_up")
    there.settle()
    found = the_send(there, "ann", "planned")
    assert [v["passed"] for v in found["verdicts"]] == [True] * 4
    assert found["verdicts"][0]["value"] == "a@example.com"


AGAIN = WELCOME | {"reentry": {"mode": "always"}}


def test_a_cap_is_explained_with_its_numbers_and_without_it_the_message_would_have_gone(there):
    cap = {"kind": "frequency_cap", "id": "calm", "channel": "email", "max": 1, "within": "7d"}
    there.publish(AGAIN, cap)
    there.say("ann", "identify", "mail", traits={"email": "a@example.com"})
    said = {"channel": "email", "topic": "news", "status": "subscribed"}
    there.say("ann", "consent_changed", "yes", properties=said)
    there.say("ann", "track", "up", event="signed_up")
    there.settle()
    first = the_send(there, "ann", "planned")
    there.say("ann", "track", "again", event="signed_up")
    there.settle()
    found = the_send(there, "ann", "send_skipped")
    *others, last = found["verdicts"]
    assert (found["reason"], last["passed"]) == ("frequency_cap", False)
    assert last["value"].startswith("calm: 1 of 1 in 7d, next free at ")
    assert all(verdict["passed"] for verdict in others)
    assert [v["value"] for v in first["verdicts"] if v["check"] == "frequency cap"] == ["calm: 0 of 1 in 7d"]


def test_quiet_hours_that_skip_are_explained(there):
    now = from_ms(there.now + 60_000)
    window = {"from": f"{now:%H}:00", "to": f"{(now.hour + 2) % 24:02}:00"}
    quiet = {"kind": "quiet_hours", "id": "night", "window": window, "then": "skip"}
    there.publish(WELCOME, quiet)
    there.say("ann", "identify", "mail", traits={"email": "a@example.com"})
    said = {"channel": "email", "topic": "news", "status": "subscribed"}
    there.say("ann", "consent_changed", "yes", properties=said)
    there.say("ann", "track", "up", event="signed_up")
    there.settle()
    found = the_send(there, "ann", "send_skipped")
    assert found["reason"] == "quiet_hours"
    assert found["verdicts"][-1]["value"].startswith("night: quiet until ")
