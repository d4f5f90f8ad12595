"""What a benchmark prints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Result:
    """One JSON line: what was measured, how much, on what."""

    bench: str
    value: float
    unit: str
    p50_ms: float | None = None
    p99_ms: float | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def line(self) -> str:
        """The line."""
        return json.dumps(asdict(self))


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0..1) of the values lie, by the nearest rank; 0 of none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0
