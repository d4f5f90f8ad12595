"""`performed`: the events in a window, counted or aggregated over a property, pass a comparison."""

from __future__ import annotations

from flows.segments.sql.compare import number_passes, passes, where_passes
from flows.segments.sql.compiler import Compiler, all_of
from schemas.definitions.condition_tree import Performed


def truth(c: Compiler, leaf: Performed) -> str:
    """The leaf over `values`."""
    matched = all_of(c.event(leaf.event), where_passes(c, leaf.where), c.window(leaf.window))
    if leaf.measure == "count":
        return number_passes(c, leaf.comparison, c.aggregate(f"countIf({matched})"))
    raw = c.property(leaf.property)
    if leaf.measure == "distinct":
        distinct = c.aggregate(f"uniqExactIf(distinct({raw}), ({matched}) AND is_scalar({raw}))")
        return number_passes(c, leaf.comparison, distinct)
    counted = f"({matched}) AND is_number({raw})"
    if leaf.measure == "min":
        return passes(c, leaf.comparison, c.aggregate(f"argMinIf({raw}, size({raw}), {counted})"))
    if leaf.measure == "max":
        return passes(c, leaf.comparison, c.aggregate(f"argMaxIf({raw}, size({raw}), {counted})"))
    total = c.aggregate(f"sumIf(exact({raw}), {counted})")
    if leaf.measure == "sum":
        return number_passes(c, leaf.comparison, total, constant=c.params.decimal)
    count = c.aggregate(f"countIf({counted})")  # an average is asked without dividing: sums stay exact
    return number_passes(
        c, leaf.comparison, total, f"{count} > 0", lambda value: f"{c.params.decimal(value)} * {count}"
    )
