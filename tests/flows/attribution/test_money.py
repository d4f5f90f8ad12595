"""A conversion's worth in minor units, from what senders write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.attribution.money import amount_of, exponent


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"amount_minor": 1999, "currency": "USD"}, (1999, "USD")),
        ({"amount_minor": 1999, "revenue": 5}, (1999, "EUR")),
        ({"revenue": 19.99}, (1999, "EUR")),
        ({"revenue": 1.005}, (101, "EUR")),  # as it was written, not the binary fraction below it
        ({"total": 50, "value": 60}, (5000, "EUR")),
        ({"value": "49.90", "currency": " chf "}, (4990, "CHF")),
        ({"revenue": 1200, "currency": "JPY"}, (1200, "JPY")),
        ({"revenue": 1200.5, "currency": "JPY"}, (1201, "JPY")),
        ({"revenue": 1.2345, "currency": "KWD"}, (1235, "KWD")),
        ({"revenue": -19.99}, (-1999, "EUR")),
        ({"revenue": 10, "currency": "euro"}, (1000, "EUR")),
        ({"revenue": 10, "currency": 978}, (1000, "EUR")),
        ({"revenue": 1e-9}, (0, "EUR")),
    ],
)
def test_it_is_read_as_it_was_meant(properties, expected):
    assert amount_of(properties, "EUR") == expected


@pytest.mark.parametrize("value", [None, True, "much", "", "NaN", "Infinity", [1], {"a": 1}, 1e300, "1e999999"])
def test_what_is_no_amount_counts_nothing(value):
    assert amount_of({"revenue": value}, "EUR") == (0, "EUR")
    assert amount_of({"revenue": value, "total": 2}, "EUR") == (200, "EUR")
    assert amount_of({"amount_minor": value}, "EUR") == (0, "EUR")


def test_a_number_of_thousands_of_digits_counts_nothing():
    assert amount_of({"revenue": 10**5000, "amount_minor": 10**5000}, "EUR") == (0, "EUR")


@given(st.integers(0, 10**12), st.sampled_from(["EUR", "JPY", "KWD", "CLF"]))
def test_whole_minor_units_written_as_a_decimal_come_back(minor, currency):
    digits = str(minor).rjust(exponent(currency) + 1, "0")
    cut = len(digits) - exponent(currency)
    written = f"{digits[:cut]}.{digits[cut:]}" if exponent(currency) else digits
    assert amount_of({"revenue": float(written), "currency": currency}, "EUR") == (minor, currency)
