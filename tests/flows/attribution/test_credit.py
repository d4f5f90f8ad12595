"""Credits sum to the conversion in minor units, whatever the model, the touches and the amount."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from flows.attribution.credit import credits, divide
from flows.attribution.touches import Touch

amounts = st.integers(-(10**15), 10**15)
rules = st.sampled_from(["last_touch", "first_touch", "linear"])
touch_lists = st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=20).map(
    lambda sends: [Touch(i, "opened", "email", send) for i, send in enumerate(sends)]
)


@given(rules, touch_lists, amounts)
def test_credits_sum_to_the_conversion_exactly(rule, touches, amount):
    found = credits(rule, touches, amount)
    assert sum(c.amount_minor for c in found) == amount
    assert abs(sum(c.share for c in found) - 1) < 1e-9


@given(amounts, st.lists(st.integers(0, 1_000), min_size=1, max_size=12).filter(any))
def test_each_part_is_its_exact_quota_rounded_down_or_up(amount, weights):
    parts = divide(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        quota = Fraction(amount * weight, sum(weights))
        assert part - floor(quota) in ((0,) if quota.denominator == 1 else (0, 1))


@given(amounts, st.lists(st.integers(1, 1_000), min_size=2, max_size=12))
def test_the_larger_remainder_gets_the_unit_first(amount, weights):
    quotas = [Fraction(amount * w, sum(weights)) for w in weights]
    rests = [q - floor(q) for q in quotas]
    more = [part > floor(q) for part, q in zip(divide(amount, weights), quotas, strict=True)]
    with_unit = [r for r, m in zip(rests, more, strict=True) if m]
    without = [r for r, m in zip(rests, more, strict=True) if not m]
    assert not with_unit or not without or min(with_unit) >= max(without)


def test_of_equal_remainders_the_earlier_gets_the_unit():
    assert divide(100, [1, 1, 1]) == [34, 33, 33]
    assert divide(-100, [1, 1, 1]) == [-33, -33, -34]


def test_last_touch_and_first_touch_give_all_to_one_message():
    touches = [Touch(1, "opened", "email", "a"), Touch(2, "clicked", "email", "b")]
    assert [(c.touch.send, c.amount_minor) for c in credits("last_touch", touches, 99)] == [("b", 99)]
    assert [(c.touch.send, c.amount_minor) for c in credits("first_touch", touches, 99)] == [("a", 99)]


def test_linear_gives_each_message_the_same_however_often_it_was_touched():
    touches = [Touch(i, "opened", "email", send) for i, send in enumerate("abaaa")]
    found = credits("linear", touches, 101)
    assert [(c.touch.send, c.touch.at, c.amount_minor, c.share) for c in found] == [
        ("b", 1, 51, 0.5),
        ("a", 4, 50, 0.5),
    ]


def test_without_touches_nobody_is_credited():
    assert credits("linear", [], 100) == []
