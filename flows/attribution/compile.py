"""Attribution models, compiled: which facts are touches, which events are conversions, how far back a touch counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from flows.definitions.catalogue import Published
from schemas.definitions import base
from schemas.definitions.simple import AttributionModel as Definition
from schemas.times import parse_duration

Rule = Literal["last_touch", "first_touch", "linear"]


@dataclass(frozen=True, slots=True)
class AttributionModel:
    """One model. A touch counts for a conversion at t when its `at` is in (t - window, t]."""

    id: str
    version: int
    rule: Rule
    window: int
    touches: frozenset[str]
    conversions: frozenset[str]


_DEFAULT: Final = Published("attribution_model", "last_touch", 0, {"kind": "attribution_model", "id": "last_touch"}, -1)


def compile_attribution(published: Sequence[Published]) -> tuple[AttributionModel, ...]:
    """The compiled models, by id; `last_touch` over 30 days (version 0) where none is published."""
    return tuple(_compile(p) for p in published or [_DEFAULT])


def _compile(published: Published) -> AttributionModel:
    body = base.parse(published.body)
    assert isinstance(body, Definition)
    return AttributionModel(
        id=published.id,
        version=published.version,
        rule=body.model,
        window=parse_duration(body.window),
        touches=frozenset(body.touches),
        conversions=frozenset(body.conversions),
    )
