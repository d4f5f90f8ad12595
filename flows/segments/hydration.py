"""The past of new leaves: which lack it, from which records it is folded, and how a file holds it. Pure.

A leaf that begins to accumulate at an instant sees the records from then on; its past are the contact's records that
were logged before. A leaf's state is that of a set, so both are folded apart and merged: nothing counts twice, and
nothing is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

import msgspec

from flows.contact.active import Definitions
from flows.contact.warming import leaves_with_past
from flows.definitions.catalogue import Published, Snapshot
from flows.segments.leaf import Leaf
from flows.segments.leafset import LeafSet
from flows.segments.leaves.held import Held
from flows.segments.program import single
from schemas.facts import ACCOUNT_TRAITS, MERGE_CLAIMED
from schemas.records import Event, decode_event, placed

CHUNK: Final = 2_000  # contacts that are decoded at once: a worker that loads a file goes on with its work between
TELLS_TRAITS: Final = ("identify", "group", ACCOUNT_TRAITS)
_encode = msgspec.msgpack.Encoder().encode
_decode_file: Final = msgspec.msgpack.Decoder(list[bytes]).decode
_decode_chunk: Final = msgspec.msgpack.Decoder(dict[str, bytes]).decode


class Row(msgspec.Struct, gc=False):
    """A record of `events` as ClickHouse hands it back. `raw` is its whole value."""

    contact: str
    partition: int
    offset: int
    logged_at: int
    raw: str


def unfinished(definitions: Definitions, wanted: Collection[str], snapshot: Snapshot) -> dict[str, int]:
    """Of the wanted leaves those that accumulate under the snapshot and lack their past: leaf -> since when they do.

    A leaf is whole from the moment on at which a definition that asks it is current, as long as it accumulates without
    a break: what was published with a past to be known became current by a switch, which brought it.
    """
    found: dict[str, int] = {}
    open = set(wanted)
    known: dict[tuple[str, str, int], frozenset[str]] = {}
    while open and snapshot.since >= 0:
        open &= definitions.leaves(snapshot).keys()
        found.update(dict.fromkeys(open, snapshot.since))
        for published in snapshot.current.values():
            key = (published.kind, published.id, published.version)
            if key not in known:
                known[key] = frozenset(leaves_with_past(published))
            for whole in open & known[key]:
                del found[whole]
            open -= known[key]
        snapshot = definitions.catalogue.active(snapshot.since - 1)
    return found


def lacks_past(definitions: Definitions, published: Published, snapshot: Snapshot) -> bool:
    """Whether the version, were it current, would ask leaves that do not know the past."""
    wanted = leaves_with_past(published).keys()
    return bool(wanted - definitions.leaves(snapshot).keys() or unfinished(definitions, wanted, snapshot))


class History:
    """Folds the past of leaves, each of which knows what was logged since `begun` of its id."""

    def __init__(self, leaves: Mapping[str, Leaf], begun: Mapping[str, int]):
        self._begun = begun
        self._held = tuple(leaves[id] for id in sorted(begun) if isinstance(leaves[id], Held))
        self._by_name = LeafSet(single(leaves[id]) for id in sorted(begun) if not isinstance(leaves[id], Held))
        self.until = max(begun.values(), default=0)
        keys = [key for leaf in self._by_name.leaves.values() for key in leaf.keys]
        self.names = sorted({key.removeprefix("event:") for key in keys if key.startswith("event:")})
        self.prefixes = sorted({key.removeprefix("event^") for key in keys if key.startswith("event^")})
        self.types = list(TELLS_TRAITS) if self._held else []

    def concerns(self, event: Event) -> bool:
        """Whether some leaf looks at the event."""
        return event.type in self.types or bool(self._by_name.touched(event, ()))

    def take(self, rows: Iterable[Row]) -> dict[str, Any]:
        """The states of one contact's leaves, from its records in the order of the log. Of those with one id the first
        counts, as in the fold."""
        states: dict[str, Any] = {}
        seen: set[str] = set()
        for row in rows:
            try:
                event = decode_event(row.raw)
            except msgspec.DecodeError:
                continue  # the fold could not read it either
            if event.id:
                if event.id in seen:
                    continue
                seen.add(event.id)
            event.at = min(event.at, row.logged_at)
            placed(event, row.logged_at, row.partition, row.offset)
            leaves = self._by_name.touched(event, ())
            for leaf in (*leaves, *self._held) if event.type in TELLS_TRAITS else leaves:
                if row.logged_at < self._begun[leaf.id]:
                    state = leaf.observe(states.get(leaf.id), event, row.logged_at)
                    if state is not None:
                        states[leaf.id] = state
        return states


def own_rows(rows: Iterable[Row], part_of: Mapping[str, str]) -> Iterator[Row]:
    """Of records of contacts that became one, in the order of the log, those that count.

    Once an id was handed over to what it is `part_of`, its records are but forwarded: they count where they arrive.
    """
    over: set[str] = set()
    for row in rows:
        if row.contact in over:
            continue
        into = part_of.get(row.contact)
        if into is not None and f'"{MERGE_CLAIMED}"' in row.raw:
            event = decode_event(row.raw)
            if event.type == MERGE_CLAIMED and event.properties.get("into") == into:
                over.add(row.contact)
                continue
        yield row


def whole(contact: str, part_of: Mapping[str, str]) -> str:
    """The contact that this one is a part of in the end; itself where it is nobody's part."""
    seen = {contact}
    while (into := part_of.get(contact)) is not None and into not in seen:
        seen.add(into)
        contact = into
    return contact


def pack(states: Mapping[str, Any]) -> bytes:
    """A file of contact -> what it brings (leaf -> state, or an instant): a list of chunks, in the order of the ids."""
    contacts = iter(sorted(states))
    chunks = []
    while part := list(islice(contacts, CHUNK)):
        chunks.append(_encode({contact: _encode(states[contact]) for contact in part}))
    return _encode(chunks)


def unpack(file: bytes) -> dict[str, bytes]:
    """Contact -> what the file brings it, still encoded (`flows.contact.active.StatesIn`)."""
    found: dict[str, bytes] = {}
    for chunk in _decode_file(file):
        found.update(_decode_chunk(chunk))
    return found
