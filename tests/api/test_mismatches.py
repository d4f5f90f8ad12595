"""Properties that hold text where a segment asks a number: which leaf, which property, how many, the last event."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.segments.where import MISMATCHES
from schemas.times import format_instant
from tests.api.living import Living, living

WHERE: dict[str, Any] = {
    "or": [
        {"performed": "buy", "where": [{"property": "cart.total", "op": "gt", "value": 100}]},
        {"performed": {"starts_with": "pay"}, "sum": {"property": "amount", "op": "gte", "value": 5}},
        {"last_performed": "view", "has": [{"property": "name", "op": "eq", "value": "x"}]},
    ]
}


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Living]:
    with living(tmp_path) as made:
        made.publish({"kind": "segment", "id": "big", "where": WHERE})
        yield made


def test_what_is_no_number_is_told_by_leaf_and_property_with_the_last_event(there):
    MISMATCHES.clear()
    for number, total in enumerate([5, 1e9, -3.5, None, "120", True, [7], {"a": 1}]):
        there.say("ann", "track", f"b{number}", event="buy", properties={"cart": {"total": total}})
    there.say("bob", "track", "b9", event="buy", properties={"cart": "120"})  # no total at all
    there.say("bob", "track", "p1", event="pay_card", properties={"amount": "12.50"})
    there.say("bob", "track", "v1", event="view", properties={"name": 5})  # compared with text, not as a number
    there.settle()
    found = there.get("/v1/segments/big/mismatches")
    assert (found["segment"], found["version"]) == ("big", 1)
    told = {(m["event"], m["property"]): m for m in found["mismatches"]}
    assert set(told) == {("buy", "cart.total"), ("pay", "amount")}
    buy, pay = told["buy", "cart.total"], told["pay", "amount"]
    assert (buy["events"], buy["last_event"], buy["contact"], buy["value"]) == (4, "b7", "ann", '{"a":1}')
    assert (pay["events"], pay["last_event"], pay["contact"], pay["value"]) == (1, "p1", "bob", '"12.50"')
    assert (pay["asks"]["measure"], pay["asks"]["property"]) == ("sum", "amount")
    assert {m["leaf"]: m["events"] for m in told.values()} == dict(MISMATCHES), "the fold counted the same"


def test_only_what_was_logged_since_an_instant_counts(there):
    there.say("ann", "track", "b1", event="buy", properties={"cart": {"total": "1"}})
    there.settle()
    later = format_instant(there.now)
    assert there.get("/v1/segments/big/mismatches", since=later)["mismatches"] == []
    assert len(there.get("/v1/segments/big/mismatches")["mismatches"]) == 1


def test_of_what_is_no_segment_it_is_said(there):
    assert there.client.get("/v1/segments/none/mismatches").status_code == 404
