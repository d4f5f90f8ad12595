"""What can be known here of the brokers' clock, which stamps the records (LogAppendTime) and cannot be asked.

An acknowledgement says that the broker's clock had reached its record's `logged_at` before it came back. From then on
this machine's time since boot counts on, so the broker's clock is at least there; the best of the last acknowledgements
is short of it by the quickest answer, about a millisecond. Until a first append has told, the wall clock has to do.
Then, and where the brokers differ among each other, `now` may be ahead by as much as the clocks differ: keep them by
NTP well within the half second that LEAD_MS leaves beyond FRESH_MS.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from connectors.log_clock import Clock

_REMEMBERED: Final = 64  # acknowledgements; a broker's clock that is set back is believed after as many


class BrokerClock:
    """The brokers' clock as far as it is known."""

    def __init__(self, clock: Clock | None = None):
        self._clock = clock or Clock()
        self._bases: deque[int] = deque(maxlen=_REMEMBERED)

    def acknowledged(self, logged_at: int) -> None:
        """An append came back just now whose last record was logged at `logged_at`."""
        self._bases.append(logged_at - self._clock.boot() - 1)  # both are cut to milliseconds: stay below

    def now(self) -> int:
        """Milliseconds since the epoch; ENGINE says what to do where it is early."""
        if not self._bases:
            return self._clock.wall()
        return max(self._bases) + self._clock.boot()
