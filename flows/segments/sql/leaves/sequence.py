"""`sequence`: events in order, strictly later each."""

from __future__ import annotations

from flows.segments.sql.compare import where_passes
from flows.segments.sql.compiler import Compiler, all_of
from schemas.definitions.condition_tree import Sequence


def truth(c: Compiler, leaf: Sequence) -> str:
    """For each step the instants at which the sequence may be so far; it holds where the last step has one.

    Without a gap what counts of the steps before is the earliest such instant alone.
    """
    ends = ""
    for step in leaf.steps:
        matched = all_of(c.event(step.event), where_passes(c, step.where), c.window(leaf.window))
        here = c.aggregate(f"arraySort(groupUniqArrayIf(at, {matched}))")
        if not ends:
            ends = here
        elif leaf.gap:
            near = f"before < here AND here - before <= {c.params.ms(leaf.gap)}"
            ends = f"arrayFilter(here -> arrayExists(before -> {near}, {ends}), {here})"
        else:
            ends = f"arrayFilter(here -> arrayExists(before -> before < here, arraySlice({ends}, 1, 1)), {here})"
    return f"notEmpty({ends})"
