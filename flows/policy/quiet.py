"""Quiet hours: when they are, in the contact's zone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from flows.definitions.catalogue import Published
from flows.journeys.localtime import parse_clock, windows
from schemas.definitions import parse
from schemas.definitions.policy import QuietHours
from schemas.definitions.waits import WEEKDAYS


@dataclass(frozen=True, slots=True)
class Quiet:
    """One definition. `start` and `end` are minutes after midnight; without `zone` the contact's counts."""

    id: str
    channel: str
    start: int
    end: int
    weekdays: frozenset[int]
    zone: str
    skips: bool

    def concerns(self, channel: str) -> bool:
        """Whether it is kept on the channel."""
        return self.channel in ("", channel)

    def until(self, at: int, zone: str) -> int | None:
        """The end of the window `[from, to)` that the instant is in; None outside."""
        found = next(self.windows(at, at, zone), None)
        return None if found is None else found[1]

    def windows(self, at: int, until: int, zone: str) -> Iterator[tuple[int, int]]:
        """The windows, in order, that hold an instant of `[at, until]`; `zone` is the contact's."""
        return windows(at, until, self.start, self.end, self.weekdays, ZoneInfo(self.zone or zone))


def compile_quiet(published: Sequence[Published]) -> tuple[Quiet, ...]:
    """The active ones, by id."""
    return tuple(_compile(p) for p in published)


def _compile(published: Published) -> Quiet:
    made = parse(published.body)
    assert isinstance(made, QuietHours)
    return Quiet(
        id=made.id,
        channel=made.channel or "",
        start=parse_clock(made.window.from_),
        end=parse_clock(made.window.to),
        weekdays=frozenset(WEEKDAYS.index(day) for day in made.weekdays),
        zone=made.timezone or "",
        skips=made.then == "skip",
    )
