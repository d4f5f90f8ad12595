"""Segments in the fold: what a record touches, which memberships that flips, when the next may flip by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Final

from flows.contact.scope import Flip, Scope
from flows.contact.section import Section
from flows.definitions.catalogue import Published
from flows.segments.blank import Blank, asks, places_to_ask
from flows.segments.leaf import Leaf
from flows.segments.leafset import LeafSet, LeafStates
from flows.segments.leaves import compile_listed
from flows.segments.order import in_order
from flows.segments.program import Program, compile_condition, single
from schemas.definitions.conditions import Condition, parse_condition, references
from schemas.records import Change, CrmCommand, encode
from schemas.topics import CRM_COMMANDS

if TYPE_CHECKING:
    from flows.segments.renewal import Renewal

_SEGMENT: Final = "segment:"


@dataclass(frozen=True, slots=True)
class Segment:
    """One version of a segment, compiled. `condition` is None for a static one; `crm`: the CRM is told of its flips."""

    id: str
    version: int
    condition: Condition | None
    program: Program
    crm: bool = False


@dataclass(frozen=True, slots=True)
class SegmentSet:
    """The segments active together, each behind those that it asks about, and the leaves that accumulate for them.

    `users`: leaf id -> places of the segments that ask it. `begun`, `asked`: the leaves and the places of segments that
    every new contact needs, whatever its first record is. `stuck`: segments on a cycle, or behind one.
    """

    segments: tuple[Segment, ...]
    leafset: LeafSet
    users: Mapping[str, tuple[int, ...]]
    by_id: Mapping[str, Segment]
    begun: tuple[Leaf, ...] = ()
    asked: tuple[int, ...] = ()
    stuck: tuple[str, ...] = ()

    @classmethod
    def build(cls, segments: Sequence[Published], programs: Iterable[Program]) -> SegmentSet:
        """Of the segments' active versions, and of the conditions of journeys.

        What is on a cycle has no members: publishing refuses it (`order.refuse_cycles`), and the fold goes on.
        """
        published = {p.id: p for p in segments}
        conditions = {id: _condition(p) for id, p in published.items()}
        ordered, stuck = in_order({id: references(c) if c else () for id, c in conditions.items()})
        compiled = tuple(_compile(published[id], conditions[id]) for id in ordered)
        users: dict[str, list[int]] = {}
        for place, segment in enumerate(compiled):
            for leaf in segment.program.leaves:
                users.setdefault(leaf.id, []).append(place)
        leafset, nobody = LeafSet([*(s.program for s in compiled), *programs]), Blank()
        return cls(
            segments=compiled,
            leafset=leafset,
            begun=tuple(leaf for leaf in leafset.leaves.values() if asks(leaf, nobody)),
            asked=places_to_ask([(s.id, s.program) for s in compiled]),
            users={id: tuple(places) for id, places in users.items()},
            by_id={s.id: s for s in compiled},
            stuck=tuple(stuck),
        )


def _condition(published: Published) -> Condition | None:
    """None for a static segment."""
    where = published.body.get("where")
    return None if where is None else parse_condition(where)


def _compile(published: Published, condition: Condition | None) -> Segment:
    program = single(compile_listed(published.id)) if condition is None else compile_condition(condition)
    return Segment(published.id, published.version, condition, program, published.body.get("crm", False))


class Segments(LeafStates, array_like=True, gc=False):
    """The contact's leaf states, and its memberships: segment -> when it entered."""

    members: dict[str, int] = {}  # noqa: RUF012 - msgspec copies it


SECTION = Section(2, "segments", Segments)


def react(scope: Scope) -> None:
    """Take the record in, let pass what passed by time, and flip what flips. Cheap where nothing is touched."""
    segments, state, at = scope.active.segments, scope.state, scope.at
    leaves = segments.leafset.touched(scope.event, scope.keys)
    due = state.due_of(SECTION)
    woken = due is not None and due <= at
    if not (leaves or woken or scope.touched or state.is_new or scope.before is not None):
        return
    section = state.get(SECTION)
    touched = scope.touched  # what was merged into this contact
    if touched:
        section.refresh([segments.leafset.leaves[id] for id in sorted(touched)], scope.view, at)
    if scope.before is not None:
        places = _renew(scope, section, scope.before.segments, scope.active.renewal)
    elif state.is_new:
        section.refresh(segments.begun, scope.view, at)
        places = set(segments.asked)
    else:
        places = set()
    if woken:
        touched |= section.wake(segments.leafset, scope.view, at)
    if leaves:
        touched |= section.take(leaves, scope.event, scope.view, at)
    for id in touched:
        places.update(segments.users.get(id, ()))
    if places:
        _evaluate(scope, section, places)
    state.set_due(SECTION, section.due())


def holds(scope: Scope, program: Program, run: LeafStates | None = None) -> bool:
    """Whether a journey's condition holds for the contact; `run` holds the states of leaves that look at the run."""
    states = scope.state.get(SECTION).states
    return program.holds({**states, **run.states} if run else states, scope.view, scope.at)


def _evaluate(scope: Scope, section: Segments, places: set[int]) -> None:
    """Ask the segments at these places, and those that ask about what flips; they stand behind it."""
    segments, states, members = scope.active.segments, section.states, section.members
    view, at = scope.view, scope.at
    waiting = sorted(places)
    while waiting:
        place = heappop(waiting)
        segment = segments.segments[place]
        if segment.program.holds(states, view, at) != (segment.id in members):
            _flip(scope, section, segment.id, segment.version)
            for leaf in segments.leafset.of_key(_SEGMENT + segment.id):
                scope.touched.add(leaf.id)
                for user in segments.users.get(leaf.id, ()):
                    if user not in places:
                        places.add(user)
                        heappush(waiting, user)


def _flip(scope: Scope, section: Segments, id: str, version: int, reason: str = "") -> None:
    """Enter, or leave where the contact is a member, and say so."""
    entered = id not in section.members
    if entered:
        section.members[id] = scope.at
    else:
        del section.members[id]
    scope.flips.append(Flip(id, version, entered))
    kind = "segment_entered" if entered else "segment_left"
    scope.change(
        Change(
            scope.id(id, kind),
            kind,
            scope.contact,
            scope.at,
            segment=id,
            version=version,
            reason=reason,
            historical=scope.quiet,
        )
    )
    _tell_crm(scope, id, kind)


def _tell_crm(scope: Scope, id: str, kind: str) -> None:
    """Where the segment says so, or did until now."""
    segment = scope.active.segments.by_id.get(id)
    if segment is None and scope.before is not None:
        segment = scope.before.segments.by_id.get(id)
    if segment is not None and segment.crm:
        command = CrmCommand(scope.id(id, kind, "crm"), scope.contact, scope.at, kind, data={"segment": id})
        scope.emit(CRM_COMMANDS, encode(command))


def _renew(scope: Scope, section: Segments, before: SegmentSet, renewal: Renewal) -> set[int]:
    """Definitions became active: drop what is gone, begin what is new; the places of segments that must be asked."""
    segments = scope.active.segments
    section.forget(segments.leafset)
    section.refresh(renewal.begun, scope.view, scope.at)
    scope.touched.update(leaf.id for leaf in renewal.begun)
    for id in sorted(id for id in section.members if id not in segments.by_id):
        gone = before.by_id.get(id)
        _flip(scope, section, id, gone.version if gone else 0)
        scope.touched.update(leaf.id for leaf in segments.leafset.of_key(_SEGMENT + id))
    return set(renewal.places)


def leave_all(scope: Scope, reason: str) -> None:
    """Leave every segment: the contact becomes a part of another. What its leaves have seen is kept, for `absorb`."""
    section = scope.state.get(SECTION)
    for id in sorted(section.members):
        segment = scope.active.segments.by_id.get(id)
        _flip(scope, section, id, segment.version if segment else 0, reason)
    section.dues.clear()
    scope.state.set_due(SECTION, None)


def recall(scope: Scope, past: Mapping[str, Any]) -> None:
    """Take in what leaves would have seen before they began (leaf -> state); `react` then asks who asks them."""
    scope.touched.update(scope.state.get(SECTION).precede(scope.active.segments.leafset, past))


def absorb(scope: Scope, other: Segments) -> None:
    """Take in what another contact's leaves have seen; `react` then asks every segment anew."""
    leafset = scope.active.segments.leafset
    scope.state.get(SECTION).merge(leafset, other)
    scope.touched.update(leafset.leaves)
