"""A contact's touches: what they did with messages, kept long enough to be credited with a conversion.

The kept set is a function of the set of touches, whatever their order: the newest LIMIT of those no older than the
longest window and LATE before the newest. So models are exact for a conversion that happened no more than LATE before
the newest touch that was logged earlier; `first_touch` and `linear` also need no more than LIMIT touches in the window.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import attrgetter
from typing import Final

import msgspec

from flows.contact.section import Section
from schemas.times import DAY

LIMIT: Final = 50  # about 5 KB of state at worst; a contact with more touches in a window is a crawler or a colleague
LATE: Final = 7 * DAY

_at = attrgetter("at")


class Touch(msgspec.Struct, array_like=True, gc=False, frozen=True):
    """One touch: when, what (`opened`, `clicked`, …) and of which message."""

    at: int
    kind: str
    channel: str = ""
    send: str = ""
    campaign: str = ""
    journey: str = ""
    node: str = ""

    @property
    def message(self) -> str:
        """What is credited: the send; for imported touches without one, what there is to tell it by."""
        return self.send or f"{self.campaign}/{self.journey}/{self.node}"


class Touches(msgspec.Struct, array_like=True, gc=False):
    """By `at`, oldest first; of two at the same instant the later in the log is the later."""

    kept: list[Touch] = []


SECTION: Final = Section(4, "touches", Touches)


def record(touches: Touches, touch: Touch, window: int) -> None:
    """Take a touch in; drop what no conversion can be credited to any more."""
    kept = touches.kept
    kept.insert(bisect_right(kept, touch.at, key=_at), touch)
    stale = bisect_right(kept, kept[-1].at - window - LATE, key=_at)
    del kept[: max(stale, len(kept) - LIMIT)]


def within(touches: Touches, at: int, window: int, kinds: frozenset[str]) -> list[Touch]:
    """The touches in (at - window, at] of these kinds, oldest first."""
    kept = touches.kept
    part = kept[bisect_right(kept, at - window, key=_at) : bisect_right(kept, at, key=_at)]
    return [t for t in part if t.kind in kinds]
