"""What must hold of a journey's nodes and edges together, each fault with the node's id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from schemas.errors import Violation


class Vertex(NamedTuple):
    """A node as its edges see it. `branches` need an edge, `optional` ones may have one (None: any)."""

    id: str
    type: str
    branches: tuple[str, ...] = ()
    optional: tuple[str, ...] | None = ()


class Arc(NamedTuple):
    """An edge. One without a branch also carries those branches of its node that have no edge of their own."""

    source: str
    target: str
    branch: str = ""


def graph_faults(vertices: Sequence[Vertex], arcs: Sequence[Arc]) -> list[Violation]:
    """Every fault of the graph; empty where a run can always go on and always ends, rests or is stopped."""
    by_id = {v.id: v for v in vertices}
    sound = [arc for arc in arcs if arc.source in by_id and arc.target in by_id]
    return [
        *_duplicates(vertices),
        *_edge_faults(by_id, arcs),
        *_missing_branches(vertices, sound),
        *_reach(by_id, sound),
        *_loops(by_id, sound),
    ]


def _duplicates(vertices: Sequence[Vertex]) -> Iterable[Violation]:
    seen: set[str] = set()
    for vertex in vertices:
        if vertex.id in seen:
            yield Violation(f"nodes.{vertex.id}", "this id is taken by an earlier node")
        seen.add(vertex.id)


def _edge_faults(by_id: Mapping[str, Vertex], arcs: Sequence[Arc]) -> Iterable[Violation]:
    taken: set[tuple[str, str]] = set()
    for i, arc in enumerate(arcs):
        path = f"edges.{i}"
        for end, id in (("from", arc.source), ("to", arc.target)):
            if id not in by_id:
                yield Violation(f"{path}.{end}", f"there is no node {id!r}")
        if (arc.source, arc.branch) in taken:
            yield Violation(path, f"node {arc.source!r} has two edges for {_named(arc.branch)}")
        taken.add((arc.source, arc.branch))
        if (source := by_id.get(arc.source)) is not None:
            if source.type == "exit":
                yield Violation(path, f"node {arc.source!r} is an exit: no edge leaves it")
            elif arc.branch and source.optional is not None and arc.branch not in source.branches + source.optional:
                known = ", ".join(filter(None, source.branches + source.optional)) or "none"
                yield Violation(f"{path}.branch", f"node {arc.source!r} has no branch {arc.branch!r}; it has: {known}")
        if (target := by_id.get(arc.target)) is not None and target.type == "trigger":
            yield Violation(f"{path}.to", f"node {arc.target!r} is a trigger: no edge leads to it")


def _named(branch: str) -> str:
    return f"branch {branch!r}" if branch else "every branch without one of its own"


def _missing_branches(vertices: Sequence[Vertex], arcs: Sequence[Arc]) -> Iterable[Violation]:
    taken = {(arc.source, arc.branch) for arc in arcs}
    for vertex in vertices:
        for branch in vertex.branches:
            if (vertex.id, branch) not in taken and (vertex.id, "") not in taken:
                what = f"branch {branch!r} leads nowhere" if branch else "no edge leaves it"
                yield Violation(f"nodes.{vertex.id}", f"{what}; add an edge from {vertex.id!r}")


def _reach(by_id: Mapping[str, Vertex], arcs: Sequence[Arc]) -> Iterable[Violation]:
    triggers = {v.id for v in by_id.values() if v.type == "trigger"}
    if not triggers:
        yield Violation("nodes", "there is no trigger: nobody could enter")
        return
    reached = triggers | _beyond(triggers, arcs)
    for id in by_id:
        if id not in reached:
            yield Violation(f"nodes.{id}", "no path from a trigger reaches it")


def _loops(by_id: Mapping[str, Vertex], arcs: Sequence[Arc]) -> Iterable[Violation]:
    restless = [arc for arc in arcs if by_id[arc.source].type != "wait"]
    for id, vertex in by_id.items():
        if vertex.type != "wait" and id in _beyond({id}, restless):
            yield Violation(f"nodes.{id}", "it is on a cycle without a wait; put a wait into the cycle")


def on_cycles(arcs: Sequence[Arc]) -> set[str]:
    """The nodes that a path leads back to."""
    return {id for id in {arc.source for arc in arcs} if id in _beyond({id}, arcs)}


def _beyond(start: Iterable[str], arcs: Sequence[Arc]) -> set[str]:
    """The nodes that a path of one or more edges leads to."""
    after: dict[str, list[str]] = {}
    for arc in arcs:
        after.setdefault(arc.source, []).append(arc.target)
    found: set[str] = set()
    frontier = list(start)
    while frontier:
        for target in after.get(frontier.pop(), ()):
            if target not in found:
                found.add(target)
                frontier.append(target)
    return found
