"""`model`: one version of a score. Models are definitions: the fold computes a score from the one then active."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, FiniteFloat, model_validator

from schemas.definitions.base import Body, Strict, register
from schemas.definitions.simple import Duration

# The features of each feature set, in the order of every vector: a contract of `examples`, models and the fold.
# What they mean stands in `flows.scoring.features`. A set is never changed; another one gets a new number.
FEATURE_SETS: Final[dict[int, tuple[str, ...]]] = {
    1: (
        "sent",
        "delivered",
        "opened",
        "clicked",
        "visited",
        "open_rate",
        "click_rate",
        "open_recency",
        "click_recency",
        "visit_recency",
        "order_recency",
        "orders",
        "unanswered",
    )
}

Scale = Annotated[FiniteFloat, Field(gt=0)]


class TrainedOn(Strict):
    """The examples that a version has seen: how many, and the instants of the first and the last decision (ms)."""

    examples: int = Field(0, ge=0)
    positives: int = Field(0, ge=0)
    first_at: int = 0
    last_at: int = 0


@register
class Model(Body):
    """A logistic regression over a feature set: score = 100 / (1 + exp(-(bias + Σ weightᵢ (xᵢ - meanᵢ) / scaleᵢ))).

    `minimum_sends`: below so many messages a contact has no score. `label_window`: an open or click within it is
    label 1. `artifact`: the file of the whole learner state. `metrics`: by name, measured before learning from each
    example.
    """

    KIND: ClassVar[str] = "model"
    kind: Literal["model"]
    feature_set: Literal[1] = 1
    features: tuple[str, ...] = FEATURE_SETS[1]
    mean: tuple[FiniteFloat, ...]
    scale: tuple[Scale, ...]
    weights: tuple[FiniteFloat, ...]
    bias: FiniteFloat
    minimum_sends: int = Field(1, ge=0)
    label_window: Duration = "3d"
    artifact: str = ""
    trained_on: TrainedOn = TrainedOn()
    metrics: dict[str, FiniteFloat] = Field({})

    @model_validator(mode="after")
    def _fits_its_feature_set(self) -> Model:
        expected = FEATURE_SETS[self.feature_set]
        if self.features != expected:
            raise ValueError(f"features must be {', '.join(expected)}, in this order")
        for name in ("mean", "scale", "weights"):
            if (found := len(getattr(self, name))) != len(expected):
                raise ValueError(f"{name} must have one number a feature: {len(expected)}, not {found}")
        return self
