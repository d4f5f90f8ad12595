"""`holdout`: a share of everyone who gets no marketing, so that what marketing does can be measured against them."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from schemas.definitions.base import Body, register


@register
class Holdout(Body):
    """`holdout`: `share` percent of the contacts, by the hash of `salt` (the id where it is not given).

    `applies_to`: `journeys` of class marketing are not entered, marketing `sends` are skipped; transactional ones never
    care. With `period` others are drawn at the beginning of each, in the workspace's zone. A new `salt` draws anew.
    """

    KIND: ClassVar[str] = "holdout"
    kind: Literal["holdout"]
    share: float = Field(gt=0, le=100, strict=False)
    salt: str = Field("", max_length=200)
    applies_to: tuple[Literal["journeys", "sends"], ...] = Field(("journeys", "sends"), min_length=1)
    period: Literal["month", "quarter", "year"] | None = None
