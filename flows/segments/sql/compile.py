"""Conditions compiled to one ClickHouse query (LANGUAGE.md): who is a member at an instant.

events ─▶ facts ─▶ rows ─▶ people ─▶ values ─▶ leaves ─▶ parts of the trees ─▶ contact, truths
          a row an event   a row a contact
"""

# ruff: noqa: S608 - what is put together are constants and placeholders, never values
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from flows.segments.ranking import MEASURES
from flows.segments.sql import facts, people
from flows.segments.sql.compare import where_passes
from flows.segments.sql.compiler import Compiler, all_of
from flows.segments.sql.given import Given
from flows.segments.sql.prelude import prelude
from flows.segments.sql.query import Query
from flows.segments.sql.tree import Columns
from schemas.definitions.condition_tree import Condition
from schemas.definitions.ranking import Ranking

_LAYERS: Final = 10
# Merged into one, the layers of a deep tree are evaluated inside each other until the stack is full, and parts that are
# used more than once are unfolded.
_DEEP: Final = "\nSETTINGS query_plan_merge_expressions = 0, max_subquery_depth = 10000"


def compile_sql(condition: Condition, given: Given) -> Query:
    """The ids of the members at `{at}`, sorted."""
    return _compile([condition], given, "SELECT contact FROM {last} WHERE {names} ORDER BY contact")


def compile_table(conditions: Sequence[Condition], given: Given) -> Query:
    """For each contact, sorted: its id and the truths of all the conditions at `{at}`, in their order."""
    return _compile(conditions, given, "SELECT contact, [{names}] AS truths FROM {last} ORDER BY contact")


def compile_zones(given: Given) -> Query:
    """The zones that contacts say they are in, as they say it: what the other queries need to know before."""
    c = Compiler(given)
    return _query(c, [facts.FACTS, people.zones(c, "text({raw})")], "SELECT DISTINCT zone FROM zones")


def compile_zone_of_each(given: Given) -> Query:
    """Each contact's zone, as it says it; empty where it says none."""
    c = Compiler(given)
    return _query(c, [facts.FACTS, people.zones(c, "text({raw})")], "SELECT contact, zone FROM zones")


def compile_contacts(given: Given) -> Query:
    """Every contact that has a record by `{at}`."""
    return _query(Compiler(given), [facts.FACTS], "SELECT DISTINCT contact FROM facts")


def compile_ranking(ranking: Ranking, given: Given) -> Query:
    """For everyone who did what ranks by `{at}`: contact, and how many are strictly below by each measure."""
    c = Compiler(given)
    leaf = ranking.of.read()
    matched = all_of(c.event(leaf.event), where_passes(c, leaf.where), c.window(leaf.window))
    measures = [c.aggregate(f"maxIf(at, {matched})"), c.aggregate(f"countIf({matched})")]
    count = measures[1]
    if ranking.value is not None:
        raw = c.property(ranking.value)
        measures.append(c.aggregate(f"sumIf(exact({raw}), ({matched}) AND is_number({raw}))"))
    below = [f"toInt64(rank() OVER (ORDER BY {measure})) - 1" for measure in measures]
    places = ", ".join(f"{sql} AS {name}" for sql, name in zip(below, MEASURES, strict=False))
    select = f"SELECT contact, {places} FROM people WHERE {count} > 0 ORDER BY contact"
    return _query(c, _of_people(c), select)


def _of_people(c: Compiler) -> list[str]:
    """The layers up to `people`."""
    return [
        facts.FACTS,
        *([people.zones(c, "zone_index({raw})")] if c.uses_zones else []),
        *([people.accounts(c)] if c.uses_accounts else []),
        _layer("properties", people.zoned_facts(c), _aliased(c.properties)),
        _layer("rows", "properties", _aliased(c.property_times)),
        people.people(c, "rows"),
    ]


def _compile(conditions: Sequence[Condition], given: Given, select: str) -> Query:
    c = Compiler(given)
    columns = Columns(c)
    names = ", ".join(columns.add(condition) for condition in conditions)
    tables = [
        *_of_people(c),
        _layer("traits", "people", _aliased(c.traits)),
        _layer("values", "traits", _aliased(c.trait_times)),
        _layer("leaves", "values", _aliased(columns.leaves)),
    ]
    last = "leaves"
    for number, layer in enumerate(columns.layers, 1):
        tables.append(_layer(f"parts_{number}", last, layer))
        last = f"parts_{number}"
    deep = _DEEP if len(columns.layers) > _LAYERS else ""
    return _query(c, tables, select.format(last=last, names=names) + deep)


def _aliased(columns: Mapping[str, str]) -> list[str]:
    return [f"{sql} AS {name}" for sql, name in columns.items()]


def _layer(name: str, of: str, columns: Iterable[str]) -> str:
    return f"  {name} AS (SELECT {', '.join(['*', *columns])} FROM {of})"


def _query(c: Compiler, tables: Sequence[str], select: str) -> Query:
    sql = ",\n".join(tables)
    sql = "WITH\n" + ",\n".join([*prelude(f"{sql} {select}"), sql]) + f"\n{select}"
    return Query(sql, c.params.values, c.uses_zones, c.buckets)
