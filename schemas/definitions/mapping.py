"""How a foreign record becomes events: the language that `crm_mapping` and the mapping files of `waxwing import` share.

A path is dotted (`data.address.city`); a key that holds the dots itself is found as well. What is a path and what is
written out: `type` and `event` are written out (or an object that says where to look), everything else is a path.

    {"when": [{"field": "data.stage", "op": "in", "value": ["closed_won"]}],
     "to": {"type": "track", "event": "deal_won", "user": "data.contact_id",
            "properties": {"deal_id": "id", "amount_minor": {"from": "data.amount", "money": "data.currency"}}}}
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag, model_validator

from schemas.definitions.base import Strict
from schemas.definitions.simple import Zone
from schemas.facts import OWN_FACTS, SEGMENT_CALLS
from schemas.times import parse_instant

Path = Annotated[str, StringConstraints(min_length=1, max_length=200)]


def _text_or(tag: str) -> Discriminator:
    """Tells a plain string from the longer form, so that a fault speaks of the one that was meant."""
    return Discriminator(lambda given: "text" if isinstance(given, str) else tag)


Paths = Annotated[Annotated[Path, Tag("text")] | Annotated[tuple[Path, ...], Tag("list")], _text_or("list")]
_WITHOUT_VALUE: Final = ("exists", "missing", "changed")
_WITH_LIST: Final = ("in", "not_in")


class Value(Strict):
    """One value. `from` names paths, of which the first that holds something counts; or `const` is the value itself.

    `missing` are values that stand for nothing; `names` replaces values by others, those that it does not name stand;
    `as` makes text of a file a number, say; `money` is a currency (three capitals) or the path of one, and makes an
    amount in major units a whole number of minor ones, after it was multiplied by what stands at `times` (a quantity).
    """

    source: Paths | None = Field(None, alias="from")
    const: Any = None
    missing: tuple[Any, ...] = ()
    names: dict[str, Any] = Field(default_factory=dict)
    form: Literal["text", "integer", "number", "boolean"] | None = Field(None, alias="as")
    money: Path | None = None
    times: Path | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        given = self.model_fields_set
        if ("source" in given) == ("const" in given):
            raise ValueError("give `from` or `const`, one of the two")
        if self.source == ():
            raise ValueError("`from` names no path")
        if self.money is not None and self.form is not None:
            raise ValueError("`money` makes a whole number; leave `as` out")
        if self.times is not None and self.money is None:
            raise ValueError("`times` multiplies an amount of `money`; say in which currency it is")
        return self


def _format(text: str) -> str:
    datetime(2026, 1, 31).strftime(text)  # noqa: DTZ001 - only to see whether it can be written
    if "%" not in text:
        raise ValueError(f"{text!r} is no format of a date; write one like %Y%m%d")
    return text


def _instant(text: str) -> str:
    parse_instant(text)
    return text


class When(Strict):
    """An instant: ISO 8601 or ms since 1970; in another `format` (as of strptime, in `timezone`); or units `since`."""

    source: Path = Field(alias="from")
    format: Annotated[str, AfterValidator(_format)] | None = None
    timezone: Zone = "UTC"
    unit: Literal["ms", "s", "m", "h", "d"] = "ms"
    since: Annotated[str, AfterValidator(_instant)] = "1970-01-01T00:00:00Z"

    @model_validator(mode="after")
    def _text_or_number(self) -> Self:
        if self.format is not None and self.model_fields_set & {"unit", "since"}:
            raise ValueError("`format` is for text, `unit` and `since` are for numbers; give one of the two")
        return self


class Test(Strict):
    """A comparison. With something missing or of another type it is false; `ne` and `not_in` negate. `changed` is for
    records of a CRM: the field was made, or differs from `previous`."""

    __test__ = False  # pytest: no test of its own

    field: Path
    op: Literal["eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "starts_with", "exists", "missing", "changed"]
    value: Any = None

    @model_validator(mode="after")
    def _fitting_value(self) -> Self:
        given = "value" in self.model_fields_set
        if given == (self.op in _WITHOUT_VALUE):
            raise ValueError(f"{self.op} takes {'no value' if given else 'a value'}")
        if self.op in _WITH_LIST and not isinstance(self.value, list | tuple):
            raise ValueError(f"{self.op} takes a list of values")
        return self


Source = Annotated[Annotated[Path, Tag("text")] | Annotated[Value, Tag("value")], _text_or("value")]
Named = Source  # of which a plain string is no path, but the name itself
Instant = Annotated[Annotated[Path, Tag("text")] | Annotated[When, Tag("when")], _text_or("when")]


class Target(Strict):
    """The event that is made. `spread` copies all fields of an object, without those in `omit`, before the named ones
    are set; a value that is missing is left out. `at` is the record's own time where there is one."""

    type: str
    event: Named | None = None
    user: Source | None = None
    anonymous: Source | None = None
    previous: Source | None = None
    group: Source | None = None
    name: Source | None = None
    id: Source | None = None
    at: Instant | None = None
    spread: Path | None = None
    omit: tuple[Path, ...] = ()
    traits: dict[Path, Source] = Field(default_factory=dict)
    properties: dict[Path, Source] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.type not in SEGMENT_CALLS | OWN_FACTS:
            raise ValueError(
                f"type {self.type!r} is none of {', '.join(sorted(SEGMENT_CALLS))}, nor a fact of Waxwing's"
            )
        if (self.type == "track") != (self.event is not None):
            raise ValueError("track needs `event`, and nothing else has it")
        if self.user is None and self.anonymous is None:
            raise ValueError("give `user` or `anonymous`: where the contact's id is")
        if (self.type == "group") != (self.group is not None):
            raise ValueError("group needs `group`, where the account's id is, and nothing else has it")
        return self


class Rule(Strict):
    """Where every test of `when` holds, the record makes the event `to`."""

    when: tuple[Test, ...] = ()
    to: Target
