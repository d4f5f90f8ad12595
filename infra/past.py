"""The past of everyone by the leaves of a round of hydration: from the archive, and from what it does not hold yet.

    everyone by himself, from the archive ──▶ those who are a part of another, and those in the log's tail, anew

The first takes its time, and may go on while the leaves have not begun yet; the second is short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from flows.segments.hydration import History, Row, own_rows, whole
from schemas.facts import ACCOUNT_KEY, ADDRESS_KEY, MERGE_CLAIMED, MERGED
from schemas.records import Record, decode_event
from sinks.past_query import PastQuery

Past: TypeAlias = dict[str, dict[str, Any]]  # contact -> leaf -> state from before the leaf began
_MERGING: Final = frozenset({MERGE_CLAIMED, MERGED})
_SPANS: Final = (ADDRESS_KEY, ACCOUNT_KEY)


class Page(NamedTuple):
    """A part of everyone's past: the contacts up to `last`, and the share of everyone that is done with it."""

    last: str
    past: Past
    done: float


def pages(archive: PastQuery, history: History, after: str = "") -> Iterator[Page]:
    """Everyone behind `after` by himself, in order; those who are a part of another are left to `rest`."""
    part_of = archive.merges()
    apart = part_of.keys() | part_of.values()
    ends = archive.ends(history, after)
    for number, last in enumerate(ends, 1):
        found: Past = {}
        for contact, rows in groupby(archive.page(history, after, last), key=attrgetter("contact")):
            if contact not in apart and (states := history.take(rows)):
                found[contact] = states
        yield Page(last, found, number / len(ends))
        after = last


class Tail(NamedTuple):
    """Records that the archive may not hold: all those of the contacts whose past they change, and if any merges."""

    rows: tuple[Row, ...]
    merges: bool


def tail(history: History, records: Iterable[tuple[int, Record]]) -> Tail:
    """What of a log's (partition, record)s matters, each logged before the leaves began."""
    rows: dict[str, list[Row]] = {}
    concerned: set[str] = set()
    merges = False
    for partition, record in records:
        try:
            event, raw = decode_event(record.value), record.value.decode()
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue  # the fold could not read it either
        if record.key and not record.key.startswith(_SPANS):
            rows.setdefault(record.key, []).append(Row(record.key, partition, record.offset, record.logged_at, raw))
            merges |= event.type in _MERGING
            if event.type in _MERGING or history.concerns(event):
                concerned.add(record.key)
    return Tail(tuple(row for contact in sorted(concerned) for row in rows[contact]), merges)


def rest(archive: PastQuery, history: History, late: Sequence[Row], past: Past) -> None:
    """Fold those anew who are a part of another, or of whom something is in the tail, into `past`."""
    part_of = archive.merges()
    members: dict[str, list[str]] = {}
    for id in sorted(part_of.keys() | set(part_of.values()) | {row.contact for row in late}):
        members.setdefault(whole(id, part_of), []).append(id)
        past.pop(id, None)
    tails: dict[str, list[Row]] = {}
    for row in late:
        tails.setdefault(whole(row.contact, part_of), []).append(row)
    settled = {contact: ids for contact, ids in members.items() if contact not in tails}
    moving = {contact: ids for contact, ids in members.items() if contact in tails}
    for contact, rows in archive.together(history, settled):
        _take(history, contact, rows, part_of, past)
    for contact, rows in archive.together(history, moving, every=True):
        _take(history, contact, [*rows, *tails[contact]], part_of, past)


def _take(history: History, contact: str, rows: Sequence[Row], part_of: Mapping[str, str], past: Past) -> None:
    once = {(row.partition, row.offset): row for row in rows}.values()
    in_order = sorted(once, key=attrgetter("logged_at", "partition", "offset"))
    if states := history.take(own_rows(in_order, part_of)):
        past[contact] = states


def fold_past(archive: PastQuery, history: History, check: Callable[[], None] = lambda: None) -> Past:
    """The whole past from an archive that holds all of it. `check` is called between pages, and may raise."""
    found: Past = {}
    if history.until:
        for page in pages(archive, history):
            check()
            found.update(page.past)
        rest(archive, history, (), found)
    return found
