"""Frequency caps: exact sliding windows over the messages that were planned. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from flows.definitions.catalogue import Published
from schemas.definitions import parse
from schemas.definitions.policy import FrequencyCap
from schemas.times import format_instant, parse_duration

CAPPED: Final = "frequency_cap"  # the reason of a message that a cap kept back


class Planned(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A marketing message that goes, or went, at an instant. Without a campaign its journey stands for one."""

    at: int
    send: str
    channel: str
    topic: str
    campaign: str


@dataclass(frozen=True, slots=True)
class Count:
    """How many a window holds, and from when on it has room again: the instant itself where it has."""

    number: int
    free_at: int


@dataclass(frozen=True, slots=True)
class Cap:
    """One definition. Empty strings ask for nothing."""

    id: str
    channel: str
    topic: str
    campaign: str
    per: str
    max: int
    within: int
    written: str = ""  # `within`, as the definition has it

    def concerns(self, message: Planned) -> bool:
        """Whether the cap counts such a message."""
        return (
            self.channel in ("", message.channel)
            and self.topic in ("", message.topic)
            and self.campaign in ("", message.campaign)
        )

    def count(self, planned: Sequence[Planned], meant: Planned) -> Count:
        """What lies in `(t - within, t]` of the instant t of the meant message, which is not among them.

        >>> cap = Cap("c", "", "", "", "", 2, 100)
        >>> cap.count([Planned(at, "", "email", "", "") for at in (0, 1, 60)], Planned(100, "", "email", "", ""))
        Count(number=2, free_at=101)
        """
        at = meant.at
        told = sorted(p.at for p in planned if at - self.within < p.at <= at and self._is_like(p, meant))
        return Count(len(told), at if len(told) < self.max else told[-self.max] + self.within)

    def _is_like(self, other: Planned, meant: Planned) -> bool:
        return self.concerns(other) and (not self.per or getattr(other, self.per) == getattr(meant, self.per))

    def said(self, count: Count) -> str:
        """As `3 of 3 in 7d, next free at 2026-01-12T09:00:00.000Z`."""
        text = f"{self.id}: {count.number} of {self.max} in {self.written}"
        return text if count.number < self.max else f"{text}, next free at {format_instant(count.free_at)}"


def compile_caps(published: Sequence[Published]) -> tuple[Cap, ...]:
    """The active ones, by id."""
    return tuple(_compile(p) for p in published)


def _compile(published: Published) -> Cap:
    made = parse(published.body)
    assert isinstance(made, FrequencyCap)
    words = (made.channel or "", made.topic or "", made.campaign or "", made.per or "")
    return Cap(made.id, *words, made.max, parse_duration(made.within), made.within)
