"""`percentile`, `rfm`: places in a ranking as it was computed last, and the query that computes one."""

from __future__ import annotations

from flows.segments.ranking import MEASURES
from flows.segments.sql.compare import number_passes
from flows.segments.sql.compiler import Compiler, all_of
from schemas.definitions.condition_tree import Percentile, Rfm


def percentile(c: Compiler, leaf: Percentile) -> str:
    """The share of those ranked who are below."""
    below, known, ranked = _below(c, leaf.ranking, leaf.by)
    return number_passes(c, leaf.comparison, f"(toFloat64(100 * {below}) / toFloat64({ranked}))", known)


def rfm(c: Compiler, leaf: Rfm) -> str:
    """Quintiles of those ranked."""
    truths = []
    for measure in MEASURES:
        comparison = getattr(leaf, measure)
        if comparison is not None:
            below, known, ranked = _below(c, leaf.ranking, measure)
            truths.append(f"{known} AND {number_passes(c, comparison, f'(1 + intDiv(5 * {below}, {ranked}))')}")
    return all_of(*truths)


def _below(c: Compiler, ranking: str, measure: str) -> tuple[str, str, str]:
    """SQL of how many are below the contact, of whether it is ranked, and of how many are."""
    found, i = c.given.rankings.get(ranking), MEASURES.index(measure)
    places = {contact: place[i] for contact, place in found.places.items() if place[i] is not None} if found else {}
    contacts = c.params.add([*places, ""], "Array(String)")  # an empty array would have no type
    below = c.params.add([*places.values(), 0], "Array(Int64)")
    ranked = c.params.add(max(found.ranked, 1) if found else 1, "Int64")
    return f"transform(contact, {contacts}, {below}, toInt64(0))", f"contact IN {contacts}", ranked
