"""`regularly`: of the last periods, counted back from the instant, enough hold events enough."""

from __future__ import annotations

from flows.segments.sql.compare import number_passes, where_passes
from flows.segments.sql.compiler import Compiler, all_of
from schemas.definitions.condition_tree import Regularly


def truth(c: Compiler, leaf: Regularly) -> str:
    """Each event's period is how many whole ones it lies back."""
    since = f"at > {{at:Int64}} - {c.params.ms(leaf.period * leaf.periods)}"
    matched = all_of(c.event(leaf.event), where_passes(c, leaf.where), since)
    held = c.aggregate(f"groupArrayIf(intDiv({{at:Int64}} - at, {c.params.ms(leaf.period)}), {matched})")
    enough = number_passes(c, leaf.count, f"countEqual({held}, toInt64(period))")
    periods, at_least = c.params.add(leaf.periods, "UInt32"), c.params.ms(leaf.at_least)
    return f"arrayCount(period -> {enough}, range({periods})) >= {at_least}"
