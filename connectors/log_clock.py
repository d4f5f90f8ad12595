"""The SQLite log's clock: wall-clock time that never runs backwards, the same in every process on the machine.

A machine's time since boot only ever goes on, but says no date; the wall clock says the date, but may be set back. So
the log keeps `base`, the wall time of boot, and its time is `base` + time since boot. `base` is moved forward inside
an append when the wall clock is found well ahead (it was set forward, or the machine was restarted), and never back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, NamedTuple

_BOOT_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # BOOTTIME counts a suspended machine's time
AHEAD_MS: Final = 100  # the wall clock is followed once it is this far ahead; less is jitter


def wall_ms() -> int:
    """The wall clock, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def boot_ms() -> int:
    """Milliseconds since the machine was started."""
    return time.clock_gettime_ns(_BOOT_CLOCK) // 1_000_000


class Clock(NamedTuple):
    """Where the log's time comes from; tests turn both by hand."""

    wall: Callable[[], int] = wall_ms
    boot: Callable[[], int] = boot_ms

    def read(self, base: int) -> int:
        """The log's time, given its `base`."""
        return base + self.boot()

    def rebase(self, base: int) -> int:
        """The `base` to go on with: the same, or a later one where the wall clock is ahead."""
        ahead = self.wall() - self.boot()  # in this order: a pause between the two makes it earlier, never later
        return ahead if ahead - base > AHEAD_MS else base
