"""A condition compiled into a flat list of decisions: ask a leaf, go on here or there. No recursion at any depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from flows.contact.view import ContactView
from flows.segments.leaf import Leaf
from flows.segments.leaves import compile_leaf
from schemas.definitions.conditions import And, Condition, Not, Or

YES: Final = -1
NO: Final = -2


class Decision(NamedTuple):
    """Ask the leaf; then go to the decision `yes` or `no`, or end where that is YES or NO."""

    leaf: Leaf
    yes: int
    no: int


class Program:
    """A compiled condition. `leaves` holds each of its leaves once."""

    __slots__ = ("_start", "_steps", "decisions", "leaves")

    def __init__(self, decisions: Sequence[Decision]):
        self.decisions = tuple(decisions)  # written from the end: the last one is asked first
        self.leaves = tuple({d.leaf.id: d.leaf for d in reversed(decisions)}.values())
        self._start = len(decisions) - 1
        self._steps = tuple((d.leaf.truth, d.leaf.id, d.yes, d.no) for d in decisions)

    def holds(self, states: Mapping[str, Any], view: ContactView, at: int) -> bool:
        """Whether the condition holds at the instant, given the leaves' states by id."""
        steps, i = self._steps, self._start
        while i >= 0:
            truth, id, yes, no = steps[i]
            i = yes if truth(states.get(id), view, at) else no
        return i == YES


class _Group:
    """A group on the way down; its parts are taken from the last to the first."""

    __slots__ = ("no", "node", "rest", "yes")

    def __init__(self, node: And | Or, yes: int, no: int):
        self.node, self.yes, self.no, self.rest = node, yes, no, len(node.parts)

    def take(self, entry: int) -> tuple[Condition, int, int]:
        """The next part and its targets. `entry` is where the part behind it begins, once there is one."""
        if self.rest < len(self.node.parts):
            if isinstance(self.node, And):
                self.yes = entry
            else:
                self.no = entry
        self.rest -= 1
        return self.node.parts[self.rest], self.yes, self.no


def compile_condition(condition: Condition) -> Program:
    """The program of a condition.

    Written from its end, so that what a part goes on to is there before it: a part begins at the last decision that was
    written for it. `not` swaps the targets and costs nothing.
    """
    decisions: list[Decision] = []
    groups: list[_Group] = []
    leaves: dict[str, Leaf] = {}
    node, yes, no = condition, YES, NO
    while True:
        while isinstance(node, Not):
            node, yes, no = node.part, no, yes
        if isinstance(node, And | Or):
            groups.append(_Group(node, yes, no))
        else:
            leaf = compile_leaf(node)
            decisions.append(Decision(leaves.setdefault(leaf.id, leaf), yes, no))
        while groups and groups[-1].rest == 0:
            groups.pop()
        if not groups:
            return Program(decisions)
        node, yes, no = groups[-1].take(len(decisions) - 1)


def single(leaf: Leaf) -> Program:
    """The program of one leaf."""
    return Program([Decision(leaf, YES, NO)])
