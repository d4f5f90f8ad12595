"""A circuit breaker: pure, driven by instants in milliseconds.

closed ── FAILURES in a row, or one of the account ──▶ open ── its pause ──▶ half-open: one probe at a time
  ▲                                                     ▲                        │
  └───────────────────────── success ───────────────────┼────────────────────────┤
                                                        └── failure, twice as long
"""

from __future__ import annotations

from typing import Final, Literal

from schemas.times import MINUTE, SECOND

FAILURES: Final = 5
FIRST_PAUSE: Final = 5 * SECOND
LONGEST_PAUSE: Final = 5 * MINUTE
State = Literal["closed", "open", "half-open"]


class Breaker:
    """What is asked of it first is `wait_ms`; where that is 0, `take`, and then one of the other three."""

    def __init__(self) -> None:
        self.state: State = "closed"
        self._failures, self._pause, self._until, self._probing = 0, FIRST_PAUSE, 0, False

    def wait_ms(self, now: int) -> int | None:
        """0 where a message may go, else how long to wait; None where the probe's end has to be waited for."""
        if self.state == "open":
            return max(0, self._until - now)
        return None if self._probing else 0

    def take(self) -> None:
        """A message goes: the probe, where it is not closed."""
        if self.state != "closed":
            self.state, self._probing = "half-open", True

    def succeeded(self) -> None:
        """The provider answers as it should."""
        self.state, self._failures, self._pause, self._probing = "closed", 0, FIRST_PAUSE, False

    def failed(self, now: int, at_once: bool = False) -> None:
        """It does not; `at_once` where one failure says it all. What was under way when it opened counts no more."""
        if self.state == "open":
            return
        self._failures += 1
        if self.state == "half-open":
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        if self.state == "half-open" or at_once or self._failures >= FAILURES:
            self.state, self._until, self._probing = "open", now + self._pause, False

    def released(self) -> None:
        """What was taken did not go after all."""
        self._probing = False
