"""Asks ClickHouse who is a member. How a query gets there is the caller's: `ask(sql, parameters)` gives rows back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from flows.contact.subject import is_zone
from flows.segments.ranking import Place
from flows.segments.sql.compile import compile_contacts, compile_ranking, compile_sql, compile_table, compile_zones
from flows.segments.sql.facts import CLAIMS, merge_parameters
from flows.segments.sql.given import Given, Ranked
from flows.segments.sql.prelude import INSTANT
from flows.segments.sql.query import Query
from flows.segments.sql.zones import zone_parameters
from schemas.definitions.condition_tree import Condition
from schemas.definitions.ranking import Ranking
from schemas.ids import bucket

Rows: TypeAlias = Sequence[Mapping[str, Any]]
Ask: TypeAlias = Callable[[str, Mapping[str, Any]], Rows]  # `sinks.clickhouse.ClickHouse.query`


def members(ask: Ask, condition: Condition, at: int, given: Given) -> list[str]:
    """The ids of the condition's members at the instant, sorted."""
    return sorted(row["contact"] for row in run(ask, compile_sql(condition, given), at, given))


def truths(ask: Ask, conditions: Sequence[Condition], at: int, given: Given) -> dict[str, list[bool]]:
    """For every contact that has a record by then, by id: whether each of the conditions holds at the instant."""
    rows = run(ask, compile_table(conditions, given), at, given)
    return {row["contact"]: [bool(t) for t in row["truths"]] for row in rows}


def ranked(ask: Ask, ranking: Ranking, at: int, given: Given) -> Ranked:
    """The ranking as of the instant."""
    rows = run(ask, compile_ranking(ranking, given), at, given)
    places = {row["contact"]: Place(row["recency"], row["frequency"], row.get("monetary")) for row in rows}
    return Ranked(len(places), places)


def run(ask: Ask, query: Query, at: int, given: Given) -> Rows:
    """First what ClickHouse cannot know by itself: who is a part of whom, what zones are, who is in a bucket."""
    params: dict[str, Any] = {"at": at, "instant_pattern": INSTANT}
    params |= merge_parameters((row["earlier"], row["later"]) for row in ask(CLAIMS, params))
    if query.uses_zones:
        zones = compile_zones(given)
        named = [row["zone"] for row in ask(zones.sql, {**zones.params, **params})]
        params |= zone_parameters(given.zone, [name for name in named if is_zone(name)])
    if query.buckets:
        contacts = [row["contact"] for row in ask(compile_contacts(given).sql, params)]
        for name, leaf in query.buckets.items():
            params[name] = [c for c in contacts if leaf.low <= bucket(leaf.salt, c) < leaf.high]
    return ask(query.sql, {**query.params, **params})
