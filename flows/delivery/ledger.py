"""The ledger: a fold of `attempts`. It says where each send stands, also after a crash (DESIGN, rule 7)."""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.records import Attempt

SETTLED: Final = frozenset({"accepted", "refused", "skipped", "unknown"})


class Standing(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Where a send stands: the status, number and instant of its last attempt; all empty for one never tried.

    `started` with nobody at work on it means that its end is not known: the process died in the middle.
    """

    status: str = ""
    number: int = 0
    at: int = 0

    @property
    def settled(self) -> bool:
        """Whether it has ended for good."""
        return self.status in SETTLED


NEVER: Final = Standing()


def fold(standing: Standing, attempt: Attempt) -> Standing:
    """The standing after one more record. What has ended stays as it ended."""
    return standing if standing.settled else Standing(attempt.status, attempt.number, attempt.at)
