"""How fast a provider is given messages: a rate a second, and a new sender's allowance a day. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import msgspec

from schemas.definitions.provider import WarmUp
from schemas.times import DAY, SECOND

ALL = ""  # counts every recipient's domain


class Rate:
    """A token bucket: `per_s` messages a second, of which a tenth of a second's (at least one) may go at once."""

    def __init__(self, per_s: float):
        self._per_ms, self._most = per_s / SECOND, max(1.0, per_s / 10)
        self._tokens, self._at = self._most, 0

    def wait_ms(self, now: int) -> int:
        """0 where a message may go, else how long to wait."""
        self._tokens = min(self._most, self._tokens + max(0, now - self._at) * self._per_ms)
        self._at = max(self._at, now)
        return 0 if self._tokens >= 1 else max(1, round((1 - self._tokens) / self._per_ms))

    def take(self) -> None:
        """A message goes."""
        self._tokens -= 1


class Plan(NamedTuple):
    """A warm-up, compiled. `since` is the day (since 1970, UTC) of its first allowance."""

    since: int
    first_day: int
    growth: float
    days: int
    domains: frozenset[str]

    def allowance(self, now: int) -> int | None:
        """How many messages may go on the day of this instant; None: any number.

        >>> [Plan(0, 50, 2.0, 3, frozenset()).allowance(day * 86_400_000) for day in range(4)]
        [50, 100, 200, None]
        """
        day = max(0, now // DAY - self.since)
        return int(self.first_day * self.growth**day) if day < self.days else None


def compile_plan(written: WarmUp) -> Plan:
    """The plan of a definition."""
    since = int(datetime.fromisoformat(written.since).astimezone(UTC).timestamp() * 1000) // DAY
    return Plan(since, written.first_day, written.growth, written.days, frozenset(written.domains))


class Kept(msgspec.Struct):
    """What has to outlive a restart: until when the provider asked to be left alone, and what went on which day."""

    paused_until: int = 0
    day: int = 0
    counts: dict[str, int] = {}

    def count(self, domain: str, now: int) -> None:
        """A message went to an address of this domain."""
        if now // DAY != self.day:
            self.day, self.counts = now // DAY, {}
        for name in (ALL, domain):
            self.counts[name] = self.counts.get(name, 0) + 1

    def wait_ms(self, plan: Plan, domain: str, now: int, under_way: int = 0) -> int | None:
        """0 where the day's allowance is not used up, else the time until the next day; None where it is used up if
        all those under way go.
        """
        allowance = plan.allowance(now)
        went = self.counts.get(domain, 0) if now // DAY == self.day else 0
        if allowance is None or went + under_way < allowance:
            return 0
        return None if went < allowance else DAY - now % DAY
