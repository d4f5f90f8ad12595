"""The leaves as a person writes them: one closed pydantic model each, which reads into its struct."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from schemas.definitions import condition_tree as tree
from schemas.definitions.base import Id
from schemas.definitions.condition_events import (
    FirstPerformed,
    LastPerformed,
    Message,
    Performed,
    Regularly,
    Sequence,
)
from schemas.definitions.condition_forms import (
    JOURNEY,
    RELATIVE_OPS,
    Compared,
    Form,
    Number,
    NumberOp,
    Path,
)
from schemas.definitions.simple import Channel, Duration
from schemas.times import parse_duration


class Trait(Compared):
    """`{"trait": "plan", "op": "eq", "value": "gold"}`; `for`: how long it has held."""

    trait: Path
    held_for: Duration | None = Field(default=None, alias="for")

    @field_validator("held_for")
    @classmethod
    def _can_be_held(cls, value: str | None, info: ValidationInfo) -> str | None:
        op = info.data.get("op")
        if value is not None and op in RELATIVE_OPS:
            raise ValueError(f"{op} moves with time: it cannot be asked for how long it has held")
        return value

    def read(self) -> tree.Trait:
        """Its struct."""
        return tree.Trait(self.trait, self.comparison(), parse_duration(self.held_for) if self.held_for else 0)


class Segment(Form):
    """`{"segment": "vip"}`."""

    segment: Id

    def read(self) -> tree.InSegment:
        """Its struct."""
        return tree.InSegment(self.segment)


class Snapshot(Form):
    """`{"snapshot": "vip-2026-11"}`."""

    snapshot: Id

    def read(self) -> tree.InSnapshot:
        """Its struct."""
        return tree.InSnapshot(self.snapshot)


class Score(Number):
    """`{"score": "churn", "op": "gte", "value": 70}`."""

    score: Id

    def read(self) -> tree.Score:
        """Its struct."""
        return tree.Score(self.score, self.comparison())


class Percentile(Number):
    """`{"percentile": "customers", "by": "monetary", "op": "gte", "value": 90}`."""

    percentile: Id
    by: Literal["recency", "frequency", "monetary"]

    def read(self) -> tree.Percentile:
        """Its struct."""
        return tree.Percentile(self.percentile, self.by, self.comparison())


class Quintile(Number):
    """A comparison of a quintile, 1 to 5."""

    op: NumberOp

    @field_validator("value")
    @classmethod
    def _is_one(cls, value: Any, info: ValidationInfo) -> Any:
        numbers = value if isinstance(value, list) else [value]
        if "op" in info.data and not all(isinstance(n, int) and 1 <= n <= 5 for n in numbers):
            raise ValueError("quintiles are 1, the lowest, to 5")
        return value


class Rfm(Form):
    """`{"rfm": "customers", "recency": {"op": "gte", "value": 4}, "monetary": {"op": "eq", "value": 5}}`."""

    rfm: Id
    recency: Quintile | None = None
    frequency: Quintile | None = None
    monetary: Quintile | None = None

    @model_validator(mode="after")
    def _asks_something(self) -> Rfm:
        if self.recency is None and self.frequency is None and self.monetary is None:
            raise ValueError("say what to compare: recency, frequency or monetary")
        return self

    def read(self) -> tree.Rfm:
        """Its struct."""
        asked = (self.recency, self.frequency, self.monetary)
        return tree.Rfm(self.rfm, *(quintile.comparison() if quintile else None for quintile in asked))


class Consent(Form):
    """`{"consent": "email", "topic": "news"}`."""

    consent: Channel
    topic: Id = "default"

    def read(self) -> tree.Consent:
        """Its struct."""
        return tree.Consent(self.consent, self.topic)


class Reachable(Form):
    """`{"reachable": "email"}`."""

    reachable: Channel

    def read(self) -> tree.Reachable:
        """Its struct."""
        return tree.Reachable(self.reachable)


class Suppressed(Form):
    """`{"suppressed": "email"}`."""

    suppressed: Channel

    def read(self) -> tree.Suppressed:
        """Its struct."""
        return tree.Suppressed(self.suppressed)


class Bucket(Form):
    """`{"bucket": [0, 10], "salt": "q4"}`."""

    bucket: list[float] = Field(min_length=2, max_length=2)
    salt: str = ""

    @field_validator("bucket")
    @classmethod
    def _is_a_part_of_100(cls, value: list[float]) -> list[float]:
        if len(value) == 2 and not 0 <= value[0] < value[1] <= 100:
            raise ValueError("the smaller number first, both from 0 to 100")
        return value

    def read(self) -> tree.Bucket:
        """Its struct."""
        return tree.Bucket(self.bucket[0], self.bucket[1], self.salt)


class Everyone(Form):
    """`{"everyone": true}`."""

    everyone: Literal[True]

    def read(self) -> tree.Everyone:
        """Its struct."""
        return tree.Everyone()


class Entry(Compared):
    """`{"entry": "properties.total", "op": "gt", "value": 100}`: of the record that opened the journey's run."""

    entry: Path

    @field_validator("entry")
    @classmethod
    def _is_of_a_journey(cls, value: str, info: ValidationInfo) -> str:
        if not (info.context or {}).get(JOURNEY):
            raise ValueError("entry is for conditions of a journey")
        return value

    def read(self) -> tree.EntryIs:
        """Its struct."""
        return tree.EntryIs(self.entry, self.comparison())


AnyForm = (
    Trait
    | Performed
    | FirstPerformed
    | LastPerformed
    | Sequence
    | Regularly
    | Message
    | Segment
    | Snapshot
    | Score
    | Percentile
    | Rfm
    | Consent
    | Reachable
    | Suppressed
    | Bucket
    | Everyone
    | Entry
)
FORMS: Final[dict[str, type[AnyForm]]] = {
    "trait": Trait,
    "performed": Performed,
    "first_performed": FirstPerformed,
    "last_performed": LastPerformed,
    "sequence": Sequence,
    "regularly": Regularly,
    "message": Message,
    "segment": Segment,
    "snapshot": Snapshot,
    "score": Score,
    "percentile": Percentile,
    "rfm": Rfm,
    "consent": Consent,
    "reachable": Reachable,
    "suppressed": Suppressed,
    "bucket": Bucket,
    "everyone": Everyone,
    "entry": Entry,
}
