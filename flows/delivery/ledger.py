"""The ledger: a fold of `attempts`. It says where each send stands, also after a crash (DESIGN, rule 7)."""

from __future__ import annotations

from typing import Final

import msgspec

from schemas.records import Attempt

SETTLED: Final = frozenset({"accepted", "refused", "skipped", "unknown"})


class Standing(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Where a send stands: status, number, instant and provider of its last attempt; all empty for one never tried.

    `started` with nobody at work on it means that its end is not known: the process died in the middle.
    """

    status: str = ""
    number: int = 0
    at: int = 0
    provider: str = ""

    @property
    def settled(self) -> bool:
        """Whether it has ended for good."""
        return self.status in SETTLED


NEVER: Final = Standing()


def fold(standing: Standing, attempt: Attempt) -> Standing:
    """The standing after one more record. What has ended stays as it ended; but an unknown end may become known."""
    if standing.settled and not (standing.status == "unknown" and attempt.status == "accepted"):
        return standing
    number = max(standing.number, attempt.number)  # a webhook's record knows of no number
    return Standing(attempt.status, number, attempt.at, attempt.provider or standing.provider)
