"""The leaves as a person writes them: one closed pydantic model each, which reads into its struct."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from schemas.definitions import condition_tree as tree
from schemas.definitions.base import Id
from schemas.definitions.condition_forms import (
    JOURNEY,
    RELATIVE_OPS,
    Aggregate,
    Compared,
    Count,
    EventName,
    Form,
    Number,
    Path,
    Properties,
    Windowed,
    read_event_name,
    read_where,
)
from schemas.definitions.simple import Channel, Duration
from schemas.times import parse_duration

Outcome = Literal[
    "sent",
    "delivered",
    "opened",
    "clicked",
    "bounced",
    "complained",
    "unsubscribed",
    "failed",
    "skipped",
    "unknown",
    "replied",
]
MEASURES: Final = ("count", "sum", "avg", "min", "max", "distinct")
FILTERS: Final = ("campaign", "journey", "node", "provider", "template", "topic", "variant")
MAX_STEPS: Final = 50
MAX_PERIODS: Final = 1_000


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


class Performed(Windowed):
    """`{"performed": "order_completed", "where": […], "count": {"op": "gte", "value": 3}, "within": "30d"}`."""

    performed: EventName
    where: Properties = ()
    count: Count | None = None
    sum: Aggregate | None = None
    avg: Aggregate | None = None
    min: Aggregate | None = None
    max: Aggregate | None = None
    distinct: Aggregate | None = None

    @field_validator("sum", "avg", "min", "max", "distinct")
    @classmethod
    def _is_the_only_measure(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None and (others := [m for m in MEASURES if info.data.get(m) is not None]):
            raise ValueError(f"one measure a leaf: {others[0]} is given already; use and for two")
        return value

    def read(self) -> tree.Performed:
        """Its struct."""
        event, where, window = read_event_name(self.performed), read_where(self.where), self.window()
        for measure in ("sum", "avg", "min", "max", "distinct"):
            found: Aggregate | None = getattr(self, measure)
            if found is not None:
                return tree.Performed(event, where, measure, found.property, found.comparison(), window)
        count = self.count.comparison() if self.count else tree.Comparison("gte", 1)
        return tree.Performed(event, where, comparison=count, window=window)


class FirstPerformed(Windowed):
    """`{"first_performed": "login", "within": "7d"}`."""

    first_performed: EventName
    where: Properties = ()

    def read(self) -> tree.FirstPerformed:
        """Its struct."""
        return tree.FirstPerformed(read_event_name(self.first_performed), read_where(self.where), self.window())


class LastPerformed(Windowed):
    """`{"last_performed": "order_completed", "has": […]}`."""

    last_performed: EventName
    where: Properties = ()
    has: Properties = ()

    def read(self) -> tree.LastPerformed:
        """Its struct."""
        event = read_event_name(self.last_performed)
        return tree.LastPerformed(event, read_where(self.where), read_where(self.has), self.window())


class EventMatch(Form):
    """`{"event": "order_completed", "where": […]}`: the events that a trigger or a wait takes."""

    event: EventName
    where: Properties = ()

    def read(self) -> tree.Step:
        """Its struct."""
        return tree.Step(read_event_name(self.event), read_where(self.where))


class Step(Form):
    """One event of a sequence."""

    performed: EventName
    where: Properties = ()


class Sequence(Windowed):
    """`{"sequence": [{"performed": "a"}, {"performed": "b"}], "within": "7d", "gap": "1h"}`."""

    sequence: list[Step] = Field(min_length=1, max_length=MAX_STEPS)
    gap: Duration | None = None

    def read(self) -> tree.Sequence:
        """Its struct."""
        steps = tuple(tree.Step(read_event_name(s.performed), read_where(s.where)) for s in self.sequence)
        return tree.Sequence(steps, self.window(), parse_duration(self.gap) if self.gap else 0)


def _enough(value: Any) -> Any:
    """`count` of `regularly`: how many at least, or a comparison."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return {"op": "gte", "value": value} if is_number else value


class Regularly(Form):
    """`{"regularly": "login", "period": "7d", "periods": 4, "at_least": 3}`; without `at_least`, all of them."""

    regularly: EventName
    where: Properties = ()
    period: Duration
    periods: int = Field(ge=1, le=MAX_PERIODS)
    at_least: int | None = Field(default=None, ge=1)
    count: Annotated[Count, BeforeValidator(_enough)] = Count(op="gte", value=1)

    @field_validator("at_least")
    @classmethod
    def _is_within_periods(cls, value: int | None, info: ValidationInfo) -> int | None:
        periods = info.data.get("periods")
        if value is not None and periods is not None and value > periods:
            raise ValueError(f"at most {periods}, the number of periods")
        return value

    def read(self) -> tree.Regularly:
        """Its struct."""
        return tree.Regularly(
            event=read_event_name(self.regularly),
            period=parse_duration(self.period),
            periods=self.periods,
            at_least=self.at_least or self.periods,
            where=read_where(self.where),
            count=self.count.comparison(),
        )


class Message(Windowed):
    """`{"message": "opened", "channel": "email", "campaign": "spring", "within": "14d"}`."""

    message: Outcome
    channel: Channel | None = None
    campaign: str | None = None
    journey: str | None = None
    node: str | None = None
    provider: str | None = None
    template: str | None = None
    topic: str | None = None
    variant: str | None = None
    machines: bool = False
    count: Count | None = None

    def read(self) -> tree.Message:
        """Its struct."""
        return tree.Message(
            outcome=self.message,
            channel=self.channel or "",
            filters=tuple((name, value) for name in FILTERS if (value := getattr(self, name)) is not None),
            machines=self.machines,
            comparison=self.count.comparison() if self.count else tree.Comparison("gte", 1),
            window=self.window(),
        )


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
