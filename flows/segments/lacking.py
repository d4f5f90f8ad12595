"""Which versions lack a part of their past, and since when their leaves know all. Pure.

Most warm up: they are current once their past was brought. Those that were published before anything had happened are
current at once; but what is logged until they are active is their past too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from flows.contact.active import Definitions
from flows.contact.warming import leaves_with_past
from flows.definitions.catalogue import Published, Snapshot
from flows.segments.hydration import unfinished
from flows.segments.leaf import Leaf
from schemas.records import LEAD_MS

_END = 1 << 62


class Lacking(NamedTuple):
    """The versions, their leaves, and of those that lack their past since when they know all: leaf -> instant."""

    versions: tuple[Published, ...]
    leaves: Mapping[str, Leaf]
    begun: Mapping[str, int]


def lacking(definitions: Definitions, first: int | None) -> Lacking:
    """What lacks its past once everything that was published is active. `first`: when the log's first event was logged;
    None where there is none, or it is gone."""
    snapshot = definitions.catalogue.active(_END)
    young = _young(definitions, first) if first is not None else {}
    asking = [p for p in snapshot.current.values() if young.keys() & leaves_with_past(p).keys()] if young else []
    versions = tuple(sorted((*snapshot.warming.values(), *asking), key=lambda p: (p.kind, p.id, p.version)))
    leaves = {id: leaf for p in versions for id, leaf in leaves_with_past(p).items()}
    return Lacking(versions, leaves, unfinished(definitions, leaves.keys(), snapshot) | young)


def _young(definitions: Definitions, first: int) -> dict[str, int]:
    """The leaves that were asked as soon as they began, after the first event, and were not brought their past since.

    Only what was published into an empty log is current without warming up: so a lead after the first event at most.
    """
    found: dict[str, int] = {}
    before: Mapping[str, Leaf] = {}
    for snapshot in definitions.catalogue.between(-1, _END):
        if not found and snapshot.since > first + 2 * LEAD_MS:
            break
        now = definitions.leaves(snapshot)
        brought = {id for past in snapshot.pasts for id in past.leaves}
        found = {id: since for id, since in found.items() if id in now and id not in brought}
        if first < snapshot.since:
            found |= dict.fromkeys(_asked(snapshot) - before.keys(), snapshot.since)
        before = now
    return found


def _asked(snapshot: Snapshot) -> set[str]:
    return {id for published in snapshot.current.values() for id in leaves_with_past(published)}
