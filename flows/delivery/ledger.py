"""The ledger: a fold of `attempts`. It says where each send stands, also after a crash (DESIGN, rule 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from schemas.records import Attempt

TOLD: Final = "told"  # the reason of a record that a webhook gave cause for
SETTLED: Final = frozenset({"accepted", "refused", "skipped", "unknown"})


class Standing(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Where a send stands: status, number, instant and provider of its last attempt; all empty for one never tried.

    `due` is the instant of its next attempt, `channel` the one by which it goes, `failures` how many tries by that have
    failed, of those that count; `in_the_dark` whether of one of these the end was never known.

    `started` with nobody at work on it means that its end is not known: the process died in the middle.
    """

    status: str = ""
    number: int = 0
    at: int = 0
    provider: str = ""
    due: int = 0
    channel: str = ""
    failures: int = 0
    in_the_dark: bool = False

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
    channel, provider = attempt.channel or standing.channel, attempt.provider or standing.provider
    counted = attempt if attempt.status == "retry" else standing
    return Standing(
        attempt.status, number, attempt.at, provider, attempt.due, channel, counted.failures, counted.in_the_dark
    )


def settled_by_word(attempts: Iterable[Attempt], known: Callable[[str], Standing]) -> list[Attempt]:
    """Of records in their order those by which somebody's word settles a send whose end delivery could not tell.

    `known` is where a send stood before the first of them.
    """
    standings: dict[str, Standing] = {}
    settled = []
    for attempt in attempts:
        standing = standings.get(attempt.send) or known(attempt.send)
        if attempt.reason == TOLD and standing.status in ("unknown", "started", "retry"):
            settled.append(attempt)
        standings[attempt.send] = fold(standing, attempt)
    return settled
