"""`message`: outcomes of messages, filtered by what they belong to."""

from __future__ import annotations

from typing import Final

from flows.segments.sql.compare import equals, number_passes
from flows.segments.sql.compiler import Compiler, all_of
from schemas.definitions.condition_tree import Message
from schemas.facts import CHANNELS

_BY_MACHINES: Final = ("opened", "clicked")


def truth(c: Compiler, leaf: Message) -> str:
    """The leaf over `values`."""
    channels = (leaf.channel,) if leaf.channel else CHANNELS
    facts = c.params.add([f"{channel}_{leaf.outcome}" for channel in channels], "Array(String)")
    filters = [equals(c, c.property(name), value) for name, value in leaf.filters]
    person = "" if leaf.machines or leaf.outcome not in _BY_MACHINES else f"{c.property('machine')} != 'true'"
    matched = all_of(f"type IN {facts}", *filters, person, c.window(leaf.window))
    return number_passes(c, leaf.comparison, c.aggregate(f"countIf({matched})"))
