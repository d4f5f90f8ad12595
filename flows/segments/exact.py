"""Sums that do not depend on the order of their parts: JSON's numbers added as the decimals that people wrote.

0.1 + 0.2 is 0.3 here, and integers are exact at any size. In states an integer beyond 64 bits, and a sum that is no
integer, is kept as its decimal text. ClickHouse's widest decimals reach to 10^46 and 30 places: a number beyond (1e308,
1e-40) is 0 in a batch's sum and average.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Context, Decimal
from typing import Final, TypeAlias

Plain: TypeAlias = int | float | str  # as a state holds a number
Exact: TypeAlias = int | Decimal

_CONTEXT: Final = Context(prec=2_000)  # more digits than lie between the largest and the smallest double
_LOWEST, _HIGHEST = -(1 << 63), (1 << 64) - 1


def exact(number: Plain) -> Exact:
    """The number's exact value: of a double the shortest decimal that names it."""
    if isinstance(number, int):
        return number
    decimal = Decimal(number if isinstance(number, str) else repr(number))
    return int(decimal) if isinstance(number, str) and decimal == decimal.to_integral_value() else decimal


def plain(number: Exact | float) -> Plain:
    """The number as a state holds it."""
    if isinstance(number, float) or (isinstance(number, int) and _LOWEST <= number <= _HIGHEST):
        return number
    return str(number)


def total(numbers: Iterable[Plain]) -> Exact:
    """The exact sum.

    >>> total([0.1, 0.2]), total([1, 2])
    (Decimal('0.3'), 3)
    """
    whole, rest = 0, Decimal(0)
    for number in numbers:
        if type(number) is int:
            whole += number
        else:
            rest = _CONTEXT.add(rest, Decimal(exact(number)))
    return _CONTEXT.add(rest, Decimal(whole)) if rest else whole
