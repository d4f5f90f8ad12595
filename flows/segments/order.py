"""The order in which segments are asked: each behind those that it asks about. Cycles are refused by their name."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from schemas.errors import InvalidInput, Violation


def in_order(asks: Mapping[str, Collection[str]]) -> tuple[list[str], list[str]]:
    """The ids in an order in which each stands behind those that it asks about, and those that have no such place.

    `asks`: segment -> segments that its condition names. What is on a cycle, or asks about what is, has no place. Among
    those that are free the order is that of the ids.
    """
    waits = {id: {other for other in others if other in asks} for id, others in asks.items()}
    askers: dict[str, list[str]] = {}
    for id, others in waits.items():
        for other in others:
            askers.setdefault(other, []).append(id)
    ordered: list[str] = []
    free = sorted(id for id, others in waits.items() if not others)
    while free:
        ordered += free
        following = []
        for id in free:
            for asker in askers.get(id, ()):
                waits[asker].discard(id)
                if not waits[asker]:
                    following.append(asker)
        free = sorted(following)
    return ordered, sorted(waits.keys() - set(ordered))


def find_cycle(asks: Mapping[str, Collection[str]]) -> list[str]:
    """A cycle as the ids along it, the first one again at the end; empty where there is none."""
    _, stuck = in_order(asks)
    path: list[str] = []
    while stuck:
        here = path[-1] if path else stuck[0]
        following = min(other for other in asks[here] if other in stuck) if path else here
        if following in path:
            return [*path[path.index(following) :], following]
        path.append(following)
    return []


def reached(asks: Mapping[str, Collection[str]], begin: Collection[str]) -> set[str]:
    """These ids and all that they ask about, directly or through others; what is not known asks about nothing."""
    found, todo = set(begin), list(begin)
    while todo:
        more = set(asks.get(todo.pop(), ())) - found
        found |= more
        todo += more
    return found


def refuse_cycles(asks: Mapping[str, Collection[str]]) -> None:
    """InvalidInput that names the cycle, where there is one."""
    cycle = find_cycle(asks)
    if cycle:
        way = " → ".join(cycle)
        raise InvalidInput(f"segment {cycle[0]}", [Violation("where", f"segments ask about each other: {way}")])
