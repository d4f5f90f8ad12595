"""`message`: how many outcomes of messages lie in the window."""

from __future__ import annotations

from flows.segments.leaf import Leaf, leaf_id
from flows.segments.leaves.count import compile_count
from flows.segments.where import Where
from flows.segments.windows import Range
from schemas.definitions import conditions as spec
from schemas.facts import CHANNELS

_ANSWERS = ("opened", "clicked")  # what machines do too


def compile_message(leaf: spec.Message) -> Leaf:
    """A count over `<channel>_<outcome>`, of the channel or of any, filtered by the properties of the same names."""
    id, window = leaf_id(leaf), Range(leaf.window)
    channels = (leaf.channel,) if leaf.channel else CHANNELS
    names = [spec.EventName(f"{channel}_{leaf.outcome}") for channel in channels]
    where = [spec.PropertyIs(name, spec.Comparison("eq", value)) for name, value in leaf.filters]
    if leaf.outcome in _ANSWERS and not leaf.machines:
        where.append(spec.PropertyIs("machine", spec.Comparison("ne", True)))
    return compile_count(id, names, Where(where, id), window, leaf.comparison, spec.in_run(leaf))
