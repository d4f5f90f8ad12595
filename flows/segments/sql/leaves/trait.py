"""`trait`: the value at a path passes; with `for`, at every instant since then."""

from __future__ import annotations

from flows.segments.sql.compare import passes
from flows.segments.sql.compiler import Compiler
from schemas.definitions.condition_tree import Trait


def truth(c: Compiler, leaf: Trait) -> str:
    """The leaf over `values`."""
    if not leaf.held_for:
        return passes(c, leaf.comparison, c.trait(leaf.path))
    said, path = c.said(leaf.path), c.params.text(leaf.path)
    since = f"{{at:Int64}} - {c.params.ms(leaf.held_for)}"
    instants = f"arrayPushFront(arrayFilter(ms -> ms > {since}, arrayDistinct(about({said}, {path}).1)), {since})"
    values = f"arrayMap(ms -> trait(until({said}, ms), {path}), {instants})"
    return f"arrayAll(value -> {passes(c, leaf.comparison, 'value')}, {values})"
