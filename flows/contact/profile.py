"""The profile: traits merged key by key, for each the value with the latest `at` (LANGUAGE, "Time, identity, traits").

Traits are kept flat, by dotted path, each with the `at` of its assertion; `null` is kept as a tombstone. Merging is
JSON Merge Patch (RFC 7396) replayed in the order of `at`, whatever the order of arrival: an assertion at a path hides
older ones at its ancestors and descendants. So an assertion older than one at its path or above is dead on arrival; one
that is taken removes the older ones below it, and stays as a barrier while newer ones stand below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from flows.contact.scope import Scope
from flows.contact.section import Section
from flows.contact.view import MISSING
from schemas.facts import ACCOUNT_TRAITS

ACCOUNT = "account"  # where the traits of the contact's account appear


_NOWHERE: Final[list[int]] = []


class Claim(NamedTuple):
    """What was asserted of a path, when, and where in the log (`schemas.records.placed`)."""

    at: int
    value: Any
    place: list[int] = _NOWHERE

    def is_later(self, at: int, place: list[int]) -> bool:
        """Whether it was asserted after one of this instant and place."""
        return self.at > at or (self.at == at and self.place > place)


class Profile(msgspec.Struct, array_like=True, gc=False):
    """`traits`: path -> claim. `nested`: whether any path has a dot. `absorbed`: ids merged into this contact."""

    traits: dict[str, Claim] = {}
    nested: bool = False
    absorbed: list[str] = []


ACCOUNT_ID = f"{ACCOUNT}.id"
SECTION = Section(0, "profile", Profile)


def flatten(traits: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no object, with its dotted path. An empty object asserts nothing."""
    stack = [(prefix, traits)]
    while stack:
        above, part = stack.pop()
        for key, value in part.items():
            path = f"{above}.{key}" if above else key
            if isinstance(value, dict):
                stack.append((path, value))
            else:
                yield path, value


def ancestors(path: str) -> Iterator[str]:
    """`a.b.c` -> `a.b`, `a`."""
    while (cut := path.rfind(".")) >= 0:
        path = path[:cut]
        yield path


def claim(profile: Profile, path: str, at: int, value: Any, place: list[int] = _NOWHERE) -> bool:
    """Take an assertion unless a later one already stands at its path or above; True where it was taken."""
    traits = profile.traits
    held = traits.get(path)
    if held is not None and held.is_later(at, place):
        return False
    if "." in path:
        if any((above := traits.get(a)) is not None and above.is_later(at, place) for a in ancestors(path)):
            return False
        profile.nested = True
    if profile.nested:
        below = path + "."
        for dead in [p for p, c in traits.items() if p.startswith(below) and not c.is_later(at, place)]:
            del traits[dead]
    traits[path] = Claim(at, value, place)
    return True


def look_up(profile: Profile, path: str) -> Any:
    """The value at a path; where newer values stand below it the object of them; MISSING where there is nothing."""
    traits = profile.traits
    if profile.nested:
        below = path + "."
        children = [p for p in traits if p.startswith(below)]
        if children:
            return _object({p[len(below) :]: traits[p].value for p in children})
    held = traits.get(path)
    return MISSING if held is None or held.value is None else held.value


def _object(flat: Mapping[str, Any]) -> Any:
    """The nested object of flat paths; MISSING where no value is left. What stands below replaces a barrier above."""
    tree: dict[str, Any] = {}
    for path, value in sorted(flat.items(), key=lambda item: item[0].count(".")):
        *above, last = path.split(".")
        node = tree
        for key in above:
            if not isinstance(node.get(key), dict):
                node[key] = {}
            node = node[key]
        if value is not None:
            node[last] = value
    return _without_empty(tree) or MISSING


def _without_empty(tree: dict[str, Any]) -> dict[str, Any]:
    kept = {k: _without_empty(v) if isinstance(v, dict) else v for k, v in tree.items()}
    return {k: v for k, v in kept.items() if v != {}}


def as_object(profile: Profile) -> dict[str, Any]:
    """All traits as one nested object."""
    whole = _object({p: claim.value for p, claim in profile.traits.items()})
    return {} if whole is MISSING else whole


def react(scope: Scope) -> None:
    """Take an identify's traits, a group's account, and what the account says of itself."""
    event = scope.event
    if event is None:
        return
    if event.type == "identify":
        _claim_all(scope, [(path, event.at, value, event.place) for path, value in flatten(event.traits)])
    elif event.type == "group":
        _join(scope, Claim(event.at, event.group_id, event.place))
    elif event.type == ACCOUNT_TRAITS and event.properties.get("account") == account_of(scope):
        claims = event.properties.get("claims", [])
        _claim_all(scope, [(f"{ACCOUNT}.{path}", *claim) for path, *claim in claims])


def account_of(scope: Scope) -> Any:
    """The account that the contact belongs to; MISSING where it belongs to none."""
    return look_up(scope.state.get(SECTION), ACCOUNT_ID)


def _join(scope: Scope, joined: Claim) -> None:
    """The contact belongs to the account that it was last grouped with; another account's traits are no longer its."""
    before = scope.state.get(SECTION).traits.get(ACCOUNT_ID)
    if before is not None and before.value != joined.value and not before.is_later(joined.at, joined.place):
        _leave_account(scope)
    _claim_all(scope, [(ACCOUNT_ID, *joined)])


def _leave_account(scope: Scope) -> None:
    traits = scope.state.get(SECTION).traits
    for path in [p for p in traits if p.startswith(f"{ACCOUNT}.")]:
        del traits[path]
        scope.keys.add(f"trait:{path}")


def absorb(scope: Scope, other: Profile) -> None:
    """Take a merged contact's traits in: for each what was asserted last stands, and one account remains."""
    own = scope.state.get(SECTION)
    own.absorbed = sorted({*own.absorbed, *other.absorbed})
    theirs, joined = other.traits, other.traits.get(ACCOUNT_ID)
    if joined is not None:
        mine = own.traits.get(ACCOUNT_ID)
        if mine is not None and mine.value != joined.value and mine.is_later(joined.at, joined.place):
            theirs = {path: claim for path, claim in theirs.items() if not path.startswith(f"{ACCOUNT}.")}
        else:
            _join(scope, joined)
    _claim_all(scope, [(path, *claim) for path, claim in theirs.items()])


def _claim_all(scope: Scope, claims: Iterable[tuple[Any, ...]]) -> None:
    """Each is a path and what `Claim` holds."""
    profile = scope.state.get(SECTION)
    for path, *asserted in claims:
        claim(profile, path, *asserted)
        scope.keys.add(f"trait:{path}")  # also where it came too late to stand: `for` looks at all assertions
