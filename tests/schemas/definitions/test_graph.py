"""Faults of a journey's graph, each with the node's or edge's place."""

from __future__ import annotations

import pytest

from schemas.definitions.graph import Arc, Vertex, graph_faults

START, DONE = Vertex("start", "trigger", ("",)), Vertex("done", "exit")
ASK = Vertex("ask", "condition", ("yes", "no"))
ACT = Vertex("act", "action", ("",), ("skipped",))
PAUSE = Vertex("pause", "wait", ("",))


def faults(vertices: list[Vertex], *arcs: tuple[str, str] | tuple[str, str, str]) -> dict[str, str]:
    return {v.path: v.message for v in graph_faults(vertices, [Arc(*arc) for arc in arcs])}


def test_a_sound_graph_has_no_fault():
    assert not faults([START, ASK, DONE], ("start", "ask"), ("ask", "done", "yes"), ("ask", "done", "no"))


def test_an_edge_without_a_branch_carries_the_branches_that_have_none():
    assert not faults([START, ASK, DONE], ("start", "ask"), ("ask", "done", "yes"), ("ask", "done"))


def test_a_cycle_with_a_wait_is_sound():
    assert not faults(
        [START, PAUSE, ASK, DONE], ("start", "pause"), ("pause", "ask"), ("ask", "pause", "no"), ("ask", "done", "yes")
    )


@pytest.mark.parametrize(
    ("vertices", "arcs", "path", "message"),
    [
        ([DONE], [], "nodes", "no trigger"),
        ([START, DONE, DONE], [("start", "done")], "nodes.done", "taken by an earlier node"),
        ([START, DONE], [("start", "done"), ("start", "gone", "x")], "edges.1.to", "no node 'gone'"),
        ([START, DONE], [("start", "done"), ("gone", "done")], "edges.1.from", "no node 'gone'"),
        ([START, DONE], [("start", "done"), ("start", "done")], "edges.1", "two edges"),
        ([START, DONE], [("start", "done"), ("done", "start")], "edges.1", "'done' is an exit"),
        ([START, ACT, DONE], [("start", "act"), ("act", "start")], "edges.1.to", "'start' is a trigger"),
        ([START, ACT, DONE], [("start", "act"), ("act", "done"), ("act", "done", "no")], "edges.2.branch", "skipped"),
        ([START, ASK, DONE], [("start", "ask"), ("ask", "done", "yes")], "nodes.ask", "branch 'no' leads nowhere"),
        ([START, ACT, DONE], [("start", "act")], "nodes.act", "no edge leaves it"),
        ([START, ACT, DONE], [("start", "done"), ("act", "done")], "nodes.act", "no path from a trigger"),
        (
            [START, ASK, ACT, DONE],
            [("start", "ask"), ("ask", "act", "no"), ("act", "ask"), ("ask", "done", "yes")],
            "nodes.act",
            "cycle without a wait",
        ),
    ],
)
def test_each_fault_is_told_with_its_place(vertices, arcs, path, message):
    assert message in faults(vertices, *arcs)[path]


def test_of_a_node_that_is_faulty_itself_no_branch_is_missed():
    broken = Vertex("ask", "condition", (), None)
    assert not faults([START, broken, DONE], ("start", "ask"), ("ask", "done", "whatever"))


def test_a_node_between_two_cycles_is_on_none():
    vertices = [START, *(Vertex(id, "action", ("",), ("skipped",)) for id in ("a", "b", "c")), DONE]
    arcs = [("start", "a"), ("a", "a", "skipped"), ("a", "b"), ("b", "c"), ("c", "c", "skipped"), ("c", "done")]
    assert set(faults(vertices, *arcs)) == {"nodes.a", "nodes.c"}
