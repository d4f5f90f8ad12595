"""The contact as conditions see it: `ContactView` over the opened state and the definitions active at the instant."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from flows.consent import reducer as consent
from flows.contact import profile
from flows.contact.section import Contact
from flows.holdouts import reducer as holdouts
from flows.scoring import reducer as scoring
from flows.segments import engine as segments
from schemas.ids import address_hash

if TYPE_CHECKING:
    from flows.contact.active import Active
    from flows.segments.ranking import Ranking


@lru_cache(4096)
def is_zone(name: str) -> bool:
    """Whether the name is an IANA zone that is known here."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; not a relative path inside the database; a folder of it
        return False
    return True


class Subject:
    """Implements `flows.contact.view.ContactView`. Opens a section only when something of it is asked."""

    __slots__ = ("active", "contact", "state")

    def __init__(self, contact: str, state: Contact, active: Active):
        self.contact, self.state, self.active = contact, state, active

    @property
    def zone(self) -> str:
        """The trait `timezone` where it is an IANA zone, else the workspace's."""
        value = self.trait("timezone")
        return value if isinstance(value, str) and is_zone(value) else self.active.zone

    def trait(self, path: str) -> Any:
        """The value at a dotted path; MISSING where there is none."""
        return profile.look_up(self.state.get(profile.SECTION), path)

    def traits(self) -> dict[str, Any]:
        """All traits as one nested object."""
        return profile.as_object(self.state.get(profile.SECTION))

    def consent(self, channel: str, topic: str) -> str:
        """What was said last, else the topic's default, else an empty string."""
        said = self.state.get(consent.SECTION).said.get(channel, {}).get(topic)
        return said.status if said is not None else self.active.topics.get((channel, topic), "")

    def address(self, channel: str) -> str:
        """The contact's address on the channel; empty where it has none. A webhook needs none."""
        value = self.trait(consent.ADDRESS_TRAITS.get(channel, ""))
        return value.strip() if isinstance(value, str) else ""

    def suppressed(self, channel: str) -> bool:
        """Whether the contact's present address is on the list."""
        listed = self.state.get(consent.SECTION).suppressed.get(channel)
        address = self.address(channel) if listed else ""
        return bool(listed and address) and address_hash(address) in (listed or {})

    def reachable(self, channel: str) -> bool:
        """Has an address, not suppressed, and `default` of the channel is not unsubscribed."""
        return (
            bool(self.address(channel))
            and not self.suppressed(channel)
            and self.consent(channel, consent.DEFAULT_TOPIC) != "unsubscribed"
        )

    def held_out(self, use: str) -> str:
        """The universal holdout that keeps the contact from `journeys` or `sends`; empty where none does."""
        return holdouts.held(self.state, self.active.holdouts, use)

    def member(self, segment: str) -> bool:
        """Whether the contact is in the segment."""
        return segment in self.state.get(segments.SECTION).members

    def in_snapshot(self, snapshot: str) -> bool:
        """Whether the contact was frozen into the snapshot."""
        return self.contact in self.active.snapshots.get(snapshot, ())

    def score(self, model: str) -> float | None:
        """The model's last score in the fold."""
        return scoring.score_of(self.state.get(scoring.SECTION), model)

    def ranking(self, id: str) -> Ranking | None:
        """What was last computed of a ranking; None before that."""
        return self.active.rankings.get(id)
