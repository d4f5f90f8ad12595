"""Files as commands see them: the settled state, in which a contact has been one from the start (LANGUAGE, "Time").

The stream drops an event that comes twice to one contact. Where it came to two that became one only later, both have
counted it by then. Whoever holds the whole history can tell: of such events the first in the log is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from flows.contact.recent import WINDOW_MS
from flows.contact.replay import Line
from flows.segments.sql.facts import parts, whole

_CLAIMING = ("identify", "alias")


def settled(lines: Sequence[Line]) -> list[Line]:
    """The lines, in the log's order, without those that another id of the same contact had within a day before."""
    part_of = merged(lines)
    first: dict[tuple[str, str], Line] = {}
    kept: list[Line] = []
    for line in lines:
        earlier = first.setdefault((whole(line.contact, part_of), line.event.id), line)
        is_again = bool(line.event.id) and earlier.contact != line.contact
        if not is_again or line.logged_at - earlier.logged_at >= WINDOW_MS:
            kept.append(line)
        elif line.event.type in _CLAIMING:  # who is part of whom stands, whatever else the record said
            kept.append(line._replace(event=msgspec.structs.replace(line.event, traits={})))
    return kept


def merged(lines: Sequence[Line]) -> dict[str, str]:
    """Of each earlier id the user whose part it is (`flows.segments.sql.facts.whole` follows it to the end)."""
    return parts(_claims(lines))


def _claims(lines: Sequence[Line]) -> Iterator[tuple[str, str]]:
    """(earlier id, user) of each claim. One whose id an earlier record of the user had is void."""
    seen: set[tuple[str, str]] = set()
    for _, contact, event in lines:
        is_void = bool(event.id) and (contact, event.id) in seen
        seen.add((contact, event.id))
        if is_void or event.type not in _CLAIMING or event.user_id != contact:
            continue
        earlier = (event.previous_id if event.type == "alias" else "") or event.anonymous_id
        if earlier not in ("", contact):
            yield earlier, contact
