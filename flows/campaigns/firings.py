"""When a recurring campaign fires, and what becomes of firings that were missed. Pure.

In one zone a firing is an instant. In each contact's own zone it is a local time: its audience is frozen before the
first place on earth has that time, and each contact is released when its own clock shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final, Literal, NamedTuple, assert_never
from zoneinfo import ZoneInfo

from flows.journeys.arming import next_cron
from schemas.definitions.campaign import CONTACT, Recurring
from schemas.times import SECOND, from_ms, parse_duration

AHEAD: Final = 5 * SECOND  # an audience is frozen so long before its release: reading it takes time, and the lead
_FIRST: Final = ZoneInfo("Pacific/Kiritimati")  # UTC+14 all year: no other place has a local time earlier
_MOST: Final = 10_000  # firings that are looked at in one go


class Firing(NamedTuple):
    """`name` is its part of the launch's id, `at` its instant, `local` its time where that is each contact's own."""

    name: str
    at: int
    local: datetime | None = None


class Missed(NamedTuple):
    """Firings that will not be: the last of them, and how many there were."""

    last: Firing
    number: int


class Due(NamedTuple):
    """What to launch now, oldest first, and what to write off."""

    launch: list[Firing]
    missed: Missed | None


def next_firing(schedule: Recurring, after: int, zone: str) -> Firing:
    """The first firing after an instant; `zone` is the workspace's."""
    if schedule.timezone == CONTACT:
        at = next_cron(schedule.cron, after, _FIRST)
        local = from_ms(at).astimezone(_FIRST).replace(tzinfo=None)
        return Firing(local.strftime("%Y-%m-%dT%H:%M"), at, local)
    at = next_cron(schedule.cron, after, ZoneInfo(schedule.timezone or zone))
    return Firing(from_ms(at).strftime("%Y-%m-%dT%H:%MZ"), at)


def firings(schedule: Recurring, after: int, until: int, zone: str) -> Iterator[Firing]:
    """Those in (after, until], oldest first; no more than a lot of them at once."""

    def all_of_them() -> Iterator[Firing]:
        at = after
        while (firing := next_firing(schedule, at, zone)).at <= until:
            yield firing
            at = firing.at

    return islice(all_of_them(), _MOST)


def due(found: Sequence[Firing], schedule: Recurring, now: int) -> Due:
    """What a scheduler that comes by now does with the firings that are not launched yet."""
    since = now - parse_duration(schedule.grace)
    late, prompt = [f for f in found if f.at < since], [f for f in found if f.at >= since]
    launch, missed = _policy(schedule.missed, late, prompt)
    return Due(launch, Missed(missed[-1], len(missed)) if missed else None)


def _policy(
    policy: Literal["skip", "once", "all"], late: list[Firing], prompt: list[Firing]
) -> tuple[list[Firing], list[Firing]]:
    match policy:
        case "skip":
            return prompt, late
        case "once":  # one that is on time makes up for the others
            return (prompt, late) if prompt else (late[-1:], late[:-1])
        case "all":
            return [*late, *prompt], []
        case _:
            assert_never(policy)
