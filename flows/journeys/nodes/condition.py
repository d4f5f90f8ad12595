"""Condition: the first branch whose question holds."""

from __future__ import annotations

from dataclasses import dataclass

from flows.journeys.nodes.base import Leave, Result, Visit
from flows.journeys.question import Question, ask
from schemas.definitions import nodes as written


@dataclass(frozen=True, slots=True)
class Condition:
    """`branches` are asked in their order; `otherwise` is for those whom none fits."""

    id: str
    branches: tuple[tuple[str, Question], ...]
    otherwise: str

    def enter(self, visit: Visit) -> Result:
        """Go on by the first that holds."""
        for name, question in self.branches:
            if question.holds(visit.scope, visit.run):
                return Leave(name)
        return Leave(self.otherwise)


def compile_condition_node(node: written.If | written.Branches) -> Condition:
    """`if` is a branch `yes`, and `no` for the others."""
    if isinstance(node, written.If):
        return Condition(node.id, (("yes", ask(node.if_)),), "no")
    return Condition(node.id, tuple((branch.name, ask(branch.if_)) for branch in node.of), node.else_)
