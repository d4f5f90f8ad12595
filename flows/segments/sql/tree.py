"""Trees of conditions as columns: each distinct leaf once, each segment once, no expression too deep for ClickHouse.

ClickHouse parses and analyses expressions by recursion, so a deep tree is cut: a part that has grown deep is a column
of its own, computed in a layer of the query before the one that uses it.
"""

from __future__ import annotations

from typing import NamedTuple

from flows.segments.sql.compiler import Compiler
from flows.segments.sql.leaves import truth
from schemas.definitions.condition_tree import And, Condition, InSegment, Not, Or

_DEEPEST = 100


class Part(NamedTuple):
    """SQL of a part of a tree, its depth, and the first layer in which it can be computed."""

    sql: str
    depth: int
    layer: int


class Columns:
    """The columns that trees compile to: `leaves` over `values`, and `layers`, each over the one before."""

    def __init__(self, compiler: Compiler):
        self.compiler = compiler
        self.leaves: dict[str, str] = {}  # SQL -> name
        self.layers: list[list[str]] = []
        self._segments: dict[str, Part] = {}

    def add(self, condition: Condition) -> str:
        """The name of the column that holds the condition's truth."""
        return self._named(self._part(condition)).sql

    def _part(self, condition: Condition) -> Part:
        """The condition's parts from the leaves up, without recursion but for segments in segments."""
        done: list[Part] = []
        todo: list[tuple[Condition, bool]] = [(condition, False)]
        while todo:
            node, is_ready = todo.pop()
            if not isinstance(node, And | Or | Not):
                done.append(self._leaf(node))
            elif is_ready:
                self._join(node, done)
            else:
                todo.append((node, True))
                todo.extend((part, False) for part in (node.parts if isinstance(node, And | Or) else (node.part,)))
        return done.pop()

    def _join(self, node: And | Or | Not, done: list[Part]) -> None:
        count = 1 if isinstance(node, Not) else len(node.parts)
        parts = [p if p.depth < _DEEPEST else self._named(p) for p in done[-count:]]
        del done[-count:]
        if isinstance(node, Not):
            sql = f"NOT {parts[0].sql}"
        elif count == 1:
            done.append(parts[0])
            return
        else:
            sql = f"({(' AND ' if isinstance(node, And) else ' OR ').join(p.sql for p in parts)})"
        done.append(Part(sql, 1 + max(p.depth for p in parts), max(p.layer for p in parts)))

    def _leaf(self, leaf: Condition) -> Part:
        assert not isinstance(leaf, And | Or | Not)
        if isinstance(leaf, InSegment) and (condition := self.compiler.given.segments.get(leaf.segment)) is not None:
            if leaf.segment not in self._segments:
                self._segments[leaf.segment] = self._named(self._part(condition))
            return self._segments[leaf.segment]
        sql = truth(self.compiler, leaf)
        return Part(self.leaves.setdefault(sql, f"l{len(self.leaves) + 1}"), 0, 0)

    def _named(self, part: Part) -> Part:
        """The part as a column of its own."""
        while len(self.layers) <= part.layer:
            self.layers.append([])
        name = f"g{sum(map(len, self.layers)) + 1}"
        self.layers[part.layer].append(f"{part.sql} AS {name}")
        return Part(name, 0, part.layer + 1)
