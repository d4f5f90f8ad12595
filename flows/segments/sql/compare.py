"""The operators of LANGUAGE.md, "Comparisons", as SQL over the raw text of a JSON value (see `prelude`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import TYPE_CHECKING, Final

from schemas.definitions.condition_tree import Comparison, Scalar, Where
from schemas.moments import read_moment
from schemas.records import JSON
from schemas.times import to_ms

if TYPE_CHECKING:
    from flows.segments.sql.compiler import Compiler

_NEGATED: Final = {"ne": "eq", "not_in": "in", "not_contains": "contains", "missing": "exists"}
_ORDER: Final = {"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def passes(c: Compiler, test: Comparison, raw: str) -> str:
    """Whether the JSON value `raw` passes the test; false for a missing one, unless the operator is a negation."""
    op = _NEGATED.get(test.op, test.op)
    sql = f"({_OPERATORS[op](c, test, raw)})"
    return sql if op == test.op else f"NOT {sql}"


def number_passes(
    c: Compiler, test: Comparison, number: str, known: str = "1", constant: Callable[[JSON], str] | None = None
) -> str:
    """The same of a number that SQL computed.

    `known` says whether there is one; `constant` writes what it is compared with, by default as a number of its type.
    """
    op, write = _NEGATED.get(test.op, test.op), constant or c.params.number
    match op:
        case "exists":
            sql = known
        case "between":
            low, high = map(write, _many(test))
            sql = f"{known} AND {number} >= {low} AND {number} <= {high}"
        case "in":
            sql = f"{known} AND ({' OR '.join(f'{number} = {write(value)}' for value in _many(test))})"
        case _:
            sql = f"{known} AND {number} {_ORDER[op]} {write(test.value)}"
    sql = sql.removeprefix("1 AND ")
    return f"({sql})" if op == test.op else f"NOT ({sql})"


def where_passes(c: Compiler, where: Where) -> str:
    """Whether all property tests hold for a row of `facts`; empty where there is none."""
    return " AND ".join(passes(c, test.comparison, c.property(test.property)) for test in where)


def equals(c: Compiler, raw: str, value: Scalar) -> str:
    """Equal and of the same JSON type."""
    if isinstance(value, bool):
        return f"{raw} = '{str(value).lower()}'"
    if isinstance(value, str):
        return f"is_text({raw}) AND text({raw}) = {c.params.text(value)}"
    return f"equal_to({raw}, {c.params.number(value)})"


def _many(test: Comparison) -> tuple[Scalar, ...]:
    assert isinstance(test.value, tuple)
    return test.value


def _scalar(test: Comparison) -> Scalar:
    assert test.value is not None
    assert not isinstance(test.value, tuple)
    return test.value


def _exists(c: Compiler, test: Comparison, raw: str) -> str:
    return f"is_there({raw})"


def _eq(c: Compiler, test: Comparison, raw: str) -> str:
    return equals(c, raw, _scalar(test))


def _in(c: Compiler, test: Comparison, raw: str) -> str:
    return " OR ".join(f"({equals(c, raw, value)})" for value in _many(test))


def _gt(c: Compiler, test: Comparison, raw: str) -> str:
    return f"above({raw}, {c.params.number(test.value)})"


def _gte(c: Compiler, test: Comparison, raw: str) -> str:
    return f"is_number({raw}) AND NOT below({raw}, {c.params.number(test.value)})"


def _lt(c: Compiler, test: Comparison, raw: str) -> str:
    return f"below({raw}, {c.params.number(test.value)})"


def _lte(c: Compiler, test: Comparison, raw: str) -> str:
    return f"is_number({raw}) AND NOT above({raw}, {c.params.number(test.value)})"


def _between(c: Compiler, test: Comparison, raw: str) -> str:
    low, high = (c.params.number(v) for v in _many(test))
    return f"is_number({raw}) AND NOT below({raw}, {low}) AND NOT above({raw}, {high})"


def _contains(c: Compiler, test: Comparison, raw: str) -> str:
    value = _scalar(test)
    if test.ignore_case and isinstance(value, str):
        element = f"is_text(x) AND lowerUTF8(text(x)) = lowerUTF8({c.params.text(value)})"
    else:
        element = equals(c, "x", value)
    in_list = f"is_list({raw}) AND arrayExists(x -> {element}, JSONExtractArrayRaw({raw}))"
    if not isinstance(value, str):
        return in_list
    return f"({_in_text(c, test, raw, 'position({0}, {1}) > 0')}) OR ({in_list})"


def _starts_with(c: Compiler, test: Comparison, raw: str) -> str:
    return _in_text(c, test, raw, "startsWith({0}, {1})")


def _ends_with(c: Compiler, test: Comparison, raw: str) -> str:
    return _in_text(c, test, raw, "endsWith({0}, {1})")


def _in_text(c: Compiler, test: Comparison, raw: str, sql: str) -> str:
    value = c.params.text(str(test.value))
    both = (f"lowerUTF8(text({raw}))", f"lowerUTF8({value})") if test.ignore_case else (f"text({raw})", value)
    return f"is_text({raw}) AND {sql.format(*both)}"


def _matches(c: Compiler, test: Comparison, raw: str) -> str:
    pattern = f"{'(?i)' if test.ignore_case else ''}(?-s){test.value}"  # ClickHouse's `.` would match a line's end
    return f"is_text({raw}) AND match(text({raw}), {c.params.text(pattern)})"


def _before(c: Compiler, test: Comparison, raw: str) -> str:
    return f"arrayExists(ms -> ms < {_instant(c, str(test.value))}, {c.moments(raw)})"


def _after(c: Compiler, test: Comparison, raw: str) -> str:
    return f"arrayExists(ms -> ms > {_instant(c, str(test.value))}, {c.moments(raw)})"


def _instant(c: Compiler, text: str) -> str:
    """The instant that a condition names: where it names no offset, the contact's zone decides."""
    moment = read_moment(text)
    assert moment is not None, f"{text!r} was validated"
    if moment.tzinfo is None:
        return f"from_local({c.params.ms(to_ms(moment.replace(tzinfo=UTC)))}, {c.zone()})"
    return c.params.ms(to_ms(moment))


def _within_last(c: Compiler, test: Comparison, raw: str) -> str:
    since = f"{{at:Int64}} - {c.params.ms(_ms(test))}"
    return f"arrayExists(ms -> ms > {since} AND ms <= {{at:Int64}}, {c.moments(raw)})"


def _within_next(c: Compiler, test: Comparison, raw: str) -> str:
    until = f"{{at:Int64}} + {c.params.ms(_ms(test))}"
    return f"arrayExists(ms -> ms > {{at:Int64}} AND ms <= {until}, {c.moments(raw)})"


def _ms(test: Comparison) -> int:
    assert isinstance(test.value, int)
    return test.value


def _anniversary(c: Compiler, test: Comparison, raw: str) -> str:
    today = f"whole_days(to_local({{at:Int64}}, {c.zone()})) - {c.params.ms(test.offset_days)}"
    return f"hasAny({c.month_days(raw)}, anniversaries({today}))"


_OPERATORS: Final[dict[str, Callable[[Compiler, Comparison, str], str]]] = {
    "exists": _exists,
    "eq": _eq,
    "in": _in,
    "gt": _gt,
    "gte": _gte,
    "lt": _lt,
    "lte": _lte,
    "between": _between,
    "contains": _contains,
    "starts_with": _starts_with,
    "ends_with": _ends_with,
    "matches": _matches,
    "before": _before,
    "after": _after,
    "within_last": _within_last,
    "within_next": _within_next,
    "anniversary": _anniversary,
}
