"""What a condition may ask about a contact besides its events: traits, zone, consent, reach, memberships, scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from flows.segments.ranking import Ranking


class Missing:
    """The one value of a trait or property that is absent or null: equal to nothing, false in every comparison."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()


class ContactView(Protocol):
    """One contact, as conditions see it at the instant that is being folded."""

    @property
    def contact(self) -> str:
        """The contact's id."""
        ...

    @property
    def zone(self) -> str:
        """The contact's IANA zone: the trait `timezone` where it names one, else the workspace's default."""
        ...

    def trait(self, path: str) -> Any:
        """The value at a dotted path (`account.` reads the account); an object where the path has children; MISSING."""
        ...

    def consent(self, channel: str, topic: str) -> str:
        """subscribed, unsubscribed, pending, or the topic's default where nothing was ever said."""
        ...

    def suppressed(self, channel: str) -> bool:
        """Whether the contact's address on the channel is on the suppression list."""
        ...

    def reachable(self, channel: str) -> bool:
        """Has an address, not suppressed, and `default` of the channel is not unsubscribed."""
        ...

    def member(self, segment: str) -> bool:
        """Whether the contact is in the segment at this instant; static segments and snapshots included."""
        ...

    def in_snapshot(self, snapshot: str) -> bool:
        """Whether the contact was frozen into the snapshot."""
        ...

    def score(self, model: str) -> float | None:
        """The model's last score in the fold, 0 to 100; None below the model's minimum of data."""
        ...

    def ranking(self, id: str) -> Ranking | None:
        """What was last computed of a ranking; None before that."""
        ...
