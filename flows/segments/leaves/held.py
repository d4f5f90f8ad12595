"""A trait leaf with `for`: what it asks has held without a break for so long, by the `at` of the identifies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from flows.contact import profile
from flows.contact.profile import ACCOUNT, ACCOUNT_ID, Profile
from flows.contact.view import ContactView
from flows.segments.compare import compile_comparison
from flows.segments.leaf import Leaf, leaf_id
from flows.segments.leaves.trait import keys_of, value_of
from schemas.definitions import conditions as spec
from schemas.facts import ACCOUNT_TRAITS
from schemas.records import Event

Assertion = list[Any]  # [at, path, value, place in the log], in that order


class Held(Leaf):
    """State: what was asserted of the path, above it and below it, back to what stood `held_for` ago.

    The history is told by the profile's own rules, so that a late identify can break or mend what seemed to have held.
    """

    def __init__(self, leaf: spec.Trait):
        self.path, self.held_for = leaf.path, leaf.held_for
        self.comparator = compile_comparison(leaf.comparison)
        self._of_account = leaf.path.partition(".")[0] == ACCOUNT
        super().__init__(leaf_id(leaf), {*keys_of(leaf), *({f"trait:{ACCOUNT_ID}"} if self._of_account else ())})

    def observe(self, state: list[Assertion] | None, event: Event, at: int) -> list[Assertion] | None:
        """Take in what the event asserts."""
        kept = list(state or ())
        if self._of_account and event.type == "group":
            kept = _after_joining(kept, event)
        if event.type == ACCOUNT_TRAITS and not self._is_of_its_account(event, kept):
            return state
        more = [a for a in _assertions(event) if self._concerns(a[1])]
        if not more:
            return state
        return self._compact(sorted([*kept, *more], key=_when), at)

    def _is_of_its_account(self, event: Event, kept: Sequence[Assertion]) -> bool:
        joined = _joined(kept)
        return joined is not None and joined[2] == event.properties.get("account")

    def _concerns(self, path: str) -> bool:
        if self._of_account and path == ACCOUNT_ID:
            return True
        return path == self.path or path.startswith(f"{self.path}.") or self.path.startswith(f"{path}.")

    def _compact(self, state: list[Assertion], at: int) -> list[Assertion]:
        """Of what is older than `held_for`, only what stood then; a later assertion cannot reach behind it."""
        old = [a for a in state if a[0] <= at - self.held_for]
        if len(old) < 2:
            return state
        stood = Profile()
        for happened, path, *asserted in old:
            profile.claim(stood, path, happened, *asserted)
        kept = [[c.at, path, c.value, c.place] for path, c in stood.traits.items()]
        return sorted(kept, key=_when) + state[len(old) :]

    def since(self, state: list[Assertion] | None, view: ContactView, at: int) -> int | None:
        """Since when it holds without a break; None where it does not hold."""
        told, since = Profile(), -1 << 62 if self._fits(Profile(), view, at) else None
        for i, (happened, path, *asserted) in enumerate(state or ()):
            profile.claim(told, path, happened, *asserted)
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
        """Both histories as one; of two accounts that of the one which was joined last."""
        if self._of_account:
            of_a, of_b = _joined(a), _joined(b)
            if of_a and of_b and of_a[2] != of_b[2]:
                a, b = (a, _of_no_account(b)) if _when(of_a) > _when(of_b) else (_of_no_account(a), b)
        return sorted(a + b, key=_when)

    def size(self, per_day: int) -> int:
        """An assertion each time that the trait is said."""
        return 3 + (14 + len(self.path) + 64) * (1 + per_day * -(-self.held_for // 86_400_000))

    def explain(self, state: list[Assertion] | None, view: ContactView, at: int) -> dict[str, Any]:
        """Since when it holds."""
        since = self.since(state, view, at)
        return {"value": value_of(view, self.path), "since": since}


def _when(assertion: Assertion) -> tuple[int, list[Any]]:
    """What the order goes by; one that was kept before places were is the earlier."""
    return assertion[0], assertion[3:]


def _joined(assertions: Sequence[Assertion]) -> Assertion | None:
    """The contact's last group."""
    return next((a for a in reversed(assertions) if a[1] == ACCOUNT_ID), None)


def _of_no_account(assertions: Iterable[Assertion]) -> list[Assertion]:
    """Without what accounts said."""
    return [a for a in assertions if a[1] == ACCOUNT_ID or not a[1].startswith(f"{ACCOUNT}.")]


def _after_joining(assertions: list[Assertion], event: Event) -> list[Assertion]:
    """Without what another account said, where the contact now belongs to this one."""
    joined = _joined(assertions)
    if joined is None or joined[2] == event.group_id or _when(joined) > (event.at, [event.place]):
        return assertions
    return _of_no_account(assertions)


def _assertions(event: Event) -> Iterator[Assertion]:
    """What a record says of traits."""
    if event.type == "identify":
        for path, value in profile.flatten(event.traits):
            yield [event.at, path, value, event.place]
    elif event.type == "group":
        yield [event.at, ACCOUNT_ID, event.group_id, event.place]
    elif event.type == ACCOUNT_TRAITS:
        for path, at, *asserted in event.properties.get("claims", ()):
            yield [at, f"{ACCOUNT}.{path}", *asserted]
