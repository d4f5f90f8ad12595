"""When an event counts: each event lies in its window from one instant until another (LANGUAGE, "Windows")."""

from __future__ import annotations

from typing import Final, assert_never

from schemas.definitions.conditions import Between, Ever, SinceEntry, Sliding, Window
from schemas.times import DAY

FOREVER: Final = 1 << 62


class Range:
    """A compiled window: an event of `at` e counts from `e + opens` until `e + closes`, which is out already.

    `opens` is 0 but for windows with two ends, `closes` FOREVER but for those that slide. Of `between` the events
    outside are never `taken`; none lies in the future, so those inside count for ever.
    """

    __slots__ = ("_first", "_last", "closes", "opens")

    def __init__(self, window: Window):
        self.opens, self.closes, self._first, self._last = 0, FOREVER, -FOREVER, FOREVER
        match window:
            case Sliding():
                self.opens, self.closes = window.shortest, window.longest
            case Between():
                self._first, self._last = window.start, window.end
            case Ever() | SinceEntry():
                pass
            case _:
                assert_never(window)

    @property
    def slides(self) -> bool:
        """Whether events leave by time alone."""
        return self.closes < FOREVER

    def takes(self, happened: int, at: int) -> bool:
        """Whether an event of `happened` may count now or later."""
        return self._first <= happened < self._last and happened + self.closes > at

    def has(self, happened: int, at: int) -> bool:
        """Whether the event counts at the instant."""
        return self._first <= happened < self._last and happened + self.opens <= at < happened + self.closes

    @property
    def shifts(self) -> tuple[int, ...]:
        """How long after it happened an event begins and ends to count, if it does by time."""
        return tuple(shift for shift in (self.opens, self.closes) if shift) if self.slides else ()

    def days(self) -> int:
        """How many days' events are kept at most; of windows that do not slide ten years'."""
        return -(-self.closes // DAY) if self.slides else 3_650
