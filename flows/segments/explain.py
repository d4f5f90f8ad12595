"""Why a contact is in a segment, or is not: each node's truth, what decided it, and when it can change by itself."""

from __future__ import annotations

from typing import Any

import msgspec

from flows.contact.view import ContactView
from flows.segments.engine import Segment, SegmentSet
from flows.segments.leaf import Leaf
from flows.segments.leafset import LeafStates
from flows.segments.leaves import compile_leaf, compile_listed
from schemas.definitions.conditions import And, Condition, Not, Or
from schemas.times import format_instant

INSTANTS = frozenset({"at", "first", "last", "since", "steps"})  # what leaves tell as instants


def explain(segment: str, section: LeafStates, view: ContactView, at: int, segments: SegmentSet) -> dict[str, Any]:
    """One contact and one active segment, as JSON; KeyError where there is no such segment.

    Each node has `is` (and, or, not, or the leaf's kind) and `truth`; groups have `parts`, leaves `asks` (the struct of
    `schemas.definitions.conditions`, durations in ms), what they know (`value`, `count`, instants of events, …), and
    `next_change` where they can change by themselves. The whole has `member`, and the earliest `next_change`.
    """
    found = segments.by_id[segment]
    dues: list[int] = []
    why = _tree(found, section, view, at, dues)
    return {
        "segment": segment,
        "version": found.version,
        "at": format_instant(at),
        "member": view.member(segment),
        "next_change": format_instant(min(dues)) if dues else None,
        "why": why,
    }


def _tree(segment: Segment, section: LeafStates, view: ContactView, at: int, dues: list[int]) -> dict[str, Any]:
    """The tree's nodes, each after its parts: a list in place of recursion, so that any depth will do."""
    if segment.condition is None:
        return _leaf({"is": "listed"}, compile_listed(segment.id), section, view, at, dues)
    nodes: list[tuple[Condition, int, int]] = [(segment.condition, 0, 0)]
    for i, (node, _, _) in enumerate(nodes):
        parts = node.parts if isinstance(node, And | Or) else (node.part,) if isinstance(node, Not) else ()
        nodes[i] = (node, len(nodes), len(nodes) + len(parts))
        nodes.extend((part, 0, 0) for part in parts)
    told: list[dict[str, Any]] = [{} for _ in nodes]
    for i in range(len(nodes) - 1, -1, -1):
        node, start, end = nodes[i]
        parts_told = told[start:end]
        truths = [part["truth"] for part in parts_told]
        match node:
            case And():
                told[i] = {"is": "and", "truth": all(truths), "parts": parts_told}
            case Or():
                told[i] = {"is": "or", "truth": any(truths), "parts": parts_told}
            case Not():
                told[i] = {"is": "not", "truth": not truths[0], "parts": parts_told}
            case _:
                asks = msgspec.to_builtins(node)
                told[i] = _leaf({"is": asks.pop("is"), "asks": asks}, compile_leaf(node), section, view, at, dues)
    return told[0]


def _leaf(
    head: dict[str, Any], leaf: Leaf, section: LeafStates, view: ContactView, at: int, dues: list[int]
) -> dict[str, Any]:
    state = section.states.get(leaf.id)
    told = {**head, "truth": leaf.truth(state, view, at)}
    for name, value in leaf.explain(state, view, at).items():
        told[name] = _shown(value) if name in INSTANTS else value
    due = leaf.next_change(state, view, at)
    if due is not None:
        dues.append(due)
        told["next_change"] = format_instant(due)
    return told


def _shown(instants: Any) -> Any:
    """Instants as ISO 8601; what has held since ever has no beginning."""
    if isinstance(instants, list):
        return [_shown(instant) for instant in instants]
    return format_instant(instants) if isinstance(instants, int) and instants > -(1 << 61) else None
