"""`first_performed` and `last_performed`: one event that matches, by its place in time."""

from __future__ import annotations

from flows.segments.sql.compare import where_passes
from flows.segments.sql.compiler import Compiler, all_of
from schemas.definitions.condition_tree import FirstPerformed, LastPerformed


def first(c: Compiler, leaf: FirstPerformed) -> str:
    """The first event ever that matches lies in the window."""
    matched = all_of(c.event(leaf.event), where_passes(c, leaf.where))
    found, at = c.aggregate(f"countIf({matched}) > 0"), c.aggregate(f"minIf(at, {matched})")
    return all_of(found, c.window(leaf.window, at))


def last(c: Compiler, leaf: LastPerformed) -> str:
    """Of the events that match, the latest also matches `has` and lies in the window."""
    matched = all_of(c.event(leaf.event), where_passes(c, leaf.where))
    passed = all_of(where_passes(c, leaf.has), c.window(leaf.window))
    return c.aggregate(f"argMaxIf({passed}, (at, place), {matched})")
