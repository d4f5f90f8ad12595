"""Triggers of a journey, a closed union by the field that names what fires: event, segment, schedule, date, api."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeAlias

from croniter import CroniterError, croniter
from pydantic import AfterValidator, Field, PlainValidator

from schemas.definitions.base import Id, Strict
from schemas.definitions.node import EventMatch, Node, Shift, by_field, read
from schemas.definitions.simple import Zone


def _cron(text: str) -> str:
    try:
        croniter(text, 0).get_next()
    except (CroniterError, ValueError):
        fits = False
    else:
        fits = len(text.split()) == 5
    if not fits:
        raise ValueError(f"{text!r} is no cron expression that ever fires; write five fields, as in 0 9 * * 1")
    return text


Cron = Annotated[str, AfterValidator(_cron)]


class OnEvent(EventMatch):
    """An event."""


class OnSegment(Strict):
    """A contact enters or leaves a segment; `current` also enters those who are members at activation."""

    segment: Id
    change: Literal["entered", "left"] = "entered"
    current: bool = False


class OnSchedule(Strict):
    """Cron, for the members of a segment; without `timezone` in the workspace's zone."""

    schedule: Cron
    segment: Id
    timezone: Zone | None = None


class OnDate(Strict):
    """A date that a trait holds, moved by `offset`; `every` year, or once."""

    date: str = Field(min_length=1)
    offset: Shift = "0d"
    every: Literal["year"] | None = None


class OnApi(Strict):
    """An `enter` record: from the API, or another journey's `start_journey`."""

    api: Literal[True]


AnyOn: TypeAlias = OnEvent | OnSegment | OnSchedule | OnDate | OnApi
_FORMS: Final[dict[str, type[AnyOn]]] = {
    "event": OnEvent,
    "schedule": OnSchedule,
    "date": OnDate,
    "api": OnApi,
    "segment": OnSegment,
}


def read_on(raw: Any) -> AnyOn:
    """The one form whose field is there; ValidationError with every fault."""
    if isinstance(raw, dict) and "schedule" in raw:  # a schedule is for the members of a segment
        return read(raw, OnSchedule)
    return by_field(raw, _FORMS)


class Trigger(Node):
    """Where a run begins."""

    type: Literal["trigger"]
    on: Annotated[AnyOn, PlainValidator(read_on, json_schema_input_type=AnyOn)]
