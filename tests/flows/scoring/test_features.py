"""Features are decayed sums and instants, kept incrementally."""

from __future__ import annotations

from math import isclose, log1p

from hypothesis import given
from hypothesis import strategies as st

from flows.scoring.features import HALF_LIFE, NAMES, VISIT_GAP, Features, observe, vector
from schemas.times import DAY, HOUR

NOW = 1_700_000_000_000
COUNTED = ("sent", "delivered", "opened", "clicked")


def features_of(*facts: tuple[str, int]) -> Features:
    features = Features()
    for fact, at in facts:
        observe(features, fact, at)
    return features


def named(features: Features, at: int) -> dict[str, float]:
    return dict(zip(NAMES, vector(features, at), strict=True))


facts = st.lists(st.tuples(st.sampled_from(COUNTED), st.integers(NOW - 400 * DAY, NOW)), max_size=40)


@given(facts, st.integers(0, 400 * DAY))
def test_a_decayed_count_is_the_sum_over_all_events_of_two_to_the_minus_age_over_half_life(facts, later):
    at = NOW + later
    found = named(features_of(*facts), at)
    for name in COUNTED:
        expected = sum(2 ** (-(at - t) / HALF_LIFE) for fact, t in facts if fact == name)
        assert isclose(found[name], log1p(expected), rel_tol=1e-9, abs_tol=1e-12)


@given(facts, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter_but_for_what_is_unanswered(facts, dice):
    shuffled = dice.sample(facts, len(facts))
    a, b = named(features_of(*facts), NOW), named(features_of(*shuffled), NOW)
    assert all(isclose(a[n], b[n], rel_tol=1e-9, abs_tol=1e-12) for n in NAMES if n != "unanswered")


@given(facts)
def test_the_same_facts_in_the_same_order_give_the_same_bits(facts):
    assert vector(features_of(*facts), NOW) == vector(features_of(*facts), NOW)


def test_an_event_one_half_life_old_counts_half():
    assert isclose(named(features_of(("sent", NOW)), NOW + HALF_LIFE)["sent"], log1p(0.5))


def test_pages_within_half_an_hour_are_one_visit_and_the_gap_itself_begins_another():
    features = features_of(("visited", NOW))
    assert not observe(features, "visited", NOW + VISIT_GAP - 1)
    assert observe(features, "visited", NOW + VISIT_GAP - 1 + VISIT_GAP)


def test_a_visit_goes_on_as_long_as_pages_follow_each_other():
    features = Features()
    begun = [observe(features, "visited", NOW + i * VISIT_GAP // 2) for i in range(10)]
    assert begun == [True] + [False] * 9


def test_recency_is_one_now_one_half_after_a_half_life_and_nothing_for_never():
    features = features_of(("opened", NOW))
    assert named(features, NOW)["open_recency"] == 1.0
    assert named(features, NOW + HALF_LIFE)["open_recency"] == 0.5
    assert named(features, NOW)["click_recency"] == 0.0


def test_unanswered_counts_sends_since_the_last_open_or_click():
    features = features_of(*[("sent", NOW + i) for i in range(3)])
    assert named(features, NOW)["unanswered"] == log1p(3)
    observe(features, "clicked", NOW + 4)
    assert named(features, NOW)["unanswered"] == 0.0


def test_orders_count_for_ever_and_their_recency_fades():
    features = features_of(("ordered", NOW), ("ordered", NOW + HOUR))
    later = named(features, NOW + 3650 * DAY)
    assert later["orders"] == log1p(2)
    assert later["order_recency"] < 1e-9


def test_nothing_known_is_all_zero_but_for_the_prior_rates():
    found = named(Features(), NOW)
    assert {n for n, v in found.items() if v} == {"open_rate", "click_rate"}
    assert found["open_rate"] == 0.2
