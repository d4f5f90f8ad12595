"""Leaves that ask what other parts of the fold know: membership, score, consent, reach; and those that ask nothing."""

from __future__ import annotations

from typing import Any

from flows.consent.reducer import ADDRESS_TRAITS
from flows.contact.view import MISSING, ContactView
from flows.segments.leaf import Leaf, leaf_id
from flows.segments.measures import compile_number
from schemas.definitions import conditions as spec
from schemas.ids import bucket


class InSegment(Leaf):
    """`segment`: member at this instant; segments that are asked about are evaluated before."""

    def __init__(self, leaf: spec.InSegment):
        self.segment = leaf.segment
        super().__init__(leaf_id(leaf), {f"segment:{leaf.segment}"})

    def truth(self, state: None, view: ContactView, at: int) -> bool:
        """Whether the contact is a member."""
        return view.member(self.segment)


class InSnapshot(Leaf):
    """`snapshot`: frozen into it; nothing changes that."""

    def __init__(self, leaf: spec.InSnapshot):
        self.snapshot = leaf.snapshot
        super().__init__(leaf_id(leaf), ())

    def truth(self, state: None, view: ContactView, at: int) -> bool:
        """Whether the contact is in it."""
        return view.in_snapshot(self.snapshot)


class Score(Leaf):
    """`score`: the model's last one."""

    def __init__(self, leaf: spec.Score):
        self.model, self.test = leaf.model, compile_number(leaf.comparison)
        super().__init__(leaf_id(leaf), {f"score:{leaf.model}"})

    def truth(self, state: None, view: ContactView, at: int) -> bool:
        """Whether it fits."""
        score = view.score(self.model)
        return self.test(MISSING if score is None else score)

    def explain(self, state: None, view: ContactView, at: int) -> dict[str, Any]:
        """The score."""
        return {"value": view.score(self.model)}


class Consent(Leaf):
    """`consent`: subscribed."""

    def __init__(self, leaf: spec.Consent):
        self.channel, self.topic = leaf.channel, leaf.topic
        super().__init__(leaf_id(leaf), {"consent"})

    def truth(self, state: None, view: ContactView, at: int) -> bool:
        """Whether the status is `subscribed`."""
        return view.consent(self.channel, self.topic) == "subscribed"

    def explain(self, state: None, view: ContactView, at: int) -> dict[str, Any]:
        """The status."""
        return {"value": view.consent(self.channel, self.topic)}


def _address_keys(channel: str) -> set[str]:
    return {f"trait:{ADDRESS_TRAITS[channel]}"} if channel in ADDRESS_TRAITS else set()


class Reachable(Leaf):
    """`reachable`: has an address that is not suppressed, and has not unsubscribed from the channel."""

    def __init__(self, leaf: spec.Reachable):
        self.channel = leaf.channel
        super().__init__(leaf_id(leaf), {"consent", "suppressed", *_address_keys(leaf.channel)})

    def truth(self, state: None, view: ContactView, at: int) -> bool:
        """Whether all of it holds."""
        return view.reachable(self.channel)


class Suppressed(Leaf):
    """`suppressed`: the address is on the list."""

    def __init__(self, leaf: spec.Suppressed):
        self.channel = leaf.channel
        super().__init__(leaf_id(leaf), {"suppressed", *_address_keys(leaf.channel)})

    def truth(self, state: None, view: ContactView, at: int) -> bool:
        """Whether it is."""
        return view.suppressed(self.channel)


class Bucket(Leaf):
    """`bucket`: a sample that stays the same."""

    def __init__(self, leaf: spec.Bucket):
        self.low, self.high, self.salt = leaf.low, leaf.high, leaf.salt
        super().__init__(leaf_id(leaf), ())

    def truth(self, state: None, view: ContactView, at: int) -> bool:
        """Whether the contact's place lies in it."""
        return self.low <= bucket(self.salt, view.contact) < self.high

    def explain(self, state: None, view: ContactView, at: int) -> dict[str, Any]:
        """The contact's place."""
        return {"value": bucket(self.salt, view.contact)}


class Everyone(Leaf):
    """`everyone`."""

    def __init__(self, leaf: spec.Everyone):
        super().__init__(leaf_id(leaf), ())

    def truth(self, state: None, view: ContactView, at: int) -> bool:
        """True."""
        return True
