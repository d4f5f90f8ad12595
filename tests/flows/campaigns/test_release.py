"""From an audience and a rate to instants: laws of the queue, and local times in every zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.campaigns.release import Rate, left, local_instants, released, resumed
from flows.journeys.localtime import next_clock
from schemas.times import DAY, HOUR, MINUTE, from_ms, to_ms

rates = st.builds(Rate, st.integers(1, 50), st.sampled_from([1_000, MINUTE, HOUR]))
wishes = st.lists(st.integers(0, 5_000_000), max_size=60).map(lambda w: {f"c{i}": at for i, at in enumerate(w)})
T = 1_790_000_000_000


@given(wishes, rates)
@settings(max_examples=150, deadline=None)
def test_the_rate_is_never_exceeded_nobody_is_early_and_no_slot_is_wasted(wanted: dict[str, int], rate: Rate):
    found = released(wanted, rate, "s")
    order = sorted(found.values())
    assert found.keys() == wanted.keys()
    assert all(found[c] >= wanted[c] for c in wanted)
    assert all(b - a >= rate.per for a, b in zip(order, order[rate.messages :], strict=False))
    apart = -(-rate.per // rate.messages)
    for contact, at in found.items():  # who waits goes no later than a slot after the one before
        before = max((other for other in order if other < at), default=None)
        assert at == wanted[contact] or (before is not None and at - before <= apart)


def test_six_hundred_a_minute_are_one_each_tenth_of_a_second():
    found = sorted(released({f"c{i}": T for i in range(600)}, Rate(600, MINUTE), "s").values())
    assert found == [T + 100 * i for i in range(600)]


def test_seven_an_hour_are_spread_to_the_millisecond_and_never_eight_in_an_hour():
    found = sorted(released({f"c{i}": 0 for i in range(15)}, Rate(7, HOUR), "s").values())
    assert found[:3] == [0, 514_286, 1_028_572]
    assert (found[7], found[14]) == (HOUR, 2 * HOUR)


def test_without_a_rate_all_go_when_they_are_wanted():
    assert released({"a": 5, "b": 1}, None, "s") == {"a": 5, "b": 1}


def test_the_order_is_by_hash_and_differs_between_launches():
    wanted = {f"c{i}": 0 for i in range(50)}
    one, two = (sorted(wanted, key=released(wanted, Rate(1, 1000), salt).__getitem__) for salt in ("a", "b"))
    assert one != two
    assert one != sorted(wanted)


@given(wishes, rates, st.integers(0, 3_000_000), st.integers(0, 3_000_000))
@settings(max_examples=100, deadline=None)
def test_a_pause_leaves_those_who_are_not_due_and_a_resume_keeps_the_rate(
    wanted: dict[str, int], rate: Rate, pause: int, length: int
):
    plan = released(wanted, rate, "s")
    waiting = left(plan, 0, pause)
    gone = {c: at for c, at in plan.items() if c not in waiting}
    assert all(at < pause for at in gone.values())
    assert all(at >= pause for at in waiting.values())
    again = resumed(waiting, pause + length, rate, "s")
    order = sorted(again.values())
    assert all(at >= max(waiting[c], pause + length) for c, at in again.items())
    assert all(b - a >= rate.per for a, b in zip(order, order[rate.messages :], strict=False))


def test_a_pause_moves_a_steady_release_by_its_length():
    plan = released({f"c{i}": 0 for i in range(100)}, Rate(10, 1_000), "s")
    again = resumed(left(plan, 0, 3_000), 8_000, Rate(10, 1_000), "s")
    assert {c: at - 5_000 for c, at in again.items()} == {c: at for c, at in plan.items() if at >= 3_000}


def test_who_is_due_before_a_version_is_active_is_released_when_it_is():
    assert left({"a": 5, "b": 30}, 10, 20) == {"b": 30}
    assert left({"a": 5}, 20, 20) == {"a": 5}  # paused at the instant of its launch: nobody went


ZONES = ["Europe/Zurich", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati", "Pacific/Pago_Pago"]


def test_each_contact_gets_it_at_its_own_local_time():
    local = datetime(2026, 12, 1, 9, 0)
    found = local_instants({zone: zone for zone in ZONES}, local, "UTC")
    for zone, at in found.items():
        assert from_ms(at).astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local
    assert found["Pacific/Pago_Pago"] - found["Pacific/Kiritimati"] == 25 * HOUR


def test_without_a_zone_that_is_known_the_workspaces_counts():
    local = datetime(2026, 12, 1, 9, 0)
    found = local_instants({"a": "", "b": "Mars/Base", "c": "Europe/Zurich"}, local, "Europe/Zurich")
    assert set(found.values()) == {to_ms(datetime(2026, 12, 1, 8, 0, tzinfo=UTC))}


def test_a_local_time_that_a_gap_skips_is_the_gaps_end_and_one_that_is_twice_the_first():
    zone = {"a": "Europe/Zurich"}
    gap = local_instants(zone, datetime(2026, 3, 29, 2, 30), "UTC")["a"]
    fold = local_instants(zone, datetime(2026, 10, 25, 2, 30), "UTC")["a"]
    assert gap == to_ms(datetime(2026, 3, 29, 1, 0, tzinfo=UTC))
    assert fold == to_ms(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))


@given(st.sampled_from(ZONES), st.integers(0, 600), st.integers(0, 1_439))
@settings(max_examples=60, deadline=None)
def test_a_local_time_agrees_with_the_waits_of_journeys(zone: str, day: int, minutes: int):
    at = next_clock(T + day * DAY, minutes, (), ZoneInfo(zone))
    local = from_ms(at).astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
    if local.hour * 60 + local.minute == minutes:  # a gap's end is no local time of its own
        assert local_instants({"c": zone}, local, "UTC")["c"] == at
