"""What the events in a window come to: count, sum, avg, min, max, distinct (LANGUAGE, "Leaves": performed)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from hashlib import blake2b
from typing import Any, Final, TypeAlias

import msgspec

from flows.contact.view import MISSING
from flows.segments.compare import is_number
from flows.segments.exact import exact, plain, total
from schemas.definitions.conditions import Comparison

Row: TypeAlias = list[Any]  # [at, value, …], in the order of `at`
Test: TypeAlias = Callable[[Any], bool]

_TESTS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": lambda n, v: n == v,
    "ne": lambda n, v: n != v,
    "gt": lambda n, v: n > v,
    "gte": lambda n, v: n >= v,
    "lt": lambda n, v: n < v,
    "lte": lambda n, v: n <= v,
    "in": lambda n, v: n in v,
    "not_in": lambda n, v: n not in v,
    "between": lambda n, v: v[0] <= n <= v[1],
    "exists": lambda n, v: True,
    "missing": lambda n, v: False,
}
_TRUE_OF_MISSING: Final = frozenset({"ne", "not_in", "missing"})


def compile_number(comparison: Comparison, convert: Callable[[Any], Any] = lambda v: v) -> Test:
    """The test of a number that may be MISSING, against the comparison's own numbers as `convert` makes them."""
    test, of_missing, value = _TESTS[comparison.op], comparison.op in _TRUE_OF_MISSING, comparison.value
    wanted: Any = None
    if isinstance(value, tuple):
        wanted = tuple(map(convert, value))
    elif value is not None:
        wanted = convert(value)
    return lambda number: of_missing if number is MISSING else test(number, wanted)


def enough(count: Comparison) -> int:
    """The number from which on every larger one fits `count` alike: more events need not be kept."""
    value = count.value
    match count.op, value:
        case (("gte" | "lt"), int()):
            return max(value, 1)
        case (("gt" | "lte" | "eq" | "ne"), int()):
            return value + 1
        case (("between" | "in" | "not_in"), tuple()):
            return max(v for v in value if isinstance(v, int)) + 1
    raise AssertionError(f"{count} counts no events")


class Measure(ABC):
    """`read` makes a value of what a property holds, `of` the result of values, `collapse` fewer values that come to
    the same, also together with others."""

    bytes_each: int = 9
    limit: int = 1  # values that are left of a collapse, at most
    thinned: int | None = None  # rows that `thin` leaves, at most; None: all of them

    def __init__(self, comparison: Comparison):
        self.test = compile_number(comparison)

    @abstractmethod
    def read(self, found: Any) -> Any:
        """The value that is kept of a property; None where it is missing or of the wrong type."""

    @abstractmethod
    def of(self, values: Sequence[Any]) -> Any:
        """The result; MISSING where it is missing."""

    @abstractmethod
    def collapse(self, values: list[Any]) -> list[Any]:
        """As few values as come to the same."""

    def thin(self, rows: list[Row]) -> list[Row]:
        """The rows without those that later ones make superfluous for every window that ends now."""
        return rows


class Count(Measure):
    """How many."""

    def read(self, found: Any) -> Any:
        return 1

    def of(self, values: Sequence[Any]) -> Any:
        return len(values)

    def collapse(self, values: list[Any]) -> list[Any]:
        return values


class Sum(Measure):
    """Exact; 0 of nothing."""

    bytes_each = 24

    def __init__(self, comparison: Comparison):
        self.test = compile_number(comparison, exact)

    def read(self, found: Any) -> Any:
        return plain(found) if is_number(found) else None

    def of(self, values: Sequence[Any]) -> Any:
        return total(values)

    def collapse(self, values: list[Any]) -> list[Any]:
        return [plain(total(values))]


class Average(Measure):
    """Exact; missing of nothing. Values are pairs of a sum and how many it is of."""

    bytes_each = 34

    def __init__(self, comparison: Comparison):
        self.test = compile_number(comparison, lambda v: Fraction(exact(v)))

    def read(self, found: Any) -> Any:
        return [plain(found), 1] if is_number(found) else None

    def of(self, values: Sequence[Any]) -> Any:
        number = sum(n for _, n in values)
        return Fraction(total(value for value, _ in values)) / number if number else MISSING

    def collapse(self, values: list[Any]) -> list[Any]:
        return [[plain(total(value for value, _ in values)), sum(n for _, n in values)]]


class Extreme(Measure):
    """The least or the greatest; missing of nothing."""

    bytes_each = 24

    def __init__(self, comparison: Comparison, pick: Callable[..., Any]):
        self.test, self.pick = compile_number(comparison, exact), pick

    def read(self, found: Any) -> Any:
        return plain(found) if is_number(found) else None

    def of(self, values: Sequence[Any]) -> Any:
        return self.pick(map(exact, values)) if values else MISSING

    def collapse(self, values: list[Any]) -> list[Any]:
        return [self.pick(values, key=exact)]

    def thin(self, rows: list[Row]) -> list[Row]:
        kept: list[Row] = []
        for row in reversed(rows):
            value = exact(row[1])
            if not kept or ((best := exact(kept[-1][1])) != value and self.pick(best, value) == value):
                kept.append(row)
        return kept[::-1]


class Distinct(Measure):
    """How many different strings, numbers and booleans; values are their BLAKE2b-64, so that long ones cost no more."""

    def __init__(self, comparison: Comparison):
        self.test = compile_number(comparison)
        self.limit = self.thinned = _limit(comparison)

    def read(self, found: Any) -> Any:
        if isinstance(found, float) and found.is_integer():
            found = int(found)  # 10 and 10.0 are one number
        if not isinstance(found, str | int | float):
            return None
        return int.from_bytes(blake2b(msgspec.json.encode(found), digest_size=8).digest(), "big")

    def of(self, values: Sequence[Any]) -> Any:
        return len(set(values))

    def collapse(self, values: list[Any]) -> list[Any]:
        return sorted(set(values))[: self.limit]

    def thin(self, rows: list[Row]) -> list[Row]:
        latest = {row[1]: row for row in rows}
        return sorted(latest.values(), key=lambda row: row[0])[-self.limit :]


def _limit(comparison: Comparison) -> int:
    """As `enough`, for a comparison whose numbers need not be whole."""
    values = comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
    return max(0, *(int(v) for v in values if isinstance(v, int | float))) + 1 if values != (None,) else 1


def compile_measure(name: str, comparison: Comparison) -> Measure:
    """The measure by its name."""
    match name:
        case "count":
            return Count(comparison)
        case "sum":
            return Sum(comparison)
        case "avg":
            return Average(comparison)
        case "min":
            return Extreme(comparison, min)
        case "max":
            return Extreme(comparison, max)
        case "distinct":
            return Distinct(comparison)
    raise AssertionError(f"no measure is called {name!r}")


def as_json(result: Any) -> Any:
    """A result for people: a number, or None where it is missing."""
    if result is MISSING:
        return None
    return float(result) if isinstance(result, Fraction | Decimal) else result
