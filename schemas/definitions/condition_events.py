"""The leaves over events as a person writes them: one closed pydantic model each, which reads into its struct."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from schemas.definitions import condition_tree as tree
from schemas.definitions.condition_forms import (
    Aggregate,
    Count,
    EventName,
    Form,
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
    count: Annotated[Count, BeforeValidator(_enough, json_schema_input_type=Count | int)] = Count(op="gte", value=1)

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
