"""The online learner: River's StandardScaler | LogisticRegression, predict then learn, on examples in log order.

Its state is plain data, not a pickle; a learner made from it goes on to the last bit as if nothing had happened.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from river import linear_model, optim, preprocessing

from flows.scoring.features import FEATURE_SET, NAMES
from flows.scoring.scorecard import Scorecard
from schemas.errors import TerminalError
from schemas.records import Example
from schemas.times import DAY, format_duration

STATE_VERSION: Final = 1
LEARNING_RATE: Final = 0.01
MIN_OF_EACH: Final = 20  # examples of either label before a version is worth publishing


class Watermark(msgspec.Struct):
    """The instant of a partition's last example, and the ids of its examples at that instant, in their order."""

    at: int = -1
    ids: dict[str, None] = {}


class State(msgspec.Struct):
    """Everything a learner knows. Lists are in the order of the feature set. `label_window` is in milliseconds.

    `watermarks` are by partition of `events`.
    """

    model: str
    version: int = STATE_VERSION
    feature_set: int = FEATURE_SET
    examples: int = 0
    positives: int = 0
    first_at: int = 0
    last_at: int = 0
    label_window: int = 3 * DAY
    means: list[float] = []
    variances: list[float] = []
    weights: list[float] = []
    intercept: float = 0.0
    watermarks: dict[int, Watermark] = {}
    ever: Scorecard = msgspec.field(default_factory=Scorecard)
    recent: Scorecard = msgspec.field(default_factory=Scorecard)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(State).decode


class Learner:
    """One model's learner. Make it new by its model's id, or from a stored state with `Learner.load`."""

    def __init__(self, model: str):
        self.state = State(model)
        self.scaler = preprocessing.StandardScaler()
        self.regression = linear_model.LogisticRegression(optim.SGD(LEARNING_RATE), intercept_lr=LEARNING_RATE)
        self.pipeline = self.scaler | self.regression

    @classmethod
    def load(cls, stored: bytes) -> Learner:
        """The learner of a stored state; TerminalError where another version wrote it."""
        state = _decode(stored)
        if (state.version, state.feature_set) != (STATE_VERSION, FEATURE_SET):
            found = f"version {state.version} with feature set {state.feature_set}"
            raise TerminalError(f"model {state.model}: a learner's state of {found}; this one reads "
                                f"version {STATE_VERSION} with feature set {FEATURE_SET}")  # fmt: skip
        learner = cls(state.model)
        learner.state = state
        learner.scaler.counts.update(dict.fromkeys(NAMES, state.examples) if state.examples else {})
        learner.scaler.means.update(zip(NAMES, state.means, strict=False))
        learner.scaler.vars.update(zip(NAMES, state.variances, strict=False))
        for name, weight in zip(NAMES, state.weights, strict=False):
            learner.regression._weights[name] = weight
        learner.regression.intercept = state.intercept
        learner.regression.optimizer.n_iterations = state.examples
        return learner

    def save(self) -> bytes:
        """The whole state as JSON: the same examples give the same bytes."""
        s = self.state
        if s.examples:
            weights = self.regression.weights
            s.means = [self.scaler.means[name] for name in NAMES]
            s.variances = [self.scaler.vars[name] for name in NAMES]
            s.weights = [weights.get(name, 0.0) for name in NAMES]
            s.intercept = self.regression.intercept
        return _encode(s)

    def is_new(self, partition: int, example: Example) -> bool:
        """Whether it was not seen before; a crash of the fold repeats effects (rule 5).

        What a partition's fold emits never goes back in time, and it repeats the same in the same order: so all that
        lies before the last instant is a repetition, and at that instant the ids tell.
        """
        mark = self.state.watermarks.setdefault(partition, Watermark())
        if example.labelled_at < mark.at or (example.labelled_at == mark.at and example.id in mark.ids):
            return False
        if example.labelled_at > mark.at:
            mark.at, mark.ids = example.labelled_at, {}
        mark.ids[example.id] = None
        return True

    def predict_then_learn(self, example: Example) -> float:
        """The probability that was predicted, before the example was learned."""
        x = dict(zip(NAMES, example.features, strict=True))
        predicted = float(self.pipeline.predict_proba_one(x)[True])
        self.pipeline.learn_one(x, bool(example.label))
        self._count(example, predicted)
        return predicted

    def _count(self, example: Example, predicted: float) -> None:
        s = self.state
        s.ever.add(predicted, example.label)
        s.recent.add(predicted, example.label)
        s.examples += 1
        s.positives += example.label
        s.first_at = min(s.first_at or example.at, example.at)
        s.last_at = max(s.last_at, example.at)
        if example.label == 0:  # it was waited for until the very end of the window
            s.label_window = max(example.labelled_at - example.at, 1)

    def is_ready(self, every: int) -> bool:
        """Whether a version is due now: after each `every` examples, once it has seen enough of both labels."""
        s = self.state
        enough = min(s.positives, s.examples - s.positives) >= MIN_OF_EACH
        return enough and s.examples % every == 0

    def next_version(self) -> int:
        """The number of the version that would be published now: how many examples it has seen."""
        return self.state.examples

    def start_recent(self) -> None:
        """Begin to measure anew, after a version was published."""
        self.state.recent = Scorecard()


def export_model(learner: Learner, artifact: str = "") -> dict[str, Any]:
    """The body of a `model` definition: what the fold needs, what it was trained on, how well it predicted.

    Metrics are those since the version before; `ever_…` those since the first example. A feature that never varied
    counts nothing, as in River.
    """
    learner.save()
    s = learner.state
    varied = [v > 0 for v in s.variances]
    return {
        "kind": "model",
        "id": s.model,
        "name": "Engagement, learned" if s.model == "engagement" else s.model,
        "feature_set": s.feature_set,
        "features": list(NAMES),
        "mean": list(s.means),
        "scale": [v**0.5 if v > 0 else 1.0 for v in s.variances],
        "weights": [w if some else 0.0 for w, some in zip(s.weights, varied, strict=True)],
        "bias": s.intercept,
        "label_window": format_duration(s.label_window),
        "artifact": artifact,
        "trained_on": {
            "examples": s.examples,
            "positives": s.positives,
            "first_at": s.first_at,
            "last_at": s.last_at,
        },
        "metrics": {**s.recent.metrics(), **{f"ever_{name}": value for name, value in s.ever.metrics().items()}},
    }
