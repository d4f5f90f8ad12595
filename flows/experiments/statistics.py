"""Statistics of rates: intervals, and how likely each of several is the highest. Pure, without dice.

A rate with s successes of n samples has the posterior Beta(1 + s, 1 + n - s): the prior is uniform.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import exp, lgamma, log, log1p, sqrt
from statistics import NormalDist
from typing import Final, NamedTuple

LEVEL: Final = 0.95  # of every interval that is told


class Interval(NamedTuple):
    """From `low` to `high`, both included."""

    low: float
    high: float


class Rate(NamedTuple):
    """`successes` of so many `samples`."""

    samples: int
    successes: int

    @property
    def value(self) -> float:
        """Their share; 0 of none."""
        return self.successes / self.samples if self.samples else 0.0


def wilson(rate: Rate, level: float = LEVEL) -> Interval:
    """The score interval of a rate (Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953); [0, 1] of none.

    >>> wilson(Rate(10, 5))
    Interval(low=0.23659309051256402, high=0.763406909487436)
    """
    n, p = rate.samples, rate.value
    if n == 0:
        return Interval(0.0, 1.0)
    z = _z(level)
    middle, half = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if rate.successes == 0 else (middle - half) / scale
    return Interval(low, 1.0 if rate.successes == n else (middle + half) / scale)


def difference(a: Rate, b: Rate, level: float = LEVEL) -> Interval:
    """The interval of a's rate less b's, from the two Wilson intervals (Newcombe 1998, method 10).

    https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8%3C873::AID-SIM779%3E3.0.CO;2-I
    """
    of_a, of_b, d = wilson(a, level), wilson(b, level), a.value - b.value
    low = d - sqrt((a.value - of_a.low) ** 2 + (of_b.high - b.value) ** 2)
    return Interval(low, d + sqrt((of_a.high - a.value) ** 2 + (b.value - of_b.low) ** 2))


def _z(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)


class Beta:
    """The posterior of a rate."""

    def __init__(self, rate: Rate):
        self.a, self.b = 1.0 + rate.successes, 1.0 + rate.samples - rate.successes
        self._log_scale = lgamma(self.a + self.b) - lgamma(self.a) - lgamma(self.b)
        total = self.a + self.b
        self.mean = self.a / total
        self.deviation = sqrt(self.a * self.b / (total * total * (total + 1)))

    def density(self, x: float) -> float:
        """At x within (0, 1)."""
        return exp(self._log_scale + (self.a - 1) * log(x) + (self.b - 1) * log1p(-x))

    def below(self, x: float) -> float:
        """How likely the rate is below x: the regularised incomplete beta function (https://dlmf.nist.gov/8.17)."""
        if x <= 0 or x >= 1:
            return float(x >= 1)
        front = exp(self._log_scale + self.a * log(x) + self.b * log1p(-x))
        if x < (self.a + 1) / (self.a + self.b + 2):  # where the continued fraction converges fast
            return front * _fraction(self.a, self.b, x) / self.a
        return 1 - front * _fraction(self.b, self.a, 1 - x) / self.b


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of DLMF 8.17.22, by Lentz's method."""
    tiny = 1e-300
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1), tiny)
    value, m = d, 0
    while True:
        m += 1
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for step in (even, odd):
            d = 1 / _away_from_zero(1 + step * d, tiny)
            c = _away_from_zero(1 + step / c, tiny)
            value *= d * c
        if abs(d * c - 1) < 1e-14 or m > 10_000:
            return value


def _away_from_zero(value: float, tiny: float) -> float:
    return value if abs(value) > tiny else tiny


# Gauss-Legendre of 12 points on [-1, 1] (https://dlmf.nist.gov/3.5#v): places and weights, each also mirrored.
_GAUSS: Final = (
    (0.1252334085114689, 0.2491470458134028),
    (0.3678314989981802, 0.2334925365383548),
    (0.5873179542866175, 0.2031674267230659),
    (0.7699026741943047, 0.1600783285433462),
    (0.9041172563704749, 0.1069393259953184),
    (0.9815606342467193, 0.0471753363865118),
)
_KNOTS: Final = (-9.0, -5.0, -3.0, -1.5, 0.0, 1.5, 3.0, 5.0, 9.0)  # deviations from each mean at which pieces end


def best(rates: Sequence[Rate]) -> list[float]:
    """How likely each rate is the highest, for independent posteriors: ∫ fᵢ(x) Π_{j≠i} Fⱼ(x) dx. They sum to 1.

    >>> [round(p, 4) for p in best([Rate(100, 10), Rate(100, 20)])]
    [0.0248, 0.9752]
    """
    posteriors = [Beta(rate) for rate in rates]
    knots = sorted({min(max(p.mean + k * p.deviation, 0.0), 1.0) for p in posteriors for k in _KNOTS} | {0.0, 1.0})
    found = [0.0] * len(posteriors)
    for x, weight in _places(knots):
        below = [p.below(x) for p in posteriors]
        for i, posterior in enumerate(posteriors):
            others = 1.0
            for j, share in enumerate(below):
                others *= share if j != i else 1.0
            if others:
                found[i] += weight * posterior.density(x) * others
    total = sum(found)
    return [share / total for share in found]


def _places(knots: Sequence[float]) -> Iterator[tuple[float, float]]:
    for start, end in pairwise(knots):
        middle, half = (start + end) / 2, (end - start) / 2
        for place, weight in _GAUSS:
            yield middle - half * place, half * weight
            yield middle + half * place, half * weight
