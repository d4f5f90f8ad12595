"""Who enters, when, and how often (LANGUAGE, "Journeys": key, re-entry, holdout, segment triggers)."""

from __future__ import annotations

import pytest

from schemas.ids import bucket
from schemas.records import Event
from tests.flows.journeys.scenario import (
    Scenario,
    entered,
    event,
    exited,
    instant,
    journey,
    message,
    node,
    pause,
    refused,
    segment,
    send,
    started_by,
    traits,
)

VIP = segment("vip", {"trait": "plan", "op": "eq", "value": "gold"})


def by(**on):
    return {"id": "start", "type": "trigger", "on": on}


def test_an_event_enters_and_its_where_must_hold():
    paid = started_by("order", where=[{"property": "total", "op": "gt", "value": 100}])
    Scenario(journey(paid, message("thank"))).at(
        "10:00", event("order", total=100), event("order", total="200"), event("order", total=101), event("other")
    ).expect(entered("10:00"), send("thank", "10:00"))


def test_a_trigger_may_name_events_by_how_they_begin():
    Scenario(journey(by(event={"starts_with": "TEST_"}), message("m"))).at(
        "10:00", event("TEST_A"), event("TES"), event("TEST_B")
    ).expect(send("m", "10:00"), send("m", "10:00"))


def test_without_a_key_a_contact_has_one_run_at_a_time():
    Scenario(journey(started_by(), pause("1h"))).at("10:00", event("go")).at("10:30", event("go")).at(
        "11:00", event("go")
    ).expect(entered("10:00"), refused("reentry", "10:30"), exited("done", "11:00"), entered("11:00"))


def test_runs_are_per_key_and_a_missing_key_enters_nobody():
    keyed = journey(started_by(), pause("1h"), key="properties.order", reentry={"mode": "never"})
    Scenario(keyed).at(
        "10:00",
        event("go", order="a"),
        event("go", order="b"),
        event("go", order=None),
        event("go"),
        event("go", order={}),
    ).at("12:00", event("go", order="a")).expect(
        entered("10:00", "a"),
        entered("10:00", "b"),
        *[refused("key missing", "10:00")] * 3,
        refused("reentry", "12:00"),
    )


def test_keys_are_json_values_so_a_number_and_its_text_are_two():
    Scenario(journey(started_by(), pause("1h"), key="properties.order")).at(
        "10:00", event("go", order=10), event("go", order="10"), event("go", order=10)
    ).expect(entered("10:00", "10"), entered("10:00", '"10"'), refused("reentry", "10:00"))


@pytest.mark.parametrize(
    ("mode", "after", "entries"),
    [
        #  the run lasts an hour from each entry; records at 10:00, 10:30, 11:00, 11:59, 12:00 and 13:00
        ("never", None, ["10:00"]),
        ("after_exit", None, ["10:00", "11:00", "12:00", "13:00"]),
        ("after_exit", "1h", ["10:00", "12:00"]),
        ("always", None, ["10:00", "10:30", "11:00", "11:59", "12:00", "13:00"]),
        ("always", "1h", ["10:00", "11:00", "12:00", "13:00"]),
    ],
)
def test_reentry(mode, after, entries):
    rule = {"mode": mode} | ({"after": after} if after else {})
    scenario = Scenario(journey(started_by(), pause("1h"), reentry=rule))
    for when in ("10:00", "10:30", "11:00", "11:59", "12:00", "13:00"):
        scenario.at(when, event("go"))
    scenario.expect(*(entered(when) for when in entries))


def test_a_gap_ends_to_the_millisecond():
    rule = {"mode": "after_exit", "after": "1h"}
    Scenario(journey(started_by(), message("m"), reentry=rule)).at("10:00", event("go")).at(
        "10:59:59.999", event("go")
    ).at("11:00", event("go")).expect(send("m", "10:00"), send("m", "11:00"))


def test_never_holds_across_versions_whatever_the_earlier_rule_was():
    once = journey(started_by(), message("m"), reentry={"mode": "never"})
    Scenario(journey(started_by(), message("m"))).at("10:00", event("go")).publish("11:00", once).at(
        "12:00", event("go")
    ).expect(entered("10:00"), refused("reentry", "12:00"))


def test_a_segment_trigger_enters_at_the_flip():
    Scenario(VIP, journey(by(segment="vip"), message("m"))).at("10:00", traits(plan="gold")).at(
        "11:00", traits(plan="gold")
    ).expect(send("m", "10:00"))


def test_a_segment_trigger_by_leaving():
    Scenario(VIP, journey(by(segment="vip", change="left"), message("m"))).at("10:00", traits(plan="gold")).at(
        "11:00", traits(plan="red")
    ).expect(send("m", "11:00"))


def test_a_flip_by_time_enters_at_that_instant():
    quiet = segment("quiet", {"and": [{"performed": "login"}, {"not": {"performed": "login", "within": "2h"}}]})
    Scenario(quiet, journey(by(segment="quiet"), message("miss"))).at("10:00", event("login")).until("13:00").expect(
        send("miss", "12:00")
    )


@pytest.mark.parametrize("current", [True, False])
def test_members_enter_at_activation_only_where_it_is_asked(current):
    welcome = journey(by(segment="vip", current=current), message("m"))
    scenario = Scenario(VIP).at("10:00", traits(plan="gold")).publish("11:00", welcome).until("12:00")
    scenario.expect(send("m", "11:00")) if current else scenario.expect_no("entered")


def test_members_enter_again_only_when_a_version_becomes_active():
    welcome = journey(by(segment="vip", current=True), message("m"))
    other = segment("other", {"everyone": True})
    Scenario(VIP, welcome).at("10:00", traits(plan="gold")).publish("11:00", other).publish("12:00", welcome).expect(
        send("m", "10:00"), send("m", "12:00")
    )


def test_an_enter_record_enters_through_the_api_trigger():
    called = Event("enter", event="j", properties={"order": "a"}, user_id="u")
    Scenario(journey(by(api=True), message("m"), key="properties.order")).at("10:00", called).expect(
        entered("10:00", "a"), send("m", "10:00")
    )


def test_an_enter_record_for_another_journey_enters_nobody():
    Scenario(journey(by(api=True), message("m"))).at("10:00", Event("enter", event="x", user_id="u")).expect_no(
        "entered"
    )


def test_history_enters_nobody_and_what_flips_by_time_later_does():
    quiet = segment("quiet", {"and": [{"performed": "login"}, {"not": {"performed": "login", "within": "2h"}}]})
    Scenario(
        VIP, quiet, journey(by(segment="vip"), message("a")), journey(by(segment="quiet"), message("b"), id="k")
    ).at("10:00", traits(plan="gold"), event("login"), historical=True).until("13:00").expect(send("b", "12:00"))


def test_a_held_out_contact_is_recorded_and_does_not_enter():
    inside = next(c for c in map(str, range(1000)) if bucket("j/holdout", c) < 5)
    outside = next(c for c in map(str, range(1000)) if bucket("j/holdout", c) >= 5)
    Scenario(journey(started_by(), pause("1h"), holdout=5)).at("10:00", event("go", inside)).at(
        "11:00", event("go", outside)
    ).expect(refused("holdout", "10:00"), entered("11:00"))


def test_one_record_enters_a_journey_once_whichever_of_its_triggers_it_fires():
    nodes = [started_by(), {**by(event={"starts_with": "g"}), "id": "also"}, message("m"), node("done", "exit")]
    both = journey(*nodes, edges=["start -> m", "also -> m", "m -> done"], reentry={"mode": "always"})
    Scenario(both).at("10:00", event("go")).expect(entered("10:00"))


def test_a_schedule_fires_for_those_who_are_members_then():
    # 09:00 in Zurich is 08:00 UTC in January
    weekly = journey(by(schedule="0 9 * * 3", timezone="Europe/Zurich", segment="vip"), message("m"))
    Scenario(VIP, weekly).at("tue 10:00", traits(plan="gold")).until("2026-01-15T00:00:00Z").at(
        "2026-01-20T00:00:00Z", traits(plan="red")
    ).until("2026-01-30T00:00:00Z").expect(send("m", "2026-01-07T08:00:00Z"), send("m", "2026-01-14T08:00:00Z"))


@pytest.mark.parametrize(
    ("birthday", "fires"),
    [
        ("1990-01-10", ["2026-01-07T00:00:00Z", "2027-01-07T00:00:00Z"]),
        ("1990-01-08", ["2027-01-05T00:00:00Z"]),  # three days before it has passed already
        ("1992-02-29", ["2026-02-25T00:00:00Z", "2027-02-25T00:00:00Z"]),
        ("soon", []),
    ],
)
def test_a_date_trigger_fires_every_year_so_many_days_before(birthday, fires):
    yearly = journey(by(date="birthday", offset="-3d", every="year"), message("m"))
    Scenario(yearly).at("10:00", traits(birthday=birthday)).until("2027-03-01T00:00:00Z").expect(
        *(entered(when) for when in fires)
    ) if fires else Scenario(yearly).at("10:00", traits(birthday=birthday)).expect_no("entered")


def test_a_date_that_changes_moves_its_trigger():
    once = journey(by(date="renewal"), message("m"))
    Scenario(once).at("10:00", traits(renewal="2026-01-08")).at("11:00", traits(renewal="2026-01-07T12:00:00Z")).until(
        "2026-02-01T00:00:00Z"
    ).expect(send("m", "2026-01-07T12:00:00Z"))


def test_a_deleted_journey_ends_its_runs_and_enters_nobody():
    Scenario(journey(started_by(), pause("1h"), message("m"))).at("10:00", event("go")).act(
        "10:30", "delete", "journey", "j"
    ).at("12:00", event("go")).expect(entered("10:00"), exited("deleted", "10:30"))


def test_a_run_stays_on_its_version_and_the_next_takes_the_active_one():
    first, second = journey(started_by(), pause("1h"), message("a")), journey(started_by(), message("b"))
    Scenario(first).at("10:00", event("go")).publish("10:30", second).until("12:00").at("12:00", event("go")).act(
        "13:00", "rollback", "journey", "j", 1
    ).at("14:00", event("go")).until("16:00").expect(send("a", "11:00"), send("b", "12:00"), send("a", "15:00"))


def test_an_instant_is_read_as_written():
    assert instant("tue 00:00") - instant("00:00") == 86_400_000
