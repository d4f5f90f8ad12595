"""What the nodes of a journey share: a base, small types, and telling the forms of a union apart by a field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from pydantic import AfterValidator, BaseModel, Field, ValidationError
from pydantic.json_schema import WithJsonSchema
from pydantic_core import InitErrorDetails, PydanticCustomError

from schemas.definitions.base import Id, Strict
from schemas.definitions.condition_forms import EventName, PropertyIs
from schemas.definitions.conditions import IN_JOURNEY, check_condition
from schemas.errors import Violation
from schemas.times import parse_duration

M = TypeVar("M", bound=BaseModel)


def _length(text: str) -> str:
    if parse_duration(text) < 0:
        raise ValueError(f"{text!r} lies in the past; a wait is 0s or longer")
    return text


def _shift(text: str) -> str:
    parse_duration(text)
    return text


def invalid(faults: Iterable[Violation]) -> ValidationError:
    """Faults as pydantic carries them, so that they come out together with its own."""
    details = [
        InitErrorDetails(
            type=PydanticCustomError("fault", "{message}", {"message": fault.message}),
            loc=(fault.path,) if fault.path else (),
            input=None,
        )
        for fault in faults
    ]
    return ValidationError.from_exception_data("journey", details)


Length = Annotated[str, AfterValidator(_length)]  # a duration of zero or more
Shift = Annotated[str, AfterValidator(_shift)]  # a duration, `-3d` for before
EntryPath = Annotated[str, Field(pattern=r"^(properties|traits|context)\..+$")]  # a path in the event that opened a run
_SCHEMA: Final = WithJsonSchema({"$comment": IN_JOURNEY})
JourneyCondition = Annotated[Any, AfterValidator(partial(check_condition, scope="journey")), _SCHEMA]  # as JSON
# One in which events count since the run's entry.
RunCondition = Annotated[Any, AfterValidator(partial(check_condition, scope="run")), _SCHEMA]


class EventMatch(Strict):
    """An event by its name, `where` asking its properties."""

    event: EventName
    where: tuple[PropertyIs, ...] = ()


class Node(Strict):
    """A node. `name` is for people."""

    id: Id
    name: str = ""

    def branches(self) -> tuple[str, ...]:
        """The branches that may be taken, each of which needs an edge ("" is the edge without a branch)."""
        return ("",)

    def optional(self) -> tuple[str, ...]:
        """The branches that are taken only where they have an edge."""
        return ()


def by_field(raw: Any, forms: Mapping[str, type[M]]) -> M:
    """The one form whose field is there; ValidationError says which there are."""
    given = [field for field in forms if isinstance(raw, dict) and field in raw]
    if len(given) != 1:
        found = f"; both {' and '.join(given)} are given" if given else ""
        raise invalid([Violation("", f"give one of {', '.join(forms)}{found}")])
    return read(raw, forms[given[0]])


def by_value(raw: Any, field: Literal["type", "do"], forms: Mapping[str, type[M]]) -> M:
    """The form that the field's value names; ValidationError says which there are."""
    value = raw.get(field) if isinstance(raw, dict) else None
    form = forms.get(value) if isinstance(value, str) else None
    if form is None:
        raise invalid([Violation(field, f"{value!r} is none of {', '.join(forms)}")])
    return read(raw, form)


def read(raw: Any, form: type[M]) -> M:
    """The model of a decoded JSON value: as JSON, so that its lists may be tuples."""
    return form.model_validate_json(msgspec.json.encode(raw))
