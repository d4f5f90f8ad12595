"""What a conversion is worth: whole minor units of a currency, read from the event's properties."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

# Minor units of ISO 4217 that are not 2 (list one; CLDR's digits differ: they are about display).
# https://www.six-group.com/en/products-services/financial-information/data-standards.html
_EXPONENTS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"), 0),
    **dict.fromkeys(("VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
_MAJOR: Final = ("revenue", "total", "value")  # Segment's ecommerce properties, the first that is there
_CURRENCY: Final = re.compile("[A-Z]{3}")
_LIMIT: Final = 10**18  # fits a signed 64-bit column; a conversion above it is an error of its sender


class Money(NamedTuple):
    """Whole minor units and an ISO 4217 code."""

    amount_minor: int
    currency: str


def exponent(currency: str) -> int:
    """How many decimals the currency's minor unit has: 2 for EUR, 0 for JPY, 3 for KWD."""
    return _EXPONENTS.get(currency, 2)


def amount_of(properties: Mapping[str, Any], default_currency: str) -> Money:
    """A conversion's worth: `amount_minor`, else `revenue`, `total` or `value` in major units; 0 where none is one.

    >>> amount_of({"revenue": 19.99, "currency": "USD"}, "EUR")
    Money(amount_minor=1999, currency='USD')
    """
    currency = _currency(properties.get("currency"), default_currency)
    minor = properties.get("amount_minor")
    if isinstance(minor, int) and not isinstance(minor, bool):
        return Money(minor if abs(minor) <= _LIMIT else 0, currency)
    for name in _MAJOR:
        major = _decimal(properties.get(name))
        if major is not None:
            return Money(_to_minor(major, currency), currency)
    return Money(0, currency)


def _currency(value: Any, default: str) -> str:
    code = value.strip().upper() if isinstance(value, str) else ""
    return code if _CURRENCY.fullmatch(code) else default


def _decimal(value: Any) -> Decimal | None:
    """The number as it was written: 19.99 is 19.99, not the binary fraction next to it. Text of a number is one too."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(value if isinstance(value, str) else repr(value))
    except (InvalidOperation, ValueError):  # ValueError: a whole number of thousands of digits
        return None
    return number if number.is_finite() and number.adjusted() < 18 else None


def _to_minor(major: Decimal, currency: str) -> int:
    minor = int(major.scaleb(exponent(currency)).to_integral_value(ROUND_HALF_UP))
    return minor if abs(minor) <= _LIMIT else 0
