"""`segment`: who belongs, by a condition or by hand."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import msgspec
from pydantic import ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from schemas.definitions.base import Body, register, violations_of
from schemas.definitions.conditions import SegmentCondition, parse_condition
from schemas.errors import InvalidInput, Violation


@register
class Segment(Body):
    """Those for whom `where` holds; or, `static`, those who were added by API, file or action.

    `crm`: whoever enters or leaves is told to the CRM, as a command on `crm_commands`.
    """

    KIND: ClassVar[str] = "segment"
    kind: Literal["segment"]
    where: SegmentCondition | None = None
    static: bool = False
    crm: bool = False

    @model_validator(mode="after")
    def _says_who(self) -> Segment:
        if self.static == (self.where is not None):
            raise ValueError('a segment has either a condition, "where", or "static": true')
        return self

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """As pydantic's own, whose parser stops at 200 levels: a condition may be deeper, and is read apart."""
        body = msgspec.json.decode(json_data)
        where = body.get("where") if isinstance(body, dict) else None
        if where is None:
            return super().model_validate_json(json_data, **options)
        faults: list[Violation] = []
        try:
            parse_condition(where)
        except InvalidInput as e:
            faults += e.violations
        try:
            rest = msgspec.json.encode({**body, "where": {"everyone": True}})
            valid = super().model_validate_json(rest, **options)
        except ValidationError as e:
            faults += violations_of(e)
        if faults:
            raise ValidationError.from_exception_data("Segment", [_detail(fault) for fault in faults])
        return valid.model_copy(update={"where": where})


def _detail(fault: Violation) -> InitErrorDetails:
    told = PydanticCustomError("fault", "{message}", {"message": fault.message})
    return InitErrorDetails(type=told, loc=tuple(fault.path.split(".")) if fault.path else (), input=None)
