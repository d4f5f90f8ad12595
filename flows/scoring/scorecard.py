"""How good predictions were, in plain sums: log loss, accuracy, area under the ROC curve, calibration.

A prediction is counted before its example is learned, so these are honest figures (progressive validation,
https://doi.org/10.1145/307400.307439). Probabilities fall into 100 bins: the area is exact up to ties within a bin.
"""

from __future__ import annotations

from math import log
from typing import Final

import msgspec

BINS: Final = 100
_GROUP: Final = 10  # bins a decile, for the calibration
_EPSILON: Final = 1e-15  # a prediction of 0 or 1 that is wrong costs 35, not infinity


class Scorecard(msgspec.Struct):
    """Sums over predictions; a plain value that can be stored and merged by adding."""

    log_loss: float = 0.0
    correct: int = 0
    positives: list[int] = msgspec.field(default_factory=lambda: [0] * BINS)
    negatives: list[int] = msgspec.field(default_factory=lambda: [0] * BINS)
    predicted: list[float] = msgspec.field(default_factory=lambda: [0.0] * BINS)

    def add(self, probability: float, label: int) -> None:
        """Count one prediction and what it should have been."""
        p = min(max(probability, _EPSILON), 1 - _EPSILON)
        self.log_loss -= log(p) if label else log(1 - p)
        self.correct += (probability > 0.5) == bool(label)
        i = min(int(probability * BINS), BINS - 1)
        (self.positives if label else self.negatives)[i] += 1
        self.predicted[i] += probability

    def metrics(self) -> dict[str, float]:
        """`examples`, `base_rate`, `log_loss`, `accuracy`, `auc`, `calibration_error`, as far as they are defined."""
        n, positives = sum(self.positives) + sum(self.negatives), sum(self.positives)
        if n == 0:
            return {"examples": 0.0}
        found = {
            "examples": float(n),
            "base_rate": positives / n,
            "log_loss": self.log_loss / n,
            "accuracy": self.correct / n,
            "calibration_error": self._calibration_error(n),
        }
        if 0 < positives < n:
            found["auc"] = self._area()
        return found

    def _area(self) -> float:
        """The chance that a positive is ranked above a negative, a tie counting half: the Mann-Whitney statistic."""
        above, area = sum(self.positives), 0.0
        for p, n in zip(self.positives, self.negatives, strict=True):
            above -= p
            area += n * (above + p / 2)
        return area / (sum(self.positives) * sum(self.negatives))

    def _calibration_error(self, n: int) -> float:
        """Mean distance of predicted and observed rate over deciles (https://arxiv.org/abs/1706.04599, equation 3)."""
        deciles = [slice(i, i + _GROUP) for i in range(0, BINS, _GROUP)]
        return sum(abs(sum(self.predicted[d]) - sum(self.positives[d])) for d in deciles) / n
