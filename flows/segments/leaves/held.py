"""A trait leaf with `for`: what it asks has held without a break for so long, by the `at` of the identifies."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from typing import Any, Final

from flows.contact import profile
from flows.contact.profile import Profile
from flows.contact.view import ContactView
from flows.segments.compare import compile_comparison
from flows.segments.leaf import Leaf, leaf_id
from flows.segments.leaves.trait import keys_of, value_of
from schemas.definitions import conditions as spec
from schemas.facts import ACCOUNT_TRAITS
from schemas.records import Event

_ACCOUNT_ID: Final = f"{profile.ACCOUNT}.id"
Assertion = list[Any]  # [at, path, value], of one instant in the order of the log


class Held(Leaf):
    """State: what was asserted of the path, above it and below it, back to what stood `held_for` ago.

    The history is told by the profile's own rules, so that a late identify can break or mend what seemed to have held.
    """

    def __init__(self, leaf: spec.Trait):
        self.path, self.held_for = leaf.path, leaf.held_for
        self.comparator = compile_comparison(leaf.comparison)
        self._of_account = leaf.path.partition(".")[0] == profile.ACCOUNT
        super().__init__(leaf_id(leaf), {*keys_of(leaf), *({f"trait:{_ACCOUNT_ID}"} if self._of_account else ())})

    def observe(self, state: list[Assertion] | None, event: Event, at: int) -> list[Assertion] | None:
        """Take in what the event asserts."""
        kept = list(state or ())
        if self._of_account and event.type == "group":
            kept = _joined(kept, event)
        if event.type == ACCOUNT_TRAITS and event.properties.get("account") != _account(kept):
            return state
        more = [list(a) for a in _assertions(event) if self._concerns(a[1])]
        if not more:
            return state
        return self._compact(sorted([*kept, *more], key=itemgetter(0)), at)

    def _concerns(self, path: str) -> bool:
        if self._of_account and path == _ACCOUNT_ID:
            return True
        return path == self.path or path.startswith(f"{self.path}.") or self.path.startswith(f"{path}.")

    def _compact(self, state: list[Assertion], at: int) -> list[Assertion]:
        """Of what is older than `held_for`, only what stood then; a later assertion cannot reach behind it."""
        old = [a for a in state if a[0] <= at - self.held_for]
        if len(old) < 2:
            return state
        stood = Profile()
        for happened, path, value in old:
            profile.claim(stood, path, happened, value)
        kept = [[happened, path, value] for path, (happened, value) in stood.traits.items()]
        return sorted(kept, key=itemgetter(0)) + state[len(old) :]

    def since(self, state: list[Assertion] | None, view: ContactView, at: int) -> int | None:
        """Since when it holds without a break; None where it does not hold."""
        told, since = Profile(), -1 << 62 if self._fits(Profile(), view, at) else None
        for i, (happened, path, value) in enumerate(state or ()):
            profile.claim(told, path, happened, value)
            if state is not None and i + 1 < len(state) and state[i + 1][0] == happened:
                continue  # what is said at one instant stands together
            if not self._fits(told, view, at):
                since = None
            elif since is None:
                since = happened
        return since

    def _fits(self, told: Profile, view: ContactView, at: int) -> bool:
        return self.comparator.test(profile.look_up(told, self.path), view, at)

    def truth(self, state: list[Assertion] | None, view: ContactView, at: int) -> bool:
        """Whether it has held for so long."""
        since = self.since(state, view, at)
        return since is not None and since <= at - self.held_for

    def next_change(self, state: list[Assertion] | None, view: ContactView, at: int) -> int | None:
        """When it will have held for so long."""
        since = self.since(state, view, at)
        return None if since is None or since + self.held_for <= at else since + self.held_for

    def union(self, a: list[Assertion], b: list[Assertion]) -> list[Assertion]:
        """Both histories as one."""
        return sorted(a + b, key=itemgetter(0))

    def size(self, per_day: int) -> int:
        """An assertion each time that the trait is said."""
        return 3 + (14 + len(self.path) + 64) * (1 + per_day * -(-self.held_for // 86_400_000))

    def explain(self, state: list[Assertion] | None, view: ContactView, at: int) -> dict[str, Any]:
        """Since when it holds."""
        since = self.since(state, view, at)
        return {"value": value_of(view, self.path), "since": since}


def _account(assertions: Iterable[Assertion]) -> Any:
    """The account that the contact was last grouped with."""
    return next((value for _, path, value in reversed(list(assertions)) if path == _ACCOUNT_ID), None)


def _joined(assertions: list[Assertion], event: Event) -> list[Assertion]:
    """Without what another account said, where the contact now belongs to this one."""
    joined = next((a for a in reversed(assertions) if a[1] == _ACCOUNT_ID), None)
    if joined is None or joined[2] == event.group_id or joined[0] > event.at:
        return assertions
    return [a for a in assertions if not a[1].startswith(f"{profile.ACCOUNT}.")]


def _assertions(event: Event) -> Iterable[tuple[int, str, Any]]:
    """What a record says of traits: at, path, value."""
    if event.type == "identify":
        for path, value in profile.flatten(event.traits):
            yield event.at, path, value
    elif event.type == "group":
        yield event.at, f"{profile.ACCOUNT}.id", event.group_id
    elif event.type == ACCOUNT_TRAITS:
        for path, at, value in event.properties.get("claims", ()):
            yield at, f"{profile.ACCOUNT}.{path}", value
