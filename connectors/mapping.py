"""`schemas.definitions.mapping`, compiled: a rule is a function from a record to the call of Segment's spec it makes.

Pure. A record is whatever JSON decodes to. What a rule cannot make sense of raises UnreadableRecord, whose message
begins with the path in the record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from math import isfinite
from typing import Any, Final, assert_never
from zoneinfo import ZoneInfo

import msgspec

from flows.attribution.money import exponent
from flows.contact.view import MISSING
from schemas.definitions.mapping import Rule, Target, Test, Value, When
from schemas.errors import UnreadableRecord
from schemas.records import JSON
from schemas.times import DAY, HOUR, MINUTE, SECOND, parse_instant, to_ms

Get = Callable[[Mapping[str, Any]], Any]  # the value in a record, or MISSING
Call = dict[str, JSON]

_UNITS: Final = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_FIELDS: Final = {  # of a Target, as Segment's spec calls them
    "user": "userId",
    "anonymous": "anonymousId",
    "previous": "previousId",
    "group": "groupId",
    "name": "name",
    "id": "messageId",
}
_BOOLEANS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_AS_WHOLE: Final = ("identify", "group")  # whose fields are traits


def compile_rule(rule: Rule) -> Callable[[Mapping[str, Any]], Call | None]:
    """The call that a record makes by this rule; None where a test of its `when` does not hold."""
    tests = [compile_test(test) for test in rule.when]
    make = _compile_target(rule.to)

    def apply(record: Mapping[str, Any]) -> Call | None:
        return make(record) if all(test(record) for test in tests) else None

    return apply


# Paths


def compile_path(path: str) -> Get:
    """What stands at a dotted path, or under a key that is the whole path; MISSING where nothing does."""
    keys = path.split(".")
    return partial(_at_key, path) if len(keys) == 1 else partial(_at_path, path, keys)


def _at_key(key: str, record: Mapping[str, Any]) -> Any:
    return record.get(key, MISSING)


def _at_path(path: str, keys: list[str], record: Mapping[str, Any]) -> Any:
    if path in record:
        return record[path]
    value: Any = record
    for key in keys:
        if not isinstance(value, Mapping) or key not in value:
            return MISSING
        value = value[key]
    return value


# Tests


def compile_test(test: Test) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a record passes."""
    get = compile_path(test.field)
    match test.op:
        case "exists":
            return lambda record: get(record) not in (MISSING, None)
        case "missing":
            return lambda record: get(record) in (MISSING, None)
        case "changed":
            return _compile_changed(test.field, get)
        case "ne":
            return lambda record: not _is_equal(get(record), test.value)
        case "not_in":
            return lambda record: not any(_is_equal(get(record), value) for value in test.value)
        case "eq":
            return lambda record: _is_equal(get(record), test.value)
        case "in":
            return lambda record: any(_is_equal(get(record), value) for value in test.value)
        case "gt" | "gte" | "lt" | "lte" | "starts_with":
            compare = _COMPARISONS[test.op]
            kinds: tuple[type, ...] = (str,) if test.op == "starts_with" else (int, float)
            return lambda record: (
                _is(get(record), kinds) and _is(test.value, kinds) and compare(get(record), test.value)
            )
    assert_never(test.op)


_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
    "starts_with": str.startswith,
}


def _is(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def _is_equal(value: Any, other: Any) -> bool:
    """As JSON has it: 1 and 1.0 are equal, 1 and true are not."""
    return isinstance(value, bool) == isinstance(other, bool) and bool(value == other)


def _compile_changed(field: str, get: Get) -> Callable[[Mapping[str, Any]], bool]:
    """A field of `data` that was made with its record, or whose value before (`previous`) is known and another one."""
    before = compile_path("previous." + field.removeprefix("data."))

    def is_changed(record: Mapping[str, Any]) -> bool:
        if record.get("op") == "created":
            return get(record) is not MISSING
        was = before(record)
        return was is not MISSING and not _is_equal(get(record), was)

    return is_changed


# Values


def compile_value(source: str | Value, written_out: bool = False) -> Get:
    """A value of a record. A plain string is a path, or the value itself where it is `written_out`."""
    if isinstance(source, str):
        return (lambda record: source) if written_out else compile_path(source)
    if source.source is None:
        return lambda record: source.const
    paths = (source.source,) if isinstance(source.source, str) else source.source
    steps = [step for step in (_names(source), _form(source, paths[0])) if step is not None]
    found = _first([compile_path(path) for path in paths], source.missing)
    if source.money is not None:
        return _compile_money(found, source.money, paths[0], source.times)
    return found if not steps else partial(_through, found, steps)


def _first(gets: list[Get], missing: tuple[Any, ...]) -> Get:
    if len(gets) == 1 and not missing:
        return gets[0]

    def get(record: Mapping[str, Any]) -> Any:
        for each in gets:
            value = each(record)
            if value is not MISSING and not any(_is_equal(value, nothing) for nothing in missing):
                return value
        return MISSING

    return get


def _through(found: Get, steps: list[Callable[[Any], Any]], record: Mapping[str, Any]) -> Any:
    value = found(record)
    for step in steps:
        if value is MISSING or value is None:
            return value
        value = step(value)
    return value


def _names(value: Value) -> Callable[[Any], Any] | None:
    names = value.names
    if not names:
        return None
    return lambda found: names.get(found if isinstance(found, str) else msgspec.json.encode(found).decode(), found)


def _form(value: Value, path: str) -> Callable[[Any], Any] | None:
    return None if value.form is None else partial(_convert, value.form, path)


def _convert(form: str, path: str, value: Any) -> Any:
    try:
        match form:
            case "text":
                return value if isinstance(value, str) else msgspec.json.encode(value).decode()
            case "integer":
                return _whole(_decimal(value))
            case "number":
                return value if _is(value, (int, float)) else _number(str(value))
            case _:
                return _BOOLEANS[str(value).lower()]
    except (ArithmeticError, ValueError, KeyError):
        raise UnreadableRecord(f"{path}: {value!r:.60} is no {form}") from None


def _decimal(value: Any) -> Decimal:
    """The number as it was written, below 10^18; ValueError or ArithmeticError for anything else."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise ValueError
    number = Decimal(value if isinstance(value, str) else repr(value))
    if not number.is_finite() or number.adjusted() >= 18:  # also keeps int() from writing out 1e999999999
        raise ValueError
    return number


def _whole(number: Decimal) -> int:
    if number != number.to_integral_value():
        raise ValueError
    return int(number)


def _number(text: str) -> int | float:
    number = float(text)
    if not isfinite(number):
        raise ValueError
    return int(text) if text.strip().lstrip("+-").isdecimal() else number


def _compile_money(amount: Get, money: str, path: str, times: str | None) -> Get:
    """Major units, so many times, as whole minor ones. `money` is a currency, or where it stands."""
    quantity = None if times is None else compile_path(times)
    is_code = len(money) == 3 and money.isascii() and money.isupper()
    currency: Get = (lambda record: money) if is_code else compile_path(money)

    def get(record: Mapping[str, Any]) -> Any:
        value, code = amount(record), currency(record)
        if value is MISSING or value is None:
            return value
        if not isinstance(code, str) or len(code) != 3:
            raise UnreadableRecord(
                f"{money}: {'is missing' if code is MISSING else repr(code)}; {path} needs a currency"
            )
        try:
            total = _decimal(value) * (1 if quantity is None else _decimal(quantity(record)))
            return int(total.scaleb(exponent(code.upper())).to_integral_value(ROUND_HALF_UP))
        except (ArithmeticError, ValueError):
            by = "" if quantity is None else f" times {quantity(record)!r:.60}"
            raise UnreadableRecord(f"{path}: {value!r:.60}{by} is no amount of money") from None

    return get


# Instants


def _compile_instant(at: str | When) -> Get:
    """ISO 8601 and numbers are left to `segment_spec.read_event`; the rest becomes ms since 1970 here."""
    if isinstance(at, str):
        return compile_path(at)
    get, path = compile_path(at.source), at.source
    if at.format is not None:
        return partial(_in_format, get, path, at.format, ZoneInfo(at.timezone))
    if at.model_fields_set & {"unit", "since"}:
        return partial(_since, get, path, parse_instant(at.since), _UNITS[at.unit])
    return get


def _in_format(get: Get, path: str, format: str, zone: ZoneInfo, record: Mapping[str, Any]) -> Any:
    value = get(record)
    if value is MISSING or value is None:
        return value
    try:
        moment = datetime.strptime(str(value), format)  # noqa: DTZ007 - its zone is set below
    except ValueError:
        raise UnreadableRecord(f"{path}: {value!r:.60} is no instant in the format {format}") from None
    return to_ms(moment if moment.tzinfo is not None else moment.replace(tzinfo=zone))


def _since(get: Get, path: str, start: int, unit: int, record: Mapping[str, Any]) -> Any:
    value = get(record)
    if value is MISSING or value is None:
        return value
    try:
        return start + int(_decimal(value) * unit)
    except (ArithmeticError, ValueError):
        raise UnreadableRecord(f"{path}: {value!r:.60} is no number") from None


# Calls


def _compile_target(target: Target) -> Callable[[Mapping[str, Any]], Call]:
    fields: list[tuple[str, Get]] = [
        (spec, compile_value(source)) for name, spec in _FIELDS.items() if (source := getattr(target, name)) is not None
    ]
    if target.event is not None:
        fields.append(("event", compile_value(target.event, written_out=True)))
    if target.at is not None:
        fields.append(("timestamp", _compile_instant(target.at)))
    spread = None if target.spread is None else compile_path(target.spread)
    traits = [(name, compile_value(source)) for name, source in target.traits.items()]
    properties = [(name, compile_value(source)) for name, source in target.properties.items()]
    spread_into, omit = "traits" if target.type in _AS_WHOLE else "properties", frozenset(target.omit)

    def make(record: Mapping[str, Any]) -> Call:
        call: Call = {"type": target.type, "traits": _some(traits, record), "properties": _some(properties, record)}
        whole = spread(record) if spread is not None else None
        if isinstance(whole, Mapping):
            call[spread_into] = {k: v for k, v in whole.items() if k not in omit} | call[spread_into]
        return call | _some(fields, record)

    return make


def _some(gets: list[tuple[str, Get]], record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, get in gets if (value := get(record)) is not MISSING}
