"""The profile: traits merged key by key, for each the value with the latest `at` (LANGUAGE, "Time, identity, traits").

Traits are kept flat, by dotted path, each with the `at` of its assertion; `null` is kept as a tombstone. Merging is
JSON Merge Patch (RFC 7396) replayed in the order of `at`, whatever the order of arrival: an assertion at a path hides
older ones at its ancestors and descendants. So an assertion older than one at its path or above is dead on arrival; one
that is taken removes the older ones below it, and stays as a barrier while newer ones stand below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from flows.contact.scope import Scope
from flows.contact.section import Section
from flows.contact.view import MISSING
from schemas.facts import ACCOUNT_TRAITS

ACCOUNT = "account"  # where the traits of the contact's account appear


class Profile(msgspec.Struct, array_like=True, gc=False):
    """`traits`: path -> (at, value). `nested`: whether any path has a dot. `absorbed`: ids merged into this contact."""

    traits: dict[str, tuple[int, Any]] = {}
    nested: bool = False
    absorbed: list[str] = []


_ID = f"{ACCOUNT}.id"
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


def claim(profile: Profile, path: str, at: int, value: Any) -> bool:
    """Take an assertion unless a later one already stands at its path or above; True where it was taken."""
    traits = profile.traits
    held = traits.get(path)
    if held is not None and held[0] > at:
        return False
    if "." in path:
        if any((above := traits.get(a)) is not None and above[0] > at for a in ancestors(path)):
            return False
        profile.nested = True
    if profile.nested:
        below = path + "."
        for dead in [p for p, (since, _) in traits.items() if since <= at and p.startswith(below)]:
            del traits[dead]
    traits[path] = (at, value)
    return True


def look_up(profile: Profile, path: str) -> Any:
    """The value at a path; where newer values stand below it the object of them; MISSING where there is nothing."""
    traits = profile.traits
    if profile.nested:
        below = path + "."
        children = [p for p in traits if p.startswith(below)]
        if children:
            return _object({p[len(below) :]: traits[p][1] for p in children})
    held = traits.get(path)
    return MISSING if held is None or held[1] is None else held[1]


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
    whole = _object({p: v for p, (_, v) in profile.traits.items()})
    return {} if whole is MISSING else whole


def react(scope: Scope) -> None:
    """Take an identify's traits, a group's account, and what the account says of itself."""
    event = scope.event
    if event is None:
        return
    if event.type == "identify":
        _claim_all(scope, [(path, event.at, value) for path, value in flatten(event.traits)])
    elif event.type == "group":
        _join(scope, event.group_id, event.at)
    elif event.type == ACCOUNT_TRAITS and event.properties.get("account") == look_up(scope.state.get(SECTION), _ID):
        claims = event.properties.get("claims", [])
        _claim_all(scope, [(f"{ACCOUNT}.{path}", at, value) for path, at, value in claims])


def _join(scope: Scope, account: str, at: int) -> None:
    """The contact belongs to the account that it was last grouped with; another account's traits are no longer its."""
    profile = scope.state.get(SECTION)
    before = profile.traits.get(_ID)
    if before is not None and before[1] != account and before[0] <= at:
        for path in [p for p in profile.traits if p.startswith(f"{ACCOUNT}.")]:
            del profile.traits[path]
            scope.keys.add(f"trait:{path}")
    _claim_all(scope, [(_ID, at, account)])


def absorb(scope: Scope, other: Profile) -> None:
    """Take a merged contact's traits in; of two at the same instant the own one stands."""
    own = scope.state.get(SECTION)
    own.absorbed = sorted({*own.absorbed, *other.absorbed})
    mine = own.traits
    _claim_all(scope, [(p, at, v) for p, (at, v) in other.traits.items() if p not in mine or mine[p][0] < at])


def _claim_all(scope: Scope, claims: list[tuple[str, int, Any]]) -> None:
    profile = scope.state.get(SECTION)
    for path, at, value in claims:
        claim(profile, path, at, value)
        scope.keys.add(f"trait:{path}")  # also where it came too late to stand: `for` looks at all assertions
