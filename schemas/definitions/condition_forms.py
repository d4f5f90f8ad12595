"""What the leaves of the condition language are made of, as a person writes it: comparisons, event names, windows."""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any, Final, Literal, TypeAlias

import re2
from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator
from pydantic.json_schema import WithJsonSchema

from schemas.definitions import condition_tree as tree
from schemas.definitions.base import Strict
from schemas.moments import read_moment
from schemas.times import DAY, parse_duration, parse_instant

JOURNEY: Final = "journey"  # in the context of a validation: whether `entry` and `"within": "run"` may stand

Path = Annotated[str, StringConstraints(min_length=1, max_length=200)]
NumberOp: TypeAlias = Literal["eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "between"]
MaybeNumberOp: TypeAlias = Literal["eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "between", "exists", "missing"]
Op: TypeAlias = Literal[
    "eq",
    "ne",
    "in",
    "not_in",
    "gt",
    "gte",
    "lt",
    "lte",
    "between",
    "exists",
    "missing",
    "contains",
    "not_contains",
    "starts_with",
    "ends_with",
    "matches",
    "before",
    "after",
    "within_last",
    "within_next",
    "anniversary",
]
IGNORE_CASE_OPS: Final = ("contains", "not_contains", "starts_with", "ends_with", "matches")
RELATIVE_OPS: Final = ("within_last", "within_next", "anniversary")  # true or false by the passing of time alone

_QUIET: Final = re2.Options()
_QUIET.log_errors = False


class Form(Strict):
    """A part of a condition. Fields go by the names that people write, and by no other."""

    model_config = ConfigDict(populate_by_name=False)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _is_scalar(value: object) -> bool:
    return isinstance(value, str | bool) or _is_number(value)


def value_fault(op: str, value: Any) -> str:
    """What is wrong with an operator's value; empty where it fits."""
    match op:
        case "exists" | "missing" | "anniversary":
            return "" if value is None else f"{op} takes no value"
        case "gt" | "gte" | "lt" | "lte":
            return "" if _is_number(value) else f"{op} compares with a number"
        case "between":
            if not (isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))):
                return "between takes two numbers, as in [10, 20]; both ends count"
            return "" if value[0] <= value[1] else "between takes the smaller number first"
        case "in" | "not_in":
            fits = isinstance(value, list) and value and all(map(_is_scalar, value))
            return "" if fits else f'{op} takes a list of strings, numbers or booleans, as in ["a", "b"]'
        case "starts_with" | "ends_with":
            return "" if isinstance(value, str) else f"{op} compares with a string"
        case "matches":
            return _pattern_fault(value)
        case "before" | "after":
            fits = read_moment(value) is not None
            return "" if fits else f"{op} takes an instant, as in 2026-01-31T09:00:00Z or 2026-01-31"
        case "within_last" | "within_next":
            return _duration_fault(op, value)
        case _:
            return "" if _is_scalar(value) else f"{op} compares with a string, a number or a boolean"


def _pattern_fault(value: Any) -> str:
    if not isinstance(value, str):
        return "matches takes a pattern as a string (RE2)"
    try:
        re2.compile(value, _QUIET)  # type: ignore[no-untyped-call]
    except re2.error as e:
        reason = e.args[0]
        return f"RE2 refuses this pattern: {reason.decode() if isinstance(reason, bytes) else reason}"
    return ""


def _duration_fault(op: str, value: Any) -> str:
    try:
        longer = isinstance(value, str) and parse_duration(value) > 0
    except ValueError as e:
        return str(e)
    return "" if longer else f'{op} takes a duration, as in "30d"'


class Compared(Form):
    """An operator, its value and its options: what `trait`, `where`, `has` and `entry` ask."""

    op: Op
    value: Any = Field(default=None, validate_default=True)
    ignore_case: bool = False
    offset: str | None = None

    @field_validator("value")
    @classmethod
    def _fits_its_operator(cls, value: Any, info: ValidationInfo) -> Any:
        fault = value_fault(info.data["op"], value) if "op" in info.data else ""
        if fault:
            raise ValueError(fault)
        return value

    @field_validator("ignore_case")
    @classmethod
    def _is_for_strings(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("op", "matches") not in IGNORE_CASE_OPS:
            raise ValueError(f"ignore_case is for {', '.join(IGNORE_CASE_OPS)}")
        return value

    @field_validator("offset")
    @classmethod
    def _is_whole_days(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None:
            if info.data.get("op", "anniversary") != "anniversary":
                raise ValueError("offset is for anniversary")
            if parse_duration(value) % DAY or abs(parse_duration(value)) > 365 * DAY:
                raise ValueError(f"{value!r} must be whole days, at most 365, as in -3d")
        return value

    def comparison(self) -> tree.Comparison:
        """The operator with its value in the form that `Comparison` names."""
        value = self.value
        if isinstance(value, list):
            value = tuple(value)
        elif self.op in ("within_last", "within_next"):
            value = parse_duration(value)
        offset_days = parse_duration(self.offset) // DAY if self.offset else 0
        return tree.Comparison(self.op, value, self.ignore_case, offset_days)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


class Number(Form):
    """A comparison of what is a number or missing."""

    op: MaybeNumberOp
    value: Any = Field(default=None, validate_default=True)

    @field_validator("value")
    @classmethod
    def _is_number(cls, value: Any, info: ValidationInfo) -> Any:
        op = info.data.get("op")
        if op is None or (value is None and op in ("exists", "missing")):
            return value
        if fault := value_fault(op, value):
            raise ValueError(fault)
        if not all(map(_is_number, _listed(value))):
            raise ValueError(f"{op} takes numbers here")
        return value

    def comparison(self) -> tree.Comparison:
        """The operator and its number or numbers."""
        return tree.Comparison(self.op, tuple(self.value) if isinstance(self.value, list) else self.value)


class Count(Number):
    """A comparison of a number of events."""

    op: NumberOp

    @field_validator("value")
    @classmethod
    def _is_whole(cls, value: Any, info: ValidationInfo) -> Any:
        if "op" in info.data and not all(isinstance(v, int) and v >= 0 for v in _listed(value)):
            raise ValueError("events are counted in whole numbers from 0 on")
        return value


class Aggregate(Number):
    """A comparison of what the values of a property come to."""

    property: Path


class PropertyIs(Compared):
    """An element of `where` or `has`."""

    property: Path

    def read(self) -> tree.PropertyIs:
        """Its struct."""
        return tree.PropertyIs(self.property, self.comparison())


Properties: TypeAlias = tuple[PropertyIs, ...]


def _event_name(value: Any) -> Any:
    text = value.get("starts_with") if isinstance(value, dict) and len(value) == 1 else value
    if not isinstance(text, str) or not text:
        raise ValueError('an event\'s name, or {"starts_with": "…"}')
    return value


def _within(value: Any, info: ValidationInfo) -> Any:
    if value == "run":
        if not (info.context or {}).get(JOURNEY):
            raise ValueError('"run" is for conditions of a journey')
    elif isinstance(value, dict):
        if value.keys() != {"from", "to"} or not all(isinstance(v, str) for v in value.values()):
            raise ValueError('a window with two ends is {"from": "60d", "to": "30d"}')
        if not parse_duration(value["from"]) > parse_duration(value["to"]) >= 0:
            raise ValueError("from must be longer than to, and to not below 0")
    elif fault := _duration_fault("within", value):
        raise ValueError(fault)
    return value


def _between(value: Any) -> Any:
    if not (isinstance(value, list) and len(value) == 2 and all(isinstance(v, str) for v in value)):
        raise ValueError("two instants, as in [2026-01-01T00:00:00Z, 2026-02-01T00:00:00Z]")
    if parse_instant(value[0]) >= parse_instant(value[1]):
        raise ValueError("the first instant must be before the second")
    return value


_NAME_SCHEMA: Final = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "object",
            "properties": {"starts_with": {"type": "string", "minLength": 1}},
            "required": ["starts_with"],
            "additionalProperties": False,
        },
    ]
}
EventName = Annotated[Any, AfterValidator(_event_name), WithJsonSchema(_NAME_SCHEMA)]


def read_event_name(value: Any) -> tree.EventName:
    """The struct of an event's name as it was validated."""
    return tree.EventName(value["starts_with"], True) if isinstance(value, dict) else tree.EventName(value)


def read_where(where: Properties) -> tree.Where:
    """The structs of a `where` or `has`."""
    return tuple(p.read() for p in where)


_TEXT: Final = {"type": "string"}
_WITHIN_SCHEMA: Final = {
    "anyOf": [
        {"type": "string", "description": 'a duration, as in "30d"; in journeys also "run"'},
        {
            "type": "object",
            "properties": {"from": _TEXT, "to": _TEXT},
            "required": ["from", "to"],
            "additionalProperties": False,
        },
    ]
}
_BETWEEN_SCHEMA: Final = {"type": "array", "items": _TEXT, "minItems": 2, "maxItems": 2}


class Windowed(Form):
    """What may carry a window: `within` or `between`; with neither, ever."""

    within: Annotated[Any, AfterValidator(_within), WithJsonSchema(_WITHIN_SCHEMA)] = None
    between: Annotated[Any, AfterValidator(_between), WithJsonSchema(_BETWEEN_SCHEMA)] = None

    @field_validator("between")
    @classmethod
    def _is_the_only_one(cls, value: Any, info: ValidationInfo) -> Any:
        if info.data.get("within") is not None:
            raise ValueError("give within or between, not both")
        return value

    def window(self) -> tree.Window:
        """The window, in ms."""
        if self.between is not None:
            return tree.Between(*map(parse_instant, self.between))
        if self.within is None:
            return tree.Ever()
        if self.within == "run":
            return tree.SinceEntry()
        if isinstance(self.within, dict):
            return tree.Sliding(parse_duration(self.within["from"]), parse_duration(self.within["to"]))
        return tree.Sliding(parse_duration(self.within))
