"""A model version, compiled for the fold: a dot product and a sigmoid.

    score = 100 · σ(bias + Σ weightᵢ (xᵢ - meanᵢ) / scaleᵢ),  σ(z) = 1 / (1 + e⁻ᶻ)

That is River's StandardScaler | LogisticRegression, equal to its `predict_proba_one` to 1e-12.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp
from operator import mul, sub
from typing import Any, Final

from flows.definitions.catalogue import Published
from flows.scoring.features import NAMES
from schemas.definitions import base
from schemas.definitions.model import Model as Definition
from schemas.times import parse_duration

ENGAGEMENT: Final = "engagement"


@dataclass(frozen=True, slots=True)
class Model:
    """One version of a score. `weights` are per unit of the feature: the definition's weight over its scale."""

    id: str
    version: int
    mean: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    minimum_sends: int
    label_window: int
    key: str  # what segments and journeys listen to: score:<id>


def probability(model: Model, x: Sequence[float]) -> float:
    """How likely the contact is to open or click, 0 to 1."""
    z = model.bias + sum(map(mul, model.weights, map(sub, x, model.mean)))
    if z < 0:  # e^-z would overflow
        e = exp(z)
        return e / (1.0 + e)
    return 1.0 / (1.0 + exp(-z))


def score(model: Model, x: Sequence[float]) -> float:
    """The probability as people read it, 0 to 100."""
    return 100.0 * probability(model, x)


# What holds until a version is published, set by hand: one open lifts a new contact from 28 to 70, a click to 90;
# each send that nothing answers lowers it. The label window is three days.
_BY_HAND: Final[Mapping[str, float]] = {
    "opened": 0.5,
    "clicked": 0.6,
    "visited": 0.2,
    "open_rate": 2.0,
    "click_rate": 2.0,
    "open_recency": 0.8,
    "click_recency": 0.6,
    "visit_recency": 0.3,
    "order_recency": 0.3,
    "orders": 0.1,
    "unanswered": -0.5,
}
PRIOR: Final[Mapping[str, Any]] = {
    "kind": Definition.KIND,
    "id": ENGAGEMENT,
    "name": "Engagement, by hand",
    "mean": [0.0] * len(NAMES),
    "scale": [1.0] * len(NAMES),
    "weights": [_BY_HAND.get(name, 0.0) for name in NAMES],
    "bias": -1.0,
}


def compile_model(published: Published | None) -> Model:
    """The compiled version; version 0, set by hand, where none is published. InvalidInput for a body that is none."""
    if published is None:
        published = Published(Definition.KIND, ENGAGEMENT, 0, PRIOR, -1)
    body = base.parse(published.body)
    assert isinstance(body, Definition)
    return Model(
        id=published.id,
        version=published.version,
        mean=body.mean,
        weights=tuple(w / s for w, s in zip(body.weights, body.scale, strict=True)),
        bias=body.bias,
        minimum_sends=body.minimum_sends,
        label_window=parse_duration(body.label_window),
        key=f"score:{published.id}",
    )
