"""Triggers that fire by themselves: cron for the members of a segment, dates that traits hold.

Each is a timer of the contact: `Journeys.armed` says when it fires next. It is set anew at every instant that can
change it: an activation, a flip, a changed trait, and when it has fired.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

from flows.contact.scope import Scope
from flows.journeys.localtime import read_date, resolve
from flows.journeys.nodes.wait import split_shift
from flows.journeys.run import Journeys
from schemas.definitions import triggers
from schemas.moments import read_moment
from schemas.times import from_ms


@dataclass(frozen=True, slots=True)
class ScheduleOpener:
    """Fires at each instant of a cron expression for those who are members then."""

    expression: str
    timezone: str | None
    segment: str

    def next(self, scope: Scope) -> int | None:
        """The next instant after now; None for those who are not members."""
        if not scope.view.member(self.segment):
            return None
        return next_cron(self.expression, scope.at, ZoneInfo(self.timezone or scope.active.zone))


@dataclass(frozen=True, slots=True)
class DateOpener:
    """Fires at the date of a trait, moved by calendar days or a length of time; every year, or once."""

    trait: str
    days: int
    shift: int
    yearly: bool

    def next(self, scope: Scope) -> int | None:
        """The next instant after now; None where there is none."""
        value = scope.view.trait(self.trait)
        if not isinstance(value, str):
            return None
        zone = ZoneInfo(scope.view.zone)
        if self.yearly:
            return self._anniversary(value, zone, scope.at)
        due = read_date(value, self.days, zone)
        return None if due is None or due + self.shift <= scope.at else due + self.shift

    def _anniversary(self, value: str, zone: ZoneInfo, at: int) -> int | None:
        born = read_moment(value)
        if born is None:
            return None
        local = born if born.tzinfo is None else born.astimezone(zone).replace(tzinfo=None)
        year = from_ms(at).year
        for candidate in range(year - 1, year + 3):
            due = resolve(_in_year(local, candidate) + timedelta(days=self.days), zone) + self.shift
            if due > at:
                return due
        return None


def _in_year(local: datetime, year: int) -> datetime:
    """The same day of another year; 29 February is the 28th where there is none."""
    try:
        return local.replace(year=year)
    except ValueError:
        return local.replace(year=year, day=28)


def next_cron(expression: str, at: int, zone: ZoneInfo) -> int:
    """The next instant after `at` at which the zone's clocks show a time of the expression, a gap and a fold included.

    The expression is asked in wall-clock time, the answer resolved in the zone: a time in a gap is the gap's end, one
    that occurs twice the first.
    """
    local = from_ms(at).astimezone(zone).replace(tzinfo=None)
    times = croniter(expression, local)
    while True:
        due = resolve(times.get_next(datetime), zone)
        if due > at:
            return due


Armed = ScheduleOpener | DateOpener


def compile_armed(on: triggers.OnSchedule | triggers.OnDate) -> Armed:
    """The timer of a trigger."""
    if isinstance(on, triggers.OnSchedule):
        return ScheduleOpener(on.schedule, on.timezone, on.segment)
    return DateOpener(on.date, *split_shift(on.offset), on.every == "year")


def arm(scope: Scope, section: Journeys) -> None:
    """Set every such trigger of the active definitions anew where this instant may change one; drop what is gone."""
    if not (scope.before or scope.keys or scope.flips or fired(scope, section)):
        return
    due = ((key, opener.next(scope)) for key, opener in scope.active.journeys.arms.items())
    section.armed = {key: at for key, at in due if at is not None}


def fired(scope: Scope, section: Journeys) -> list[str]:
    """The triggers whose instant has come."""
    return [key for key, due in section.armed.items() if due <= scope.at]
