"""What is known of a contact of whom nothing is known: so that a new contact costs what its first record touches.

Most leaves have one truth for every blank contact, and most segments then have one too. Those whose leaves ask who the
contact is (a bucket, a snapshot), or what holds without anything said (a topic's default), are asked for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NoReturn

from flows.contact.view import MISSING
from flows.segments.leaf import Leaf
from flows.segments.program import Program


class Asks(Exception):
    """The truth depends on more than that nothing is known."""


class Blank:
    """A `ContactView` of nobody. `asked`: segments that are asked for every new contact; it grows on the way.

    A new contact is no member of a segment until it is asked. So what asks about one that is asked must be asked too;
    what asks about any other is asked when that one flips.
    """

    def __init__(self) -> None:
        self.asked: set[str] = set()

    @property
    def contact(self) -> str:
        """Which contact it is decides."""
        raise Asks

    @property
    def zone(self) -> str:
        """The workspace decides."""
        raise Asks

    def trait(self, path: str) -> Any:
        """There is none."""
        return MISSING

    def consent(self, channel: str, topic: str) -> NoReturn:
        """The topic's default decides."""
        raise Asks

    def suppressed(self, channel: str) -> bool:
        """Without an address nothing is."""
        return False

    def reachable(self, channel: str) -> bool:
        """Without an address nobody is."""
        return False

    def member(self, segment: str) -> bool:
        """Of none, but those that are asked first."""
        if segment in self.asked:
            raise Asks
        return False

    def in_snapshot(self, snapshot: str) -> NoReturn:
        """Which contact it is decides."""
        raise Asks

    def score(self, model: str) -> float | None:
        """There is none."""
        return None

    def ranking(self, id: str) -> NoReturn:
        """Which contact it is decides."""
        raise Asks


_ANY: Final = 0  # an instant: a truth that the time decides has a next change


def asks(leaf: Leaf, view: Blank) -> bool:
    """Whether the leaf's truth for a blank contact depends on which contact it is, or on the time."""
    try:
        leaf.truth(None, view, _ANY)
        return leaf.next_change(None, view, _ANY) is not None
    except Asks:
        return True


def places_to_ask(segments: Sequence[tuple[str, Program]]) -> tuple[int, ...]:
    """The places of the segments, given in order, that a new contact must be asked for whatever its first record is."""
    view, found = Blank(), []
    for place, (id, program) in enumerate(segments):
        if any(asks(leaf, view) for leaf in program.leaves) or program.holds({}, view, _ANY):
            view.asked.add(id)
            found.append(place)
    return tuple(found)
