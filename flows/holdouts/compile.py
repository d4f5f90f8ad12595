"""Holdouts compiled: whom each holds out at an instant, and until when that stands. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from flows.definitions.catalogue import Published
from flows.journeys.localtime import resolve
from schemas.definitions import parse
from schemas.definitions.holdout import Holdout as Written
from schemas.ids import bucket
from schemas.times import from_ms

_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class Holdout:
    """One definition. `months` is the length of a period, 0 where there is none."""

    id: str
    version: int
    share: float
    salt: str
    uses: frozenset[str]
    months: int
    zone: ZoneInfo

    def salt_at(self, at: int) -> str:
        """The salt of the instant's period, as in `q/2026-10`: a period goes by the month in which it begins."""
        if not self.months:
            return self.salt
        begins = self._begin(at)
        return f"{self.salt}/{begins.year:04d}-{begins.month:02d}"

    def ends(self, at: int) -> int | None:
        """When the instant's period ends; None for never."""
        if not self.months:
            return None
        begins = self._begin(at)
        month = begins.month + self.months
        return resolve(begins.replace(year=begins.year + month // 13, month=month - 12 * (month // 13)), self.zone)

    def _begin(self, at: int) -> datetime:
        """The local midnight at which the period began."""
        local = from_ms(at).astimezone(self.zone)
        return datetime(local.year, (local.month - 1) // self.months * self.months + 1, 1)  # noqa: DTZ001 - local


Holdouts = Sequence[Holdout]


def compile_holdouts(published: Sequence[Published], zone: str) -> tuple[Holdout, ...]:
    """The active ones, by id; `zone` is the workspace's."""
    return tuple(_compile(p, zone) for p in published)


def _compile(published: Published, zone: str) -> Holdout:
    made = parse(published.body)
    assert isinstance(made, Written)
    months = _MONTHS[made.period] if made.period else 0
    uses = frozenset(made.applies_to)
    return Holdout(made.id, published.version, made.share, made.salt or made.id, uses, months, ZoneInfo(zone))


def held_by(contact: str, holdouts: Holdouts, at: int) -> dict[str, str]:
    """The holdouts that hold the contact out at the instant: id -> the salt by which.

    The condition `{"bucket": [0, share], "salt": …}` of that salt holds for the same contacts.
    """
    salts = ((h, h.salt_at(at)) for h in holdouts)
    return {h.id: salt for h, salt in salts if bucket(salt, contact) < h.share}
