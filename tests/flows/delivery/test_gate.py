"""Breaker, rate, warm-up and gate, with time turned by hand."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.delivery.breaker import FAILURES, FIRST_PAUSE, LONGEST_PAUSE, Breaker
from flows.delivery.gate import Gate, Limits
from flows.delivery.pace import Kept, Plan, Rate, compile_plan
from flows.delivery.provider import Accepted, Refused, Retry, Unknown
from schemas.definitions.provider import WarmUp
from schemas.times import DAY, HOUR, SECOND

NOON = 20_000 * DAY + 12 * HOUR


def opened(now: int = 0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.take()
        breaker.failed(now)
    return breaker


# failures   x x x x x                  x                                  ok
# state      closed    open             half-open  open, twice as long     half-open  closed
#            |---------|-- 5 s ---------|----------|-- 10 s ---------------|----------|
def test_the_life_of_a_breaker():
    breaker = opened(now=0)
    assert (breaker.state, breaker.wait_ms(1)) == ("open", FIRST_PAUSE - 1)
    assert breaker.wait_ms(FIRST_PAUSE) == 0
    breaker.take()
    assert (breaker.state, breaker.wait_ms(FIRST_PAUSE)) == ("half-open", None)  # one probe at a time
    breaker.failed(FIRST_PAUSE)
    assert breaker.wait_ms(FIRST_PAUSE) == 2 * FIRST_PAUSE
    breaker.take()
    breaker.succeeded()
    assert (breaker.state, breaker.wait_ms(0)) == ("closed", 0)


def test_failures_count_only_in_a_row():
    breaker = Breaker()
    for _ in range(10):
        for _ in range(FAILURES - 1):
            breaker.failed(0)
        breaker.succeeded()
    assert breaker.state == "closed"


def test_a_failure_of_the_account_says_it_all():
    breaker = Breaker()
    breaker.failed(0, at_once=True)
    assert breaker.state == "open"


def test_a_probe_that_fails_opens_it_again_also_where_one_failure_had():
    breaker = Breaker()
    breaker.failed(0, at_once=True)
    breaker.take()
    breaker.failed(FIRST_PAUSE)
    assert (breaker.state, breaker.wait_ms(FIRST_PAUSE)) == ("open", 2 * FIRST_PAUSE)


def test_what_was_under_way_when_it_opened_makes_the_pause_no_longer():
    breaker = opened(now=0)
    for _ in range(50):
        breaker.failed(1_000)
    assert breaker.wait_ms(1_000) == FIRST_PAUSE - 1_000


def test_a_probe_that_did_not_go_leaves_room_for_another():
    breaker = opened()
    breaker.take()
    breaker.released()
    assert breaker.wait_ms(FIRST_PAUSE) == 0


def test_pauses_have_an_end():
    breaker, now = opened(), 0
    for _ in range(20):
        now += breaker.wait_ms(now) or 0
        breaker.take()
        breaker.failed(now)
    assert breaker.wait_ms(now) == LONGEST_PAUSE


@settings(deadline=None)
@given(st.floats(0.5, 5_000), st.integers(1, 40))
def test_no_second_brings_more_than_the_rate_and_its_burst(per_s: float, seconds: int):
    rate, now, went = Rate(per_s), 0, list[int]()
    while now < seconds * SECOND and len(went) < 2_000:
        wait = rate.wait_ms(now)
        if wait == 0:
            rate.take()
            went.append(now)
        now += wait
    burst = max(1.0, per_s / 10)
    for begin in went[:: max(1, len(went) // 20)]:
        assert sum(begin <= at < begin + SECOND for at in went) <= per_s + burst + 1
    if len(went) < 2_000:
        assert len(went) >= (seconds - 1) * per_s * 0.9 - 1  # and it is used


def test_a_warm_up_grows_each_day_in_utc_and_ends():
    plan = compile_plan(WarmUp(since="2026-11-01T23:00:00-05:00", first_day=100, growth=2, days=3))  # the 2nd in UTC
    first = 1793577600_000  # 2026-11-02T00:00:00Z
    assert [plan.allowance(first + day * DAY) for day in range(-1, 4)] == [100, 100, 200, 400, None]


def test_a_days_allowance_that_is_used_up_waits_for_the_next_day():
    gate = Gate(Limits(plan=Plan(20_000, 2, 1.5, 30, frozenset())))
    for _ in range(2):
        assert gate.wait_ms(NOON, urgent=False) == 0
        gate.take()
        gate.done(NOON, Accepted(), "a.example")
    assert gate.wait_ms(NOON, urgent=False) == 12 * HOUR
    assert gate.wait_ms(NOON, urgent=True) == 0  # a password reset does not wait for tomorrow
    assert gate.wait_ms(NOON + 12 * HOUR, urgent=False) == 0


def test_what_is_under_way_is_not_more_than_what_is_left_of_the_days_allowance():
    gate = Gate(Limits(plan=Plan(20_000, 2, 1.5, 30, frozenset())))
    gate.take()
    assert gate.wait_ms(NOON, urgent=False) == 0
    gate.take()
    assert gate.wait_ms(NOON, urgent=False) is None  # until one of them has ended
    gate.done(NOON, Retry("busy"))
    assert gate.wait_ms(NOON, urgent=False) == 0


def test_a_gate_keeps_to_its_rate():
    gate = Gate(Limits(per_s=10))
    assert gate.wait_ms(NOON, urgent=True) == 0
    gate.take()
    gate.done(NOON, Accepted())
    assert gate.wait_ms(NOON, urgent=True) == 100
    assert gate.wait_ms(NOON + 100, urgent=True) == 0


def test_a_domain_with_an_allowance_of_its_own_holds_up_no_other():
    gate = Gate(Limits(plan=Plan(20_000, 1, 1.5, 30, frozenset({"gmail.com"}))))
    gate.take()
    gate.done(NOON, Accepted(), "gmail.com")
    assert gate.wait_ms(NOON, urgent=False) == 0
    assert gate.reserve_ms("gmail.com", NOON, urgent=False) == 12 * HOUR
    assert gate.reserve_ms("a.example", NOON, urgent=False) == 0


def test_a_domain_s_allowance_is_reserved_by_what_is_under_way():
    gate = Gate(Limits(plan=Plan(20_000, 2, 1.5, 30, frozenset({"gmail.com"}))))
    assert [gate.reserve_ms("gmail.com", NOON, urgent=False) for _ in range(3)] == [0, 0, None]
    assert gate.reserve_ms("gmail.com", NOON, urgent=True) == 0  # counted, not held up
    for result in (Retry("busy"), Accepted(), Accepted()):
        gate.take()
        gate.release("gmail.com")
        gate.done(NOON, result, "gmail.com")
    assert gate.reserve_ms("gmail.com", NOON, urgent=False) == 12 * HOUR


@settings(deadline=None)
@given(st.integers(1, 9), st.lists(st.tuples(st.sampled_from(["begin", "went", "failed"]), st.booleans()), max_size=80))
def test_marketing_never_exceeds_a_domain_s_allowance_however_hand_overs_interleave(
    allowance: int, moves: list[tuple[str, bool]]
):
    gate, under_way = Gate(Limits(plan=Plan(20_000, allowance, 1.0, 30, frozenset({"gmail.com"})))), list[bool]()
    went = 0
    for move, urgent in moves:
        if move == "begin" and gate.reserve_ms("gmail.com", NOON, urgent) == 0:
            gate.take()
            under_way.append(urgent)
            assert urgent or went + len(under_way) <= allowance
        elif move != "begin" and under_way:
            under_way.pop()
            gate.release("gmail.com")
            gate.done(NOON, Accepted() if move == "went" else Retry("busy"), "gmail.com")
            went += move == "went"


def test_no_more_are_under_way_than_may_be():
    gate = Gate(Limits(concurrency=2))
    gate.take()
    gate.take()
    assert gate.wait_ms(0, urgent=True) is None
    gate.done(0, Accepted())
    assert gate.wait_ms(0, urgent=True) == 0


def test_what_the_provider_asks_for_is_kept_and_is_no_failure():
    kept = Kept()
    gate = Gate(kept=kept)
    for _ in range(FAILURES):
        gate.take()
        gate.done(1_000, Retry("slow down", after_s=60))
    assert gate.breaker.state == "closed"
    assert Gate(kept=kept).wait_ms(31_000, urgent=True) == 30_000  # also after a restart


def test_who_is_healthy_is_told_by_what_it_answers():
    for failure in (Retry("503"), Unknown("cut")):
        gate = Gate()
        for _ in range(FAILURES):
            gate.take()
            gate.done(0, failure)
        assert gate.breaker.state == "open"
    gate = Gate()
    for refused in (Refused("no", "message"), Refused("no", "address")):
        for _ in range(FAILURES):
            gate.take()
            gate.done(0, refused)
    assert gate.breaker.state == "closed"  # it answers
    gate.take()
    gate.done(0, Refused("bad key", "account"))
    assert gate.breaker.state == "open"
