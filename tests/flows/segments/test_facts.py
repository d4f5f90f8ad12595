"""LANGUAGE, "Leaves" that ask what others conclude: consent, reach, suppression, score, sample, segments, snapshots."""

from __future__ import annotations

from typing import Any

import pytest

from flows.contact.replay import Line, replay
from flows.segments.leaves import compile_leaf
from schemas.definitions.conditions import parse_condition
from schemas.ids import address_hash, bucket
from schemas.records import Event
from tests.flows.segments.lives import ANN, DAY, T0, did, fact, held, holds, says, segment
from tests.flows.segments.seen import Seen

EMAIL = "Ann@Example.org "


def consent(after: int, status: str, topic: str = "default", logged: int | None = None) -> Line:
    line = fact("consent_changed", after, channel="email", topic=topic, status=status)
    return line if logged is None else line._replace(logged_at=T0 + logged)


def suppress(after: int, address: str = EMAIL, channel: str = "email") -> Line:
    return fact("address_suppressed", after, channel=channel, address_hash=address_hash(address), reason="complaint")


def test_consent_is_the_latest_status_by_at() -> None:
    where = {"consent": "email", "topic": "news"}
    lines = [consent(10, "subscribed", "news"), consent(30, "unsubscribed", "news"), consent(20, "pending", "news")]
    assert held(where, *lines) == [(10, 20)]
    assert held(where, consent(10, "subscribed", "news"), consent(5, "unsubscribed", "news", logged=20)) == [(10, None)]


def test_a_topic_has_a_default_for_those_who_never_said_anything() -> None:
    topic = {"kind": "topic", "id": "news", "channel": "email", "default": "subscribed"}
    assert held({"consent": "email", "topic": "news"}, did("a", 0), others=[topic]) == [(0, None)]
    assert held({"consent": "email", "topic": "news"}, did("a", 0)) == []


def test_the_topic_default_stands_for_the_channel() -> None:
    assert held({"consent": "email"}, consent(0, "subscribed", "news"), consent(10, "subscribed")) == [(10, None)]


def test_suppressed_is_the_address_trimmed_and_in_lower_case() -> None:
    assert held({"suppressed": "email"}, says(0, email=EMAIL), suppress(10, "ann@example.org")) == [(10, None)]


def test_another_address_is_not_suppressed() -> None:
    lines = [says(0, email=EMAIL), suppress(10), says(20, email="new@example.org"), says(30, email=EMAIL)]
    assert held({"suppressed": "email"}, *lines) == [(10, 20), (30, None)]
    assert held({"suppressed": "sms"}, *lines) == []


def test_reachable_has_an_address_is_not_suppressed_and_has_not_unsubscribed() -> None:
    lines = [did("a", 0), says(10, email=EMAIL), consent(20, "unsubscribed"), consent(30, "pending"), suppress(40)]
    assert held({"reachable": "email"}, *lines) == [(10, 20), (30, 40)]


def test_a_sample_is_a_half_open_part_of_100() -> None:
    place = bucket("q4", ANN)
    assert held({"bucket": [0, 100], "salt": "q4"}, did("a", 0)) == [(0, None)]
    assert bool(held({"bucket": [place, 100], "salt": "q4"}, did("a", 0)))
    assert not held({"bucket": [0, place], "salt": "q4"}, did("a", 0))


def test_everyone_holds_from_the_first_record_on() -> None:
    assert held({"everyone": True}, did("a", 5)) == [(5, None)]


def test_a_segment_is_asked_at_the_same_instant() -> None:
    other = segment({"performed": "a", "within": "1s"}, "other")
    assert held({"segment": "other"}, did("a", 10), others=[other]) == [(10, 1010)]
    assert held({"not": {"segment": "other"}}, did("x", 0), did("a", 10), others=[other]) == [(0, 10), (1010, None)]
    assert held({"not": {"segment": "other"}}, did("a", 10), others=[other]) == [(1010, None)]


def test_a_segment_that_asks_one_that_asks_one() -> None:
    first = segment({"not": {"performed": "a", "within": "1s"}}, "z-first")
    second = segment({"not": {"segment": "z-first"}}, "a-second")
    assert held({"segment": "a-second"}, did("a", 10), others=[first, second]) == [(10, 1010)]


def test_a_segment_that_is_not_defined_has_no_members() -> None:
    assert held({"segment": "nowhere"}, did("a", 0)) == []
    assert held({"not": {"segment": "nowhere"}}, did("a", 0)) == [(0, None)]


def test_a_snapshot_has_those_who_were_frozen_into_it() -> None:
    lines = [did("a", 0), Line(T0, "bob", Event("track", "b", T0, event="a", user_id="bob"))]
    run = replay([segment({"snapshot": "s"})], lines, T0 + DAY, snapshots={"s": frozenset({"bob"})})
    assert run.members("tested") == ["bob"]


@pytest.mark.parametrize(
    ("test", "score", "fits"),
    [
        ({"op": "gte", "value": 70}, 70.0, True),
        ({"op": "gte", "value": 70}, 69.9, False),
        ({"op": "gte", "value": 0}, None, False),
        ({"op": "ne", "value": 50}, None, True),
        ({"op": "missing"}, None, True),
        ({"op": "exists"}, 0.0, True),
        ({"op": "between", "value": [10, 20]}, 20.0, True),
    ],
)
def test_a_score_below_the_models_minimum_is_missing(test: dict[str, Any], score: float | None, fits: bool) -> None:
    leaf = compile_leaf(parse_condition({"score": "churn", **test}))  # type: ignore[arg-type]
    assert leaf.truth(None, Seen(scores={"churn": score}), T0) is fits
    assert leaf.keys == {"score:churn"}


def test_exclusion_of_those_who_are_suppressed_by_not() -> None:
    where = {"and": [{"reachable": "email"}, {"not": {"suppressed": "email"}}]}
    assert holds(where, says(0, email=EMAIL))
