"""The leaves as a person writes them: one closed pydantic model each, which reads into its struct."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, ValidationInfo, field_validator

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
from schemas.definitions.condition_forms import JOURNEY, RELATIVE_OPS, Compared, Form, Number, Path
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
    "consent": Consent,
    "reachable": Reachable,
    "suppressed": Suppressed,
    "bucket": Bucket,
    "everyone": Everyone,
    "entry": Entry,
}
