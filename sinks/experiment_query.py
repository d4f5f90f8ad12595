"""What became of a split's arms, read from ClickHouse: who passed first by which arm, and whether success followed.

A contact counts once, by its first pass in one of the versions whose split has the same form: later ones depend on it.
"""

# ruff: noqa: S608 - what is put together are constants and placeholders, never values
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from flows.experiments.judge import ArmSeen, Seen
from flows.journeys.matching import compile_match
from flows.segments.where import EventMatcher
from schemas.definitions.node import EventMatch
from schemas.definitions.split import Split
from schemas.records import decode_event
from schemas.times import parse_duration

Ask: TypeAlias = Callable[[str, Mapping[str, Any]], Sequence[Mapping[str, Any]]]  # `sinks.clickhouse.ClickHouse.query`


class Question(NamedTuple):
    """A split of a journey, the versions in which it has this form, up to an instant (ms)."""

    journey: str
    split: Split
    versions: Sequence[int]
    at: int


_PASSES: Final = """
  passes AS (
    SELECT contact, argMin(run, (at, id)) AS run, argMin(branch, (at, id)) AS arm,
      toUnixTimestamp64Milli(min(journey_steps.at)) AS passed
    FROM journey_steps
    WHERE journey = {journey:String} AND node = {node:String} AND version IN {versions:Array(UInt32)}
      AND branch IN {arms:Array(String)} AND at <= fromUnixTimestamp64Milli({at:Int64}, 'UTC')
    GROUP BY contact
  )"""
_ARMS: Final = """
SELECT arm, count() AS passed, min(passed_at) AS first_at, countIf(is_sample) AS samples,
  countIf(is_sample AND succeeded) AS successes
FROM (
  SELECT passes.contact AS contact, any(arm) AS arm, any(passed) AS passed_at,
    any(passed) <= {at:Int64} - {after:Int64} AS is_sample,
    max(hits.hit >= passed AND hits.hit <= passed + {after:Int64}) AS succeeded
  FROM passes LEFT JOIN hits ON hits.who = passes.%s
  GROUP BY contact
)
GROUP BY arm"""
_MESSAGES: Final = """
  hits AS (
    SELECT messages.run AS who, toUnixTimestamp64Milli(arrayJoin(moments)) AS hit
    FROM (
      SELECT run, toUnixTimestamp64Milli(assumeNotNull(planned_at)) AS planned,
        arrayMap(moment -> assumeNotNull(moment), arrayFilter(moment -> isNotNull(moment), [%s])) AS moments
      FROM message_queue FINAL
      WHERE journey = {journey:String} AND run IN (SELECT run FROM passes) AND isNotNull(planned_at)
    ) AS messages
    INNER JOIN passes ON passes.run = messages.run
    WHERE planned >= passed
  )"""
_GOALS: Final = """
  hits AS (
    SELECT run AS who, toUnixTimestamp64Milli(at) AS hit
    FROM journey_conversions
    WHERE journey = {journey:String} AND kind = 'converted' AND run IN (SELECT run FROM passes)
  )"""
_EVENTS: Final = """
  SELECT contact AS who, toUnixTimestamp64Milli(events.at) AS hit%s
  FROM events
  WHERE contact IN (SELECT contact FROM passes) AND name != ''
    AND (name = {event:String} OR ({is_prefix:Bool} AND startsWith(name, {event:String})))"""
# A click proves that it was opened, an open that it was delivered.
_MOMENTS: Final = {
    "delivered": "delivered_at, opened_at, clicked_at, replied_at",
    "opened": "opened_at, clicked_at, replied_at",
    "clicked": "clicked_at",
}


def seen(ask: Ask, asked: Question) -> Seen:
    """The arms in their order; one that nobody took is there too."""
    rule = asked.split.rule
    assert rule is not None
    given: dict[str, Any] = {
        "journey": asked.journey,
        "node": asked.split.id,
        "versions": list(asked.versions),
        "arms": list(asked.split.branches()),
        "at": asked.at,
        "after": parse_duration(rule.after),
    }
    match rule.metric:
        case EventMatch() as event:
            rows = _by_events(ask, asked, event, given)
        case "goal":
            rows = ask(f"WITH{_PASSES},{_GOALS}{_ARMS % 'run'}", given)
        case outcome:
            rows = ask(f"WITH{_PASSES},{_MESSAGES % _MOMENTS[outcome]}{_ARMS % 'run'}", given)
    return _seen(asked, rows)


def _by_events(ask: Ask, asked: Question, event: EventMatch, given: dict[str, Any]) -> Sequence[Mapping[str, Any]]:
    match = compile_match(event)
    given |= {"event": match.name.text, "is_prefix": match.name.prefix}
    if not event.where:
        return ask(f"WITH{_PASSES},\n  hits AS ({_EVENTS % ''}){_ARMS % 'contact'}", given)
    return _matched(ask, asked, match, given)


def _matched(ask: Ask, asked: Question, match: EventMatcher, given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What an event's properties must be is asked here, by the code of the stream."""
    passes = ask(f"WITH{_PASSES} SELECT contact, arm, passed FROM passes", given)
    events = ask(f"WITH{_PASSES}{_EVENTS % ', raw'}", given)
    hits: dict[str, list[int]] = {}
    for row in events:
        if match.where.fits(decode_event(row["raw"].encode()).properties):
            hits.setdefault(row["who"], []).append(row["hit"])
    found: dict[str, dict[str, Any]] = {}
    after, until = given["after"], asked.at - given["after"]
    for row in passes:
        arm = found.setdefault(
            row["arm"], {"arm": row["arm"], "passed": 0, "first_at": row["passed"], "samples": 0, "successes": 0}
        )
        arm["passed"] += 1
        arm["first_at"] = min(arm["first_at"], row["passed"])
        if row["passed"] <= until:
            arm["samples"] += 1
            passed = row["passed"]
            arm["successes"] += any(passed <= hit <= passed + after for hit in hits.get(row["contact"], ()))
    return list(found.values())


def _seen(asked: Question, rows: Sequence[Mapping[str, Any]]) -> Seen:
    by_name = {row["arm"]: row for row in rows}
    arms = []
    for name in asked.split.branches():
        row = by_name.get(name)
        arms.append(ArmSeen(name, row["passed"], row["samples"], row["successes"]) if row else ArmSeen(name))
    return Seen(asked.at, min((row["first_at"] for row in rows), default=None), tuple(arms))
