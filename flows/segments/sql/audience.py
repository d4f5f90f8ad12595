"""How many an audience is, how many of it can be reached on each channel, and some of it."""

# ruff: noqa: S608 - what is put together are constants and placeholders, never values
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from flows.segments.sql.compile import compile_table
from flows.segments.sql.given import Given
from flows.segments.sql.run import Ask, run
from schemas.definitions.condition_tree import Condition, Everyone, Reachable

CHANNELS: Final = ("email", "sms", "push")  # those that have addresses
SAMPLE: Final = 20  # contacts, drawn at random, but the same ones of the same audience
_MEMBERS: Final = "FROM segment_memberships WHERE segment = {segment:String}"


class _Among(NamedTuple):
    """Whom a query counts: how many they are, and which."""

    total: str
    which: str


_EVERYONE: Final = _Among("count()", "1")
_SEGMENT: Final = _Among(f"(SELECT count() {_MEMBERS})", f"contact IN (SELECT contact {_MEMBERS})")


class Audience(NamedTuple):
    """`reachable` is by channel; `sample` holds at most SAMPLE ids, sorted."""

    members: int
    reachable: dict[str, int]
    sample: list[str]


def audience(ask: Ask, condition: Condition, at: int, given: Given) -> Audience:
    """Those for whom the condition holds at the instant."""
    return _audience(ask, condition, at, given, _EVERYONE, {})


def members_of(ask: Ask, segment: str, at: int, given: Given) -> Audience:
    """Those who are in the segment by what the fold has said."""
    return _audience(ask, Everyone(), at, given, _SEGMENT, {"segment": segment})


def _audience(
    ask: Ask, condition: Condition, at: int, given: Given, among: _Among, params: Mapping[str, Any]
) -> Audience:
    query = compile_table([condition, *map(Reachable, CHANNELS)], given)
    counts = ", ".join(f"countIf(truths[{place}])" for place in range(2, len(CHANNELS) + 2))
    sql = (
        f"SELECT {among.total} AS members, [{counts}] AS reachable,"
        f" arraySort(groupArraySample({SAMPLE}, 1)(contact)) AS sample"
        f" FROM ({query.sql}) WHERE truths[1] AND {among.which}"
    )
    (found,) = run(ask, query._replace(sql=sql, params={**query.params, **params}), at, given)
    return Audience(found["members"], dict(zip(CHANNELS, found["reachable"], strict=True)), found["sample"])
