"""The policy of attempts, driven by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.delivery.attempts import ACCOUNT_PAUSE, Answer, AtOnce, End, GivenUp, LookUp, Step, Try, attempts
from flows.delivery.ledger import NEVER, Standing
from flows.delivery.provider import Absent, Accepted, Refused, Retry, Unknown

MARKETING, TRANSACTIONAL = True, False


def drive(
    answers: list[Answer], marketing: bool = True, standing: Standing = NEVER, now: int = 0
) -> tuple[list[Step], End]:
    """The steps that were asked for, and the end."""
    policy, steps = attempts("send-1", marketing, standing, now), list[Step]()
    step = next(policy)
    for answer in answers:
        steps.append(step)
        try:
            step = policy.send(answer)
        except StopIteration as ended:
            return steps, ended.value
    raise AssertionError(f"goes on with {step}")


def test_what_is_accepted_at_once_takes_one_try():
    assert drive([Accepted("x")]) == ([Try(1, 0)], Accepted("x"))


def test_retries_come_after_about_1_s_5_s_30_s_and_5_min_and_then_it_is_given_up():
    steps, end = drive([Retry("busy")] * 5)
    waits = [step.after_ms for step in steps if isinstance(step, Try)]
    assert waits[0] == 0
    assert all(0.8 * s <= w / 1000 <= 1.2 * s for w, s in zip(waits[1:], (1, 5, 30, 300), strict=True))
    assert end == GivenUp("given up after 5 attempts: busy")


def test_the_jitter_comes_from_the_send():
    def wait(send: str) -> Step:
        policy = attempts(send, MARKETING, NEVER, 0)
        next(policy)
        return policy.send(Retry("busy"))

    assert wait("a") == wait("a")
    assert len({wait(str(n)) for n in range(20)}) > 10


def test_a_retry_is_not_earlier_than_the_provider_says():
    steps, _ = drive([Retry("slow down", after_s=120), Accepted()])
    assert steps[1] == Try(2, 120_000, 1)


def test_what_counts_for_nothing_is_tried_again_at_once_however_often():
    steps, end = drive([AtOnce("late")] * 20 + [Retry("busy"), Accepted()])
    assert steps[:21] == [Try(n, 0) for n in range(1, 22)]
    assert isinstance(steps[21], Try)
    assert steps[21].after_ms <= 1_200  # the first failure
    assert end == Accepted()


@pytest.mark.parametrize("scope", ["message", "address"])
def test_a_refusal_of_message_or_address_is_the_end(scope: str):
    refused = Refused("no", scope)  # type: ignore[arg-type]
    assert drive([refused])[1] == refused


def test_a_refused_account_costs_no_send_however_long_it_lasts():
    steps, end = drive([Refused("bad key", "account")] * 50 + [Accepted()])
    assert steps[1:] == [Try(n, ACCOUNT_PAUSE) for n in range(2, 52)]
    assert end == Accepted()


def test_marketing_whose_end_is_not_known_is_not_sent_again():
    assert drive([Unknown("cut"), Unknown("no look-up")]) == ([Try(1, 0), LookUp()], Unknown("cut"))


def test_transactional_whose_end_is_not_known_is_sent_again():
    steps, end = drive([Unknown("cut"), Unknown("no look-up"), Accepted()], TRANSACTIONAL)
    assert [type(s) for s in steps] == [Try, LookUp, Try]
    assert end == Accepted()


def test_what_is_given_up_though_the_provider_may_have_it_says_so():
    dark: list[Answer] = [Unknown("cut"), Unknown("no look-up")]
    assert drive([*dark, *[Retry("busy")] * 4], TRANSACTIONAL)[1] == GivenUp("given up after 5 attempts: busy", True)
    assert drive([Retry("busy")] * 4 + dark, TRANSACTIONAL)[1] == GivenUp("given up after 5 attempts: cut", True)
    once: list[Answer] = [Unknown("cut"), Absent()]  # it may go again, for it is taken once
    assert drive([*once, *[Retry("busy")] * 4])[1] == GivenUp("given up after 5 attempts: busy", True)
    restarted = Standing("retry", 4, failures=4, in_the_dark=True)
    assert drive([Retry("busy")], standing=restarted)[1] == GivenUp("given up after 5 attempts: busy", True)


@pytest.mark.parametrize("marketing", [True, False])
def test_a_look_up_that_finds_it_ends_it(marketing: bool):
    assert drive([Unknown("cut"), Accepted("found")], marketing)[1] == Accepted("found")


@pytest.mark.parametrize("marketing", [True, False])
def test_what_the_provider_vouches_not_to_have_is_sent_again(marketing: bool):
    steps, end = drive([Unknown("cut"), Absent(), Accepted()], marketing)
    assert [type(s) for s in steps] == [Try, LookUp, Try]
    assert end == Accepted()


def test_an_attempt_that_a_crash_cut_is_looked_up_first():
    crashed = Standing("started", 1, 0)
    assert drive([Accepted("x")], standing=crashed) == ([LookUp()], Accepted("x"))
    assert drive([Unknown("?")], standing=crashed)[1] == Unknown("the process ended during the attempt")


def test_after_a_restart_a_retry_keeps_what_is_left_of_its_wait():
    full = drive([Retry("busy"), Accepted()])[0][1]
    assert isinstance(full, Try)
    standing = Standing("retry", 1, at=10_000, failures=1)
    assert drive([Accepted()], standing=standing, now=10_400)[0] == [Try(2, full.after_ms - 400, 1)]
    assert drive([Accepted()], standing=standing, now=99_999)[0] == [Try(2, 0, 1)]


def test_after_a_restart_only_what_failed_counts_and_not_what_was_tried_elsewhere_or_refused_the_account():
    standing = Standing("retry", 40, at=0, failures=1)
    steps, end = drive([Retry("busy")] * 4, standing=standing)
    assert [s.failures for s in steps if isinstance(s, Try)] == [1, 2, 3, 4]
    assert end == GivenUp("given up after 44 attempts: busy")


@settings(deadline=None)
@given(st.lists(st.sampled_from([Retry("r"), Unknown("u"), Refused("a", "account")]), max_size=40), st.booleans())
def test_numbers_of_tries_count_up_by_one_and_end(answers: list[Answer], marketing: bool):
    policy, numbers = attempts("s", marketing, NEVER, 0), list[int]()
    step = next(policy)
    try:
        for answer in answers:
            if isinstance(step, Try):
                numbers.append(step.number)
                step = policy.send(answer)
            else:
                step = policy.send(Absent())
    except StopIteration:
        pass
    assert numbers == list(range(1, len(numbers) + 1))
