"""`send_time`: at which hours of their day people answer messages, over everyone: what `best_time` begins with."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, FiniteFloat, model_validator

from schemas.definitions.base import Body, register

DEFAULT: Final = "default"  # the id of the one that counts
Share = Annotated[FiniteFloat, Field(ge=0, strict=False)]


@register
class SendTime(Body):
    """`send_time`, id `default`: of 100 opens and clicks so many come in each local hour, from midnight on.

    `strength`: so many answers of a contact's own count as much as everyone's. The role `analysis` publishes it where
    a journey has a `best_time`, unless a person did (`method` is `hand`).
    """

    KIND: ClassVar[str] = "send_time"
    kind: Literal["send_time"]
    id: Literal["default"]
    hours: tuple[Share, ...] = Field(min_length=24, max_length=24)
    strength: float = Field(8, gt=0, le=1000, strict=False)
    method: Literal["learned", "hand"] = "hand"
    answers: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _says_something(self) -> SendTime:
        if not sum(self.hours):
            raise ValueError("hours: at least one must be above zero")
        return self
