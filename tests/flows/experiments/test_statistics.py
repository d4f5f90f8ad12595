"""Statistics of rates, against scipy, published examples, closed forms and simulation."""

from __future__ import annotations

from itertools import product
from math import exp, lgamma, log

import numpy
import pytest
from scipy import stats

from flows.experiments.statistics import Beta, Rate, best, difference, wilson

RATES = [Rate(0, 0), Rate(1, 1), Rate(10, 3), Rate(1_000, 20), Rate(1_000_000, 100_000), Rate(10_000_000, 5)]


@pytest.mark.parametrize("rate", RATES)
def test_a_posterior_is_scipys_beta(rate):
    ours, theirs = Beta(rate), stats.beta(1 + rate.successes, 1 + rate.samples - rate.successes)
    for x in (1e-9, 0.01, 0.1, 0.5, 0.9, ours.mean, ours.mean + ours.deviation):
        assert ours.below(x) == pytest.approx(theirs.cdf(x), abs=1e-7)
        assert ours.density(x) == pytest.approx(theirs.pdf(x), rel=1e-5, abs=1e-200)
    assert (ours.mean, ours.deviation) == pytest.approx((theirs.mean(), theirs.std()), abs=1e-5)


@pytest.mark.parametrize(("samples", "successes"), [(10, 0), (10, 5), (100, 1), (3_000, 2_999), (7, 7)])
def test_the_interval_of_a_rate_is_scipys(samples, successes):
    expected = stats.binomtest(successes, samples).proportion_ci(0.95, "wilson")
    assert wilson(Rate(samples, successes)) == pytest.approx((expected.low, expected.high))


def test_the_interval_of_nothing_is_everything():
    assert wilson(Rate(0, 0)) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("a", "b", "low", "high"),  # Newcombe 1998, table II, method 10
    [
        (Rate(70, 56), Rate(80, 48), 0.0524, 0.3339),
        (Rate(10, 9), Rate(10, 3), 0.1705, 0.8090),
        (Rate(7, 6), Rate(7, 2), 0.0582, 0.8062),
        (Rate(56, 5), Rate(29, 0), -0.0381, 0.1926),
        (Rate(10, 0), Rate(20, 0), -0.1611, 0.2775),
        (Rate(10, 10), Rate(20, 0), 0.6791, 1.0),
    ],
)
def test_the_interval_of_a_difference_is_the_one_that_was_published(a, b, low, high):
    found = difference(a, b)
    assert found.low == pytest.approx(low, abs=1e-3)
    assert found.high == pytest.approx(high, abs=1e-3)


def test_nineteen_of_twenty_intervals_hold_the_true_difference():
    """The coverage over all outcomes, each with its probability: 0.95 on average, never far below."""
    n, m = 40, 60
    covered = []
    for p, q in product((0.1, 0.3, 0.5), (0.2, 0.4)):
        of_p, of_q = stats.binom(n, p).pmf(range(n + 1)), stats.binom(m, q).pmf(range(m + 1))
        holds = (
            of_p[i] * of_q[j]
            for i, j in product(range(n + 1), range(m + 1))
            if of_p[i] * of_q[j] > 1e-9
            and difference(Rate(n, i), Rate(m, j)).low <= p - q <= difference(Rate(n, i), Rate(m, j)).high
        )
        covered.append(sum(holds))
    assert numpy.mean(covered) == pytest.approx(0.95, abs=0.015)
    assert min(covered) > 0.92


def _exact(a: Rate, b: Rate) -> float:
    """P(b > a) of two posteriors with whole parameters (https://www.evanmiller.org/bayesian-ab-testing.html)."""
    a1, b1 = 1 + a.successes, 1 + a.samples - a.successes
    a2, b2 = 1 + b.successes, 1 + b.samples - b.successes

    def beta(x, y):
        return lgamma(x) + lgamma(y) - lgamma(x + y)

    return sum(exp(beta(a1 + i, b1 + b2) - log(b2 + i) - beta(1 + i, b2) - beta(a1, b1)) for i in range(a2))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (Rate(100, 10), Rate(100, 20)),
        (Rate(0, 0), Rate(50, 1)),
        (Rate(10, 10), Rate(3_000, 2_990)),
        (Rate(200_000, 2_000), Rate(200_000, 2_100)),
        (Rate(5, 0), Rate(100_000, 700)),
    ],
)
def test_the_better_of_two_is_as_likely_as_the_closed_form_says(a, b):
    assert best([a, b]) == pytest.approx([1 - _exact(a, b), _exact(a, b)], abs=1e-5)


def test_the_best_of_many_is_as_likely_as_in_a_simulation():
    rates = [Rate(200, 20), Rate(150, 21), Rate(30, 5), Rate(2_000, 210)]
    dice = numpy.random.default_rng(7)
    drawn = [dice.beta(1 + r.successes, 1 + r.samples - r.successes, 400_000) for r in rates]
    shares = numpy.bincount(numpy.argmax(drawn, axis=0), minlength=len(rates)) / 400_000
    assert best(rates) == pytest.approx(shares, abs=3e-3)
    assert sum(best(rates)) == pytest.approx(1)


def test_of_equal_arms_each_is_as_likely():
    assert best([Rate(40, 7)] * 5) == pytest.approx([0.2] * 5)
    assert best([Rate(0, 0)] * 5) == pytest.approx([0.2] * 5)
