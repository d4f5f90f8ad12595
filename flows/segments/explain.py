"""Why a contact is in a segment, or is not: each node's truth, what decided it, and when it can change by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from flows.contact.view import ContactView
from flows.segments import evidence
from flows.segments.engine import SegmentSet
from flows.segments.leaf import Leaf
from flows.segments.leafset import LeafStates
from flows.segments.leaves import compile_leaf, compile_listed
from schemas.definitions import conditions as spec
from schemas.definitions.conditions import And, Condition, Not, Or
from schemas.records import Event
from schemas.times import format_instant

SHOWN = 20  # events of a leaf that are told, the latest
INSTANTS = frozenset({"at", "first", "last", "since", "steps"})  # what leaves tell as instants


class Case(NamedTuple):
    """What the leaves are asked about. `of_run` is the history as leaves see it that look at one run of a journey."""

    section: LeafStates
    view: ContactView
    at: int
    history: evidence.History
    of_run: evidence.History = ()
    compile: Callable[[spec.Leaf], Leaf] = compile_leaf


def explain(
    segment: str,
    section: LeafStates,
    view: ContactView,
    at: int,
    segments: SegmentSet,
    history: evidence.History = (),
) -> dict[str, Any]:
    """One contact and one active segment, as JSON; KeyError where there is no such segment.

    Each node has `is` (and, or, not, or the leaf's kind) and `truth`; groups have `parts`, leaves `asks` (the struct of
    `schemas.definitions.conditions`, durations in ms), what they know (`value`, `count`, instants of events, …), and
    `next_change` where they can change by themselves. `events` are those of the `history` that decided a leaf, the last
    SHOWN of `decided_by`. The whole has `member`, and the earliest `next_change`.
    """
    found = segments.by_id[segment]
    dues: list[int] = []
    case = Case(section, view, at, history)
    if found.condition is None:
        why = _leaf({"is": "listed"}, None, compile_listed(found.id), case, dues)
    else:
        why = explain_condition(found.condition, case, dues)
    return {
        "segment": segment,
        "version": found.version,
        "at": format_instant(at),
        "member": view.member(segment),
        "next_change": format_instant(min(dues)) if dues else None,
        "why": why,
    }


def explain_condition(condition: Condition, case: Case, dues: list[int]) -> dict[str, Any]:
    """The condition's nodes, as `explain` tells them; what may change by itself is added to `dues`.

    Each node after its parts: a list in place of recursion, so that any depth will do.
    """
    nodes: list[tuple[Condition, int, int]] = [(condition, 0, 0)]
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
                told[i] = _leaf({"is": asks.pop("is"), "asks": asks}, node, case.compile(node), case, dues)
    return told[0]


def _leaf(head: dict[str, Any], node: spec.Leaf | None, leaf: Leaf, case: Case, dues: list[int]) -> dict[str, Any]:
    view, at = case.view, case.at
    state = case.section.states.get(leaf.id)
    told = {**head, "truth": leaf.truth(state, view, at)}
    known = leaf.explain(state, view, at)
    for name, value in known.items():
        told[name] = _shown(value) if name in INSTANTS else value
    events = evidence.deciding(node, leaf, known, case.of_run if leaf.in_run else case.history, view, at)
    told["decided_by"] = len(events)
    told["events"] = [_event(event) for event in events[-SHOWN:]]
    due = leaf.next_change(state, view, at)
    if due is not None:
        dues.append(due)
        told["next_change"] = format_instant(due)
    return told


def _event(event: Event) -> dict[str, Any]:
    return {"id": event.id, "name": event.name or event.type, "at": format_instant(event.at)}


def _shown(instants: Any) -> Any:
    """Instants as ISO 8601; what has held since ever has no beginning."""
    if isinstance(instants, list):
        return [_shown(instant) for instant in instants]
    return format_instant(instants) if isinstance(instants, int) and instants > -(1 << 61) else None
