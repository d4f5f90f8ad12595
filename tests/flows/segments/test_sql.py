"""Conditions compiled to SQL, on the real engine: parameters, what counts as a contact and an event, edges, depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from flows.segments.sql.compile import compile_sql
from flows.segments.sql.facts import merge_parameters
from flows.segments.sql.given import Given, given_by
from flows.segments.sql.run import members, truths
from flows.warehouse.rows import COLUMNS, event_row
from schemas.definitions.conditions import parse_condition
from schemas.ids import address_hash
from schemas.records import TICK, Event, Record, encode
from schemas.times import DAY, parse_instant
from tests.clickhouse import emptied
from tests.flows.segments.test_compare import NOTHING, VALUES

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "sql"
NOW = parse_instant("2026-03-29T12:00:00Z")
EDGE = NOW - 7 * DAY


def fact(contact: str, type: str, at: int = NOW - DAY, logged_at: int | None = None, **fields: Any) -> Record:
    """A record of a contact, logged as it happened unless said otherwise; `fields` are the event's."""
    name = fields.pop("event", "")
    event = Event(type, fields.pop("id", ""), at, name, user_id=contact, **fields)
    return Record(0, at if logged_at is None else logged_at, contact, encode(event))


def track(contact: str, event: str, at: int = NOW - DAY, **properties: Any) -> Record:
    return fact(contact, "track", at, event=event, properties=properties)


def identify(contact: str, at: int = NOW - DAY, **traits: Any) -> Record:
    return fact(contact, "identify", at, traits=traits)


class Log:
    """The records of one test in ClickHouse, in their order; who is a member of a condition over them."""

    def __init__(self, *records: Record):
        self.clickhouse = emptied()
        numbered = [record._replace(offset=i) for i, record in enumerate(records)]
        self.clickhouse.insert("events", COLUMNS["events"], [event_row(0, record) for record in numbered])

    def members(self, where: Mapping[str, Any], at: int = NOW, given: Given | None = None) -> list[str]:
        return members(self.clickhouse.query, parse_condition(where), at, given or Given())


def test_each_comparison_is_what_it_is_in_the_stream() -> None:
    log = Log(*(identify(f"{i:03}", **({} if v is NOTHING else {"plan": v})) for i, (_, v, _) in enumerate(VALUES)))
    tests = [parse_condition({"trait": "plan", **test}) for test, _, _ in VALUES]
    found = truths(log.clickhouse.query, tests, NOW, Given())
    assert [found[f"{i:03}"][i] for i in range(len(VALUES))] == [fits for _, _, fits in VALUES]


# --- the text of the query


def test_values_are_parameters_and_never_pasted() -> None:
    evil = "'); DROP TABLE events; --\\'\n\t\"{at:Int64}é"
    where = {
        "and": [
            {"trait": evil, "op": "eq", "value": evil},
            {"performed": evil, "where": [{"property": evil, "op": "contains", "value": evil}]},
            {"not": {"trait": "plan", "op": "matches", "value": "^x"}},
        ]
    }
    query = compile_sql(parse_condition(where), Given())
    assert "DROP" not in query.sql
    assert evil in query.params.values()
    path, *_ = evil.split(".")
    log = Log(identify("ada", **{path: evil}), track("ada", evil, **{path: f"<{evil}>"}), track("bob", evil))
    assert log.members(where) == ["ada"]


LAPSING: Mapping[str, Any] = {
    "and": [
        {"performed": "order_completed", "count": {"op": "gte", "value": 3}, "within": {"from": "60d", "to": "30d"}},
        {"not": {"performed": "order_completed", "within": "30d"}},
        {"or": [{"trait": "plan", "op": "eq", "value": "gold"}, {"segment": "vip"}]},
        {"reachable": "email"},
    ]
}
LOCAL_DATES: Mapping[str, Any] = {
    "and": [
        {"trait": "birthday", "op": "anniversary", "offset": "-3d"},
        {"trait": "renewal", "op": "before", "value": "2026-05-01"},
    ]
}
VIP: Mapping[str, Any] = {"performed": "order_completed", "sum": {"property": "total", "op": "gte", "value": 500}}


def compiled(where: Mapping[str, Any]) -> str:
    return compile_sql(parse_condition(where), Given({"vip": parse_condition(VIP)})).sql + "\n"


@pytest.mark.parametrize(("name", "where"), [("lapsing", LAPSING), ("local_dates", LOCAL_DATES)])
def test_the_compiled_query_is_the_golden_one(name: str, where: Mapping[str, Any]) -> None:
    """Where it is meant to change, write `compiled(…)` into the file and read the diff."""
    assert compiled(where) == (GOLDEN / f"{name}.sql").read_text(encoding="utf-8")


# --- who and what counts


def test_whoever_has_a_record_counts_also_without_a_matching_event() -> None:
    log = Log(track("ada", "bought"), identify("bob", plan="gold"))
    assert log.members({"everyone": True}) == ["ada", "bob"]
    assert log.members({"performed": "bought", "count": {"op": "eq", "value": 0}}) == ["bob"]
    assert log.members({"not": {"performed": "bought"}}) == ["bob"]


def test_who_has_no_record_by_then_does_not_count() -> None:
    log = Log(identify("ada", at=NOW - DAY), identify("bob", at=NOW + 1))
    assert log.members({"everyone": True}) == ["ada"]
    assert log.members({"everyone": True}, at=NOW + 1) == ["ada", "bob"]


def test_ticks_accounts_addresses_and_unreadable_bytes_are_nobody() -> None:
    log = Log(
        identify("ada"),
        Record(0, NOW, "", TICK),
        fact("account:acme", "account_said"),
        fact("address:00", "address_held"),
    )
    columns = ("partition", "offset", "logged_at", "contact", "raw")
    log.clickhouse.insert("events", columns, [(0, 99, NOW / 1000, "bob", "no JSON")])
    assert log.members({"everyone": True}) == ["ada"]


def test_what_waxwing_tells_a_contact_is_no_event_of_his() -> None:
    log = Log(fact("ada", "account_traits"), fact("ada", "merged"), fact("ada", "enter"))
    assert log.members({"performed": {"starts_with": "m"}}) == []
    assert log.members({"everyone": True}) == ["ada"]


def test_of_events_with_one_id_the_first_in_the_log_counts_once() -> None:
    log = Log(
        fact("ada", "track", event="bought", id="1", properties={"total": 5}),
        fact("ada", "track", event="bought", id="1", properties={"total": 90}),
        fact("bob", "track", event="bought", id="1", properties={"total": 90}),
    )
    assert log.members({"performed": "bought", "max": {"property": "total", "op": "eq", "value": 5}}) == ["ada"]
    assert log.members({"performed": "bought", "count": {"op": "gte", "value": 2}}) == []


def test_a_row_that_was_written_twice_counts_once() -> None:
    record = track("ada", "bought")
    log = Log(record)
    log.clickhouse.insert("events", COLUMNS["events"], [event_row(0, record)])
    assert log.members({"performed": "bought", "count": {"op": "gte", "value": 2}}) == []


def test_an_event_ahead_of_its_log_happened_when_it_was_logged() -> None:
    log = Log(fact("ada", "track", event="bought", at=NOW + DAY, logged_at=EDGE))
    assert log.members({"performed": "bought", "within": "7d"}) == []


# --- to the millisecond


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ({"within": "7d"}, (EDGE + 1, NOW), (EDGE,)),
        ({"within": {"from": "14d", "to": "7d"}}, (EDGE, EDGE - 7 * DAY + 1), (EDGE + 1, EDGE - 7 * DAY)),
        ({"between": ["2026-03-22T12:00:00Z", "2026-03-23T12:00:00Z"]}, (EDGE, EDGE + DAY - 1), (EDGE - 1, EDGE + DAY)),
        ({}, (EDGE, NOW, 0), ()),
    ],
)
def test_windows_open_and_close_at_their_instant(
    window: dict[str, Any], inside: Sequence[int], outside: Sequence[int]
) -> None:
    log = Log(
        *(track(f"in-{at}", "bought", at) for at in inside), *(track(f"out-{at}", "bought", at) for at in outside)
    )
    expected = sorted(f"in-{at}" for at in inside)
    for leaf in ("performed", "first_performed", "last_performed"):
        assert log.members({leaf: "bought", **window}) == expected
    assert log.members({"sequence": [{"performed": "bought"}], **window}) == expected


@pytest.mark.parametrize(
    ("value", "is_near"),
    [("2026-03-29T12:00:00Z", True), ("2026-03-28T12:00:00.001Z", True), ("2026-03-28T12:00:00Z", False)],
)
def test_within_last_excludes_its_far_end(value: str, is_near: bool) -> None:
    where = {"trait": "seen", "op": "within_last", "value": "1d"}
    assert Log(identify("ada", seen=value)).members(where) == (["ada"] if is_near else [])


@pytest.mark.parametrize(
    ("wall", "instant"), [("2026-03-29T02:30", "2026-03-29T01:00:00Z"), ("2025-10-26T02:30", "2025-10-26T00:30:00Z")]
)
def test_a_time_that_a_gap_skips_is_its_end_and_one_that_comes_twice_the_first(wall: str, instant: str) -> None:
    log = Log(identify("ada", at=0, timezone="Europe/Berlin", due=wall))
    where, reached = {"trait": "due", "op": "within_next", "value": "1s"}, parse_instant(instant)
    assert log.members(where, reached - 1) == ["ada"]
    assert log.members(where, reached) == []


def test_29_february_counts_on_the_28th_of_other_years() -> None:
    log = Log(identify("leap", at=0, born="2024-02-29"), identify("other", at=0, born="2000-02-28"))
    where = {"trait": "born", "op": "anniversary"}
    assert log.members(where, parse_instant("2026-02-28T00:00:00Z")) == ["leap", "other"]
    assert log.members(where, parse_instant("2028-02-28T23:59:59.999Z")) == ["other"]
    assert log.members(where, parse_instant("2028-02-29T00:00:00Z")) == ["leap"]


def test_numbers_are_exact_beyond_2_to_the_53_and_sums_are_those_of_decimals() -> None:
    log = Log(
        track("big", "bought", total=9007199254740993),
        track("small", "bought", total=9007199254740992),
        track("tenths", "bought", total=0.1),
        track("tenths", "bought", total=0.2),
    )

    def that(measure: str, value: Any) -> list[str]:
        return log.members({"performed": "bought", measure: {"property": "total", "op": "eq", "value": value}})

    assert that("max", 9007199254740993) == ["big"]
    assert that("sum", 9007199254740992) == ["small"]
    assert that("sum", 0.3) == ["tenths"]
    assert that("avg", 0.15) == ["tenths"]


# --- what spans contacts


def test_merged_contacts_are_one_and_their_events_add_up() -> None:
    log = Log(
        Record(0, NOW - DAY, "x", encode(Event("track", "1", NOW - DAY, "bought", anonymous_id="x"))),
        track("ada", "bought"),
        fact("ada", "identify", anonymous_id="x"),
        fact("bob", "identify", anonymous_id="x"),
    )
    assert log.members({"performed": "bought", "count": {"op": "eq", "value": 2}}) == ["ada"]
    assert log.members({"everyone": True}) == ["ada", "bob"]


def test_the_first_claim_of_an_id_stands_and_none_makes_a_circle() -> None:
    found = merge_parameters([("x", "a"), ("x", "b"), ("a", "b"), ("b", "x"), ("b", "c")])
    assert dict(zip(found["merged_from"], found["merged_into"], strict=True)) == {"x": "c", "a": "c", "b": "c", "": ""}


def test_traits_of_an_account_are_its_contacts_and_the_last_one_counts() -> None:
    log = Log(
        fact("ada", "group", group_id="acme", traits={"plan": "free"}),
        fact("bob", "group", group_id="acme", traits={"plan": "gold"}),
        fact("cy", "group", group_id="acme", traits={}),
        fact("cy", "group", group_id="other", traits={"plan": "free"}),
    )
    assert log.members({"trait": "account.plan", "op": "eq", "value": "gold"}) == ["ada", "bob"]
    assert log.members({"trait": "account.id", "op": "eq", "value": "other"}) == ["cy"]


def test_an_address_is_suppressed_whoevers_record_says_so() -> None:
    log = Log(
        identify("ada", email=" Ada@Example.com"),
        fact(
            "bob",
            "address_suppressed",
            properties={"channel": "email", "address_hash": address_hash("ada@example.com")},
        ),
    )
    assert log.members({"suppressed": "email"}) == ["ada"]
    assert log.members({"reachable": "email"}) == []


# --- trees


def test_a_tree_of_1000_levels_evaluates() -> None:
    log = Log(identify("gold", plan="gold"), identify("free", plan="free"), identify("none"))
    where: dict[str, Any] = {"trait": "plan", "op": "eq", "value": "gold"}
    for _ in range(500):  # each round says nothing new
        where = {"or": [where, {"not": {"trait": "plan", "op": "ne", "value": "gold"}}]}
        where = {"and": [where, {"trait": "plan", "op": "exists"}]}
    assert log.members(where) == ["gold"]
    for _ in range(1001):
        where = {"not": where}
    assert log.members(where) == ["free", "none"]


def test_segments_in_segments_are_computed_once() -> None:
    parts = {"kind": "segment", "id": "s0", "where": {"performed": "bought"}}
    tower = [{"kind": "segment", "id": f"s{i}", "where": {"and": [{"segment": f"s{i - 1}"}] * 2}} for i in range(1, 40)]
    given = given_by([parts, *tower])
    query = compile_sql(parse_condition({"segment": "s39"}), given)
    assert query.sql.count("countIf") == 1
    assert Log(track("ada", "bought"), identify("bob")).members({"segment": "s39"}, given=given) == ["ada"]


def test_many_conditions_are_asked_in_one_query() -> None:
    log = Log(track("ada", "bought"), identify("bob", plan="gold"))
    asked = [{"performed": "bought"}, {"trait": "plan", "op": "eq", "value": "gold"}, {"everyone": True}]
    answers = truths(log.clickhouse.query, [parse_condition(where) for where in asked], NOW, Given())
    assert answers == {"ada": [True, False, True], "bob": [False, True, True]}
