"""What is decided of a split, from what became of its arms. Pure: the same figures give the same decision.

A winner is decided once, when one arm is likely enough the best (the posterior's probability, which looking again and
again does not correct) and each has its samples. A bandit is told anew; choosing an arm as likely as it is the best is
Thompson sampling (Thompson 1933, https://doi.org/10.1093/biomet/25.3-4.285), its dice the contact's hash.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, assert_never

from flows.experiments.statistics import Rate, best, wilson
from schemas.definitions.experiment import Experiment, experiment_id
from schemas.definitions.split import Bandit, Split, Winner
from schemas.times import parse_duration

_DIGITS: Final = 6  # of what is told; shares are percents of these


class ArmSeen(NamedTuple):
    """What became of an arm: contacts that `passed`, those of them whose time is over (`samples`), and successes."""

    name: str
    passed: int = 0
    samples: int = 0
    successes: int = 0

    @property
    def rate(self) -> Rate:
        """The arm's successes of its samples."""
        return Rate(self.samples, self.successes)


class Seen(NamedTuple):
    """A split's arms in their order, up to the instant `at`, and when the first contact passed (None: nobody yet)."""

    at: int
    first_at: int | None
    arms: tuple[ArmSeen, ...]


def evidence(seen: Seen) -> list[dict[str, Any]]:
    """Each arm's figures, as they stand in a decision."""
    chances = best([arm.rate for arm in seen.arms])
    told = []
    for arm, chance in zip(seen.arms, chances, strict=True):
        interval = wilson(arm.rate)
        told.append(
            {
                "name": arm.name,
                "samples": arm.samples,
                "successes": arm.successes,
                "rate": round(arm.rate.value, _DIGITS),
                "low": round(interval.low, _DIGITS),
                "high": round(interval.high, _DIGITS),
                "best": round(chance, _DIGITS),
            }
        )
    return told


def decide(journey: str, split: Split, seen: Seen, stands: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The body of the decision that is due now, an `experiment`; None where there is none.

    `stands` is the body of the last decision on this form of the split.
    """
    match split.rule:
        case None:
            return None
        case Winner() as rule:
            return None if stands is not None else _winner(journey, split, rule, seen)
        case Bandit():
            return _shares(journey, split, seen, stands)
        case _:
            assert_never(split.rule)


def _winner(journey: str, split: Split, rule: Winner, seen: Seen) -> dict[str, Any] | None:
    if seen.first_at is None:
        return None
    figures = evidence(seen)
    leader = max(figures, key=lambda arm: arm["best"])
    is_late = rule.latest is not None and seen.at - seen.first_at >= parse_duration(rule.latest)
    has_samples = min(arm["samples"] for arm in figures) >= rule.min_samples
    if not is_late and not (has_samples and leader["best"] >= rule.confidence):
        return None
    reason = "confidence" if has_samples and leader["best"] >= rule.confidence else "latest"
    arms = [arm | {"share": 100.0 if arm is leader else 0.0} for arm in figures]
    return _body(journey, split, "winner", reason, arms)


def _shares(journey: str, split: Split, seen: Seen, stands: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Nothing where nothing was learned since."""
    known = {arm["name"]: (arm["samples"], arm["successes"]) for arm in stands["arms"]} if stands else {}
    if all((arm.samples, arm.successes) == known.get(arm.name, (0, 0)) for arm in seen.arms):
        return None
    arms = [arm | {"share": round(100 * arm["best"], _DIGITS - 2)} for arm in evidence(seen)]
    largest = max(arms, key=lambda arm: float(arm["share"]))
    rest = sum(arm["share"] for arm in arms if arm is not largest)
    largest["share"] = round(100.0 - rest, _DIGITS - 2)  # so that what was rounded still sums to 100
    return _body(journey, split, "bandit", "learned", arms)


def _body(journey: str, split: Split, method: str, reason: str, arms: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "kind": Experiment.KIND,
        "id": experiment_id(journey, split.id),
        "journey": journey,
        "node": split.id,
        "form": split.form,
        "method": method,
        "reason": reason,
        "arms": list(arms),
    }
