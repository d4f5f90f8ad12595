"""Every wait, to the millisecond on either side of its end."""

from __future__ import annotations

import pytest

from tests.flows.journeys.scenario import (
    Scenario,
    event,
    exited,
    journey,
    message,
    node,
    pause,
    segment,
    send,
    started_by,
    step,
    traits,
)

VIP = segment("vip", {"trait": "plan", "op": "eq", "value": "gold"})
LATE, GONE = node("late", "exit", reason="late"), node("gone", "exit", reason="missing")


def waiting(*, lives_in: str = "UTC", **fields) -> Scenario:
    """A run that waits so and then sends; the contact lives in the zone."""
    scenario = Scenario(VIP, journey(started_by(), node("w", "wait", **fields), message("m")))
    return scenario.at("2026-01-04T12:00:00Z", traits(timezone=lives_in))


def branching(timeout: str | None = "1h", key: str | None = None, **fields) -> Scenario:
    """A run that waits for something: `happened` sends, `timeout` ends late."""
    nodes = [started_by(), node("w", "wait", **fields, **({"timeout": timeout} if timeout else {})), message("m")]
    edges = ["start -> w", "w -> m: happened", "m -> done", *(["w -> late: timeout"] if timeout else [])]
    ends = [node("done", "exit"), *([LATE] if timeout else [])]
    return Scenario(VIP, journey(*nodes, *ends, edges=edges, **({"key": key} if key else {})))


def test_for_counts_from_entering_the_node_and_its_effects_carry_that_instant():
    Scenario(journey(started_by(), pause("1h"), message("a"), pause("30m", "then"), message("b"))).at(
        "10:00", event("go")
    ).at("10:59:59.999", event("x")).expect_no("send").at("13:00", event("x")).expect(
        send("a", "11:00"), send("b", "11:30")
    )


def test_a_wait_of_zero_passes_within_its_record():
    waiting(for_="0s").at("10:00", event("go")).expect(send("m", "10:00"))


def test_at_the_same_instant_the_timer_wins_over_the_record():
    branching(for_event={"event": "paid"}).at("10:00", event("go")).at("11:00", event("paid")).expect(
        exited("late", "11:00")
    )


@pytest.mark.parametrize(
    ("fields", "at", "due"),
    [
        ({"until": "09:00"}, "08:59:59.999", "09:00"),
        ({"until": "09:00"}, "09:00", "tue 09:00"),
        ({"until": "09:00", "weekdays": ["wed"]}, "10:00", "wed 09:00"),
        ({"window": {"from": "22:00", "to": "07:00"}}, "06:59:59.999", "06:59:59.999"),
        ({"window": {"from": "22:00", "to": "07:00"}}, "07:00", "22:00"),
        ({"window": {"from": "22:00", "to": "07:00"}}, "23:30", "23:30"),
        ({"window": {"from": "22:00", "to": "07:00"}, "weekdays": ["mon"]}, "tue 03:00", "tue 03:00"),
        ({"window": {"from": "22:00", "to": "07:00"}, "weekdays": ["tue"]}, "tue 03:00", "tue 22:00"),
    ],
)
def test_local_times_in_utc(fields, at, due):
    waiting(**fields).at(at, event("go")).until("2026-01-20T00:00:00Z").expect(send("m", due))


@pytest.mark.parametrize(
    ("zone", "fields", "due"),
    [
        ("Asia/Tokyo", {}, "tue 00:00"),  # nine hours ahead
        ("", {"default_timezone": "Asia/Tokyo"}, "tue 00:00"),
        ("Mars", {"default_timezone": "Asia/Tokyo"}, "tue 00:00"),
        ("America/New_York", {"default_timezone": "Asia/Tokyo"}, "14:00"),
        ("America/New_York", {"timezone": "Asia/Tokyo"}, "tue 00:00"),
        ("Mars", {}, "tue 09:00"),
    ],
)
def test_whose_clock_it_is(zone, fields, due):
    scenario = waiting(until="09:00", **fields)
    scenario.at("08:00", traits(timezone=zone)).at("10:00", event("go")).until("wed 00:00").expect(send("m", due))


@pytest.mark.parametrize(
    ("renewal", "offset", "due"),
    [
        ("2026-01-08T10:00:00Z", "0d", "thu 10:00"),
        ("2026-01-08", "0d", "wed 15:00"),  # midnight in Tokyo
        ("2026-01-08T12:00:00", "-3d", "10:00"),  # three days before has passed: at once
        ("2026-01-08T12:00:00", "-2h", "thu 01:00"),
        ("2026-01-05T10:00:00Z", "0d", "10:00"),
        ("next week", "0d", "10:00"),
        (20260108, "0d", "10:00"),
        (None, "0d", "10:00"),
    ],
)
def test_a_date_of_a_trait(renewal, offset, due):
    scenario = waiting(until_date="renewal", offset=offset, lives_in="Asia/Tokyo")
    scenario.at("09:00", traits(renewal=renewal)).at("10:00", event("go")).until("2026-02-01T00:00:00Z")
    scenario.expect(send("m", due))


def test_days_before_a_date_are_calendar_days_over_the_change_of_clocks():
    # 25 October 2026 has 25 hours in Zurich: three days before 09:00 are 73 hours
    scenario = waiting(until_date="renewal", offset="-3d", lives_in="Europe/Zurich")
    scenario.at("09:00", traits(renewal="2026-10-27T09:00:00+01:00")).at("10:00", event("go"))
    scenario.until("2026-11-01T00:00:00Z").expect(send("m", "2026-10-24T07:00:00Z"))


def test_a_trait_that_changes_moves_the_wait():
    waiting(until_date="renewal").at("09:00", traits(renewal="2026-01-06T12:00:00Z")).at("10:00", event("go")).at(
        "11:00", traits(renewal="2026-01-05T13:00:00Z")
    ).until("tue 20:00").expect(send("m", "13:00"))


def test_a_trait_that_moves_into_the_past_lets_the_run_go_at_once():
    waiting(until_date="renewal").at("09:00", traits(renewal="2026-01-06")).at("10:00", event("go")).at(
        "11:00", traits(renewal="2026-01-01")
    ).expect(send("m", "11:00"))


def test_a_missing_date_takes_its_branch_where_there_is_one():
    nodes = [started_by(), node("w", "wait", until_date="renewal"), message("m"), node("done", "exit"), GONE]
    edges = ["start -> w", "w -> m", "w -> gone: missing", "m -> done"]
    Scenario(journey(*nodes, edges=edges)).at("09:00", traits(renewal="2026-01-06")).at("10:00", event("go")).at(
        "11:00", traits(renewal=None)
    ).expect(exited("missing", "11:00"))


def test_a_date_of_the_entry():
    waiting(until_date={"entry": "properties.date"}, offset="-1d").at(
        "10:00", event("go", date="2026-01-08T12:00:00Z")
    ).until("fri 00:00").expect(send("m", "wed 12:00"))


def test_an_event_counts_when_it_is_logged_after_the_node_was_entered_and_did_not_happen_before():
    branching(for_event={"event": "paid"}).at("09:00", event("paid")).at("10:00", event("go")).at(
        "10:10", event("paid"), happened="09:59:59.999"
    ).at("10:20", event("paid"), happened="10:00").expect(send("m", "10:20"))


def test_the_event_that_opened_the_run_does_not_satisfy_its_wait_nor_does_one_event_two():
    two = [started_by(), *(node(id, "wait", for_event={"event": "go"}) for id in ("a", "b")), message("m")]
    edges = ["start -> a", "a -> b: happened", "b -> m: happened", "m -> done"]
    once = journey(*two, node("done", "exit"), edges=edges, reentry={"mode": "never"})
    Scenario(once).at("10:00", event("go")).at("11:00", event("go")).at("12:00", event("go")).expect(
        step("start", "10:00"),
        step("a", "10:00", reason="waiting"),
        step("a", "11:00", "happened"),
        step("b", "11:00", reason="waiting"),
        step("b", "12:00", "happened"),
        step("m", "12:00"),
        step("done", "12:00"),
    )


def test_where_of_the_awaited_event():
    awaited = {"event": "paid", "where": [{"property": "total", "op": "gte", "value": 10}]}
    branching(for_event=awaited).at("10:00", event("go")).at("10:10", event("paid", total=9)).at(
        "10:20", event("paid", total=10)
    ).expect(send("m", "10:20"))


def test_match_key_asks_for_the_runs_own_key():
    scenario = branching(for_event={"event": "paid"}, match_key=True, key="properties.order")
    scenario.at("10:00", event("go", order=1), event("go", order="1"), event("go", order=True)).at(
        "10:10", event("paid", order=True), event("paid"), event("paid", order=2)
    ).at("10:20", event("paid", order=1.0)).expect(send("m", "10:10"), send("m", "10:20"))


def test_a_wait_for_an_event_times_out_from_entering_the_node():
    branching(for_event={"event": "paid"}).at("10:00", event("go")).until("10:59:59.999").expect_no("exited").until(
        "11:00"
    ).expect(exited("late", "11:00"))


def test_a_wait_without_a_timeout_lasts():
    branching(None, for_event={"event": "paid"}).at("10:00", event("go")).until("2027-01-01T00:00:00Z").at(
        "2027-01-01T00:00:00Z", event("paid")
    ).expect(send("m", "2027-01-01T00:00:00Z"))


def test_imported_history_satisfies_no_wait():
    branching(for_event={"event": "paid"}).at("10:00", event("go")).at("10:30", event("paid"), historical=True).until(
        "12:00"
    ).expect(exited("late", "11:00"))
    branching(for_segment="vip").at("10:00", event("go")).at("10:30", traits(plan="gold"), historical=True).until(
        "12:00"
    ).expect(exited("late", "11:00"))


def test_a_member_passes_a_wait_for_a_segment_at_once():
    branching(for_segment="vip").at("09:00", traits(plan="gold")).at("10:00", event("go")).expect(send("m", "10:00"))


def test_a_wait_for_a_segment_ends_at_the_flip_or_at_its_timeout():
    branching(for_segment="vip").at("10:00", event("go")).at("10:30", traits(plan="gold")).expect(send("m", "10:30"))
    branching(for_segment="vip").at("10:00", event("go")).at("11:00", traits(plan="gold")).expect(
        exited("late", "11:00")
    )


def test_timers_due_together_fire_in_the_order_of_the_runs_entries():
    first, second = started_by(), started_by("also")
    journeys = [journey(t, pause("1h"), message(id), id=id) for t, id in ((first, "b"), (second, "a"))]
    Scenario(*journeys).at("10:00", event("go"), event("also")).until("12:00").expect(
        send("b", "11:00"), send("a", "11:00")
    )
