"""`segment`: who belongs, by a condition or by hand."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import model_validator

from schemas.definitions.base import Body, register
from schemas.definitions.conditions import SegmentCondition


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
