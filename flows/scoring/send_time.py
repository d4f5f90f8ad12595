"""The hour at which a contact answers: its own opens and clicks by local hour, with everyone's as the prior.

    share(h) = (ownₕ + strength · everyoneₕ) / (Σ own + strength)

the mean of a Dirichlet posterior (https://en.wikipedia.org/wiki/Dirichlet-multinomial_distribution). Own counts are
halved when they come to LIMIT, so that habits of long ago fade.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from flows.definitions.catalogue import Published
from flows.journeys.localtime import next_clock
from schemas.times import MINUTE, from_ms

HOURS: Final = 24
LIMIT: Final = 64  # answers of a contact
_QUARTER: Final = 15 * MINUTE  # what every zone's offset is a multiple of, since 1972
_DIGITS: Final = 4

Own = dict[int, int]  # local hour -> answers


class Everyone(NamedTuple):
    """The share of each local hour in all answers, and what it weighs in answers of one's own."""

    version: int
    shares: tuple[float, ...]
    strength: float


class Choice(NamedTuple):
    """When to go on, and why, as JSON."""

    due: int
    why: dict[str, Any]


def compile_everyone(published: Published | None) -> Everyone | None:
    """The active one; None where nothing is known of anybody."""
    if published is None:
        return None
    hours, strength = published.body["hours"], published.body.get("strength", 8)
    total = sum(hours)
    return Everyone(published.version, tuple(hour / total for hour in hours), float(strength))


def local_hour(zone: str, at: int) -> int:
    """The hour that clocks show there."""
    return _hour_of_quarter(zone, at // _QUARTER)


@lru_cache(65_536)
def _hour_of_quarter(zone: str, quarter: int) -> int:
    try:
        return from_ms(quarter * _QUARTER).astimezone(ZoneInfo(zone)).hour
    except OverflowError:  # within a day of the year 1 or 9999: nobody's habit
        return quarter // 4 % HOURS


def answered(own: Own, hour: int) -> None:
    """Count one answer."""
    own[hour] = own.get(hour, 0) + 1
    _fade(own)


def merge(own: Own, other: Mapping[int, int]) -> None:
    """Add those of a contact that became a part of this one."""
    for hour, count in other.items():
        own[hour] = own.get(hour, 0) + count
    _fade(own)


def _fade(own: Own) -> None:
    while sum(own.values()) >= LIMIT:
        halved = {hour: count // 2 for hour, count in own.items() if count > 1}
        own.clear()
        own.update(halved)


def choose(at: int, within: int, zone: str, own: Mapping[int, int], everyone: Everyone | None) -> Choice:
    """The likeliest of the hours that begin up to `at + within`, or the one that it is now; of equal ones the next.

    At once where nothing is known, neither of the contact nor of anybody.
    """
    answers = sum(own.values())
    if not answers and everyone is None:
        return Choice(at, {"by": "nothing known"})
    strength = everyone.strength if everyone else 0.0
    shares = everyone.shares if everyone else (0.0,) * HOURS
    found = min(
        (-(own.get(hour, 0) + strength * shares[hour]), due, hour) for hour, due in _candidates(at, within, zone)
    )
    weight, due, hour = found
    why: dict[str, Any] = {"hour": hour, "share": round(-weight / (answers + strength), _DIGITS)}
    why |= {"by": "own answers" if own.get(hour) else "everyone's", "own": own.get(hour, 0), "answers": answers}
    if everyone is not None:
        why |= {"everyone": round(shares[hour], _DIGITS), "version": everyone.version}
    return Choice(due, why)


def _candidates(at: int, within: int, zone: str) -> Iterable[tuple[int, int]]:
    """Local hours with the first instant at which each can be had; one that a gap swallows is not among them."""
    now, clocks = local_hour(zone, at), ZoneInfo(zone)
    yield now, at
    for hour in range(HOURS):
        due = next_clock(at, hour * 60, (), clocks)
        if hour != now and due <= at + within and local_hour(zone, due) == hour:
            yield hour, due
