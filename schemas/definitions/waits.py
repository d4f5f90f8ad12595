"""Waits of a journey, a closed union by the field that says for what: for, until, window, until_date, for_event, …"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from schemas.definitions.base import Id, Strict
from schemas.definitions.node import EntryPath, EventMatch, Length, Node, Shift
from schemas.definitions.simple import Duration, Zone

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[str, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]  # HH:MM


class Wait(Node):
    """A node at which a run rests."""

    type: Literal["wait"]


class WaitFor(Wait):
    """A length of time from entering the node."""

    for_: Length = Field(alias="for")


class LocalWait(Wait):
    """What the waits in local time share: the days, and the zone (else the contact's, else `default_timezone`)."""

    weekdays: tuple[Weekday, ...] = Field((), min_length=1)
    timezone: Zone | None = None
    default_timezone: Zone | None = None


class WaitUntil(LocalWait):
    """The next such local time."""

    until: Clock


class Window(Strict):
    """`[from, to)`, over midnight where `to` is earlier."""

    from_: Clock = Field(alias="from")
    to: Clock

    @model_validator(mode="after")
    def _is_not_empty(self) -> Window:
        if self.from_ == self.to:
            raise ValueError("`from` and `to` are the same time: the window would be empty")
        return self


class WaitWindow(LocalWait):
    """Passes at once inside the window, else waits for its start."""

    window: Window


class WaitBestTime(Wait):
    """The hour within that time at which the contact answers messages; without anything known it passes at once."""

    best_time: Duration


class EntryRef(Strict):
    """A value of the event that opened the run."""

    entry: EntryPath


def _holder(raw: Any) -> str:
    return "entry" if isinstance(raw, dict | EntryRef) else "trait"


Dated = Annotated[
    Annotated[str, Field(min_length=1), Tag("trait")] | Annotated[EntryRef, Tag("entry")], Discriminator(_holder)
]  # a trait by its path, or a value of the entry


class WaitUntilDate(Wait):
    """A date that a trait or the entry holds, moved by `offset`. Past or missing passes at once."""

    until_date: Dated
    offset: Shift = "0d"
    timezone: Zone | None = None
    default_timezone: Zone | None = None

    def optional(self) -> tuple[str, ...]:
        """`missing`: there is no such date."""
        return ("missing",)


class WaitForEvent(Wait):
    """An event, with `match_key` one whose `key` is the run's; for ever where there is no `timeout`."""

    for_event: EventMatch
    match_key: bool = False
    timeout: Length | None = None

    def branches(self) -> tuple[str, ...]:
        """`happened`, `timeout`."""
        return ("happened",) if self.timeout is None else ("happened", "timeout")


class WaitForSegment(Wait):
    """Membership; passes at once for a member."""

    for_segment: Id
    timeout: Length | None = None

    def branches(self) -> tuple[str, ...]:
        """`happened`, `timeout`."""
        return ("happened",) if self.timeout is None else ("happened", "timeout")
