"""Traits merge key by key, the latest `at` stands, whatever the order of arrival."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flows.contact.profile import Profile, as_object, claim, flatten, look_up
from flows.contact.view import MISSING


def take(profile: Profile, at: int, traits: dict[str, Any]) -> None:
    for path, value in flatten(traits):
        claim(profile, path, at, value)


def profile_of(*identifies: tuple[int, dict[str, Any]]) -> Profile:
    profile = Profile({})
    for at, traits in identifies:
        take(profile, at, traits)
    return profile


def test_a_late_identify_does_not_overwrite_what_is_newer():
    profile = profile_of((20, {"plan": "gold"}), (10, {"plan": "silver", "city": "Bern"}))
    assert as_object(profile) == {"plan": "gold", "city": "Bern"}


def test_of_two_at_the_same_instant_the_later_in_the_log_stands():
    assert look_up(profile_of((10, {"plan": "gold"}), (10, {"plan": "silver"})), "plan") == "silver"


def test_null_removes_and_an_older_value_does_not_come_back():
    profile = profile_of((20, {"plan": None}), (10, {"plan": "gold"}))
    assert look_up(profile, "plan") is MISSING


def test_an_empty_string_is_a_value():
    assert look_up(profile_of((1, {"plan": ""})), "plan") == ""


def test_nested_objects_merge_by_path():
    profile = profile_of((1, {"address": {"city": "Bern", "zip": 3000}}), (2, {"address": {"city": "Basel"}}))
    assert look_up(profile, "address.city") == "Basel"
    assert look_up(profile, "address") == {"city": "Basel", "zip": 3000}


def test_keys_may_hold_spaces_and_dollars():
    profile = profile_of((1, {"value with spaces": 1, "$a": {"b c": 2}}))
    assert look_up(profile, "value with spaces") == 1
    assert look_up(profile, "$a.b c") == 2


def test_a_value_replaces_an_older_object_and_gives_way_to_a_newer_one():
    profile = profile_of((1, {"a": {"b": 1}}), (2, {"a": "flat"}))
    assert (look_up(profile, "a"), look_up(profile, "a.b")) == ("flat", MISSING)
    take(profile, 3, {"a": {"c": 2}})
    assert (look_up(profile, "a"), look_up(profile, "a.b")) == ({"c": 2}, MISSING)


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2, word by word."""
    if not isinstance(patch, dict):
        return patch
    if not isinstance(target, dict):
        target = {}
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        else:
            target[name] = merge_patch(target.get(name), value)
    return target


def without_empty(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {k: w for k, v in value.items() if (w := without_empty(v)) != {}}


keys = st.sampled_from("abc")
values = st.one_of(st.none(), st.integers(0, 3), st.just("x"))
patches = st.recursive(
    st.dictionaries(keys, values, min_size=1, max_size=2),
    lambda inner: st.dictionaries(keys, st.one_of(values, inner), min_size=1, max_size=2),
    max_leaves=4,
)


@given(st.lists(st.tuples(st.integers(0, 5), patches), max_size=8))
def test_it_is_json_merge_patch_replayed_in_the_order_of_at(identifies):
    expected: Any = {}
    for _, traits in sorted(identifies, key=lambda i: i[0]):
        expected = merge_patch(expected, traits)
    assert as_object(profile_of(*identifies)) == without_empty(expected)
