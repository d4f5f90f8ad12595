"""What hydration asks ClickHouse: how far it is, who became a part of whom, and everybody's records of some names.

Pages end between contacts, so that each holds all records of its contacts, and a contact's are in the order of the log.
"""

# ruff: noqa: S608 - what is put together are constants and placeholders, never values
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from flows.segments.hydration import History, Row
from schemas.facts import ACCOUNT_KEY, ADDRESS_KEY, MERGE_CLAIMED, MERGED
from schemas.topics import EVENTS
from sinks.clickhouse import ClickHouse

PAGE: Final = 15_000  # records of a page, but for a contact that alone has more; the API shares the process
MEMBERS: Final = 2_000  # of contacts that are asked for by their ids so many at once

_OWN: Final = (
    "contact != '' AND type != '' AND logged_at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')"
    f" AND NOT startsWith(contact, '{ADDRESS_KEY}') AND NOT startsWith(contact, '{ACCOUNT_KEY}')"
)
_PLACES: Final = """\
SELECT partition, max(next_offset) AS next FROM warehouse_progress WHERE topic = {topic:String} GROUP BY partition"""
_PAGES: Final = f"""\
SELECT max(contact) AS last
FROM (
  SELECT contact, sum(count()) OVER (ORDER BY contact) AS total
  FROM events WHERE {_OWN} AND contact > {{after:String}} GROUP BY contact
)
GROUP BY intDiv(total, {{page:UInt64}})
ORDER BY last"""
# Of records with one id the first counts, also where a later one has another name: so first that, then the names.
_ROWS: Final = f"""\
SELECT contact, partition, offset, toUnixTimestamp64Milli(moment) AS logged_at, raw
FROM (
  SELECT contact, partition, offset, logged_at AS moment, name, type, raw
  FROM events FINAL
  WHERE {_OWN} AND %s
  ORDER BY contact, partition, offset
  LIMIT 1 BY contact, if(id = '', concat('\\0', toString(offset)), id)
)
WHERE {{every:Bool}} OR name IN {{names:Array(String)}} OR type IN {{types:Array(String)}}
  OR arrayExists(prefix -> startsWith(name, prefix), {{prefixes:Array(String)}})
ORDER BY contact, partition, offset"""
_ROWS_OF_PAGE: Final = _ROWS % "contact > {after:String} AND contact <= {last:String}"
_ROWS_OF_MEMBERS: Final = _ROWS % "contact IN {members:Array(String)}"
_MERGES: Final = f"""\
SELECT JSONExtractString(properties, 'source') AS source, contact AS into
FROM events WHERE type = '{MERGED}' ORDER BY logged_at, partition, offset"""
_OPEN_CLAIMS: Final = f"""\
SELECT count() AS claims
FROM (
  SELECT contact, JSONExtractString(properties, 'into') AS into FROM events WHERE type = '{MERGE_CLAIMED}' AND {_OWN}
)
WHERE into NOT IN ('', contact)
  AND contact NOT IN (SELECT JSONExtractString(properties, 'source') FROM events WHERE type = '{MERGED}')
  AND (contact, into) NOT IN (SELECT contact, JSONExtractString(value) FROM changes WHERE kind = 'merge_refused')"""
_decode_rows: Final = msgspec.json.Decoder(Row).decode_lines


class PastQuery:
    """The archive as hydration reads it."""

    def __init__(self, clickhouse: ClickHouse, page: int = PAGE):
        self._clickhouse, self._page = clickhouse, page

    def places(self) -> dict[int, int]:
        """How far the archive goes: partition of `events` -> the offset that it holds everything below."""
        rows = self._clickhouse.query(_PLACES, {"topic": EVENTS})
        return {row["partition"]: row["next"] for row in rows}

    def open_claims(self, until: int) -> int:
        """How many claims of a merge, logged before, have not come to their end yet, as far as the archive knows."""
        return int(self._clickhouse.query(_OPEN_CLAIMS, {"until": until})[0]["claims"])

    def merges(self) -> dict[str, str]:
        """Every id that was handed over -> the contact that it is a part of."""
        part_of: dict[str, str] = {}
        for merge in self._clickhouse.query(_MERGES):
            part_of.setdefault(merge["source"], merge["into"])
        return part_of

    def ends(self, history: History, after: str = "") -> list[str]:
        """The last contact of each page behind `after`, in order."""
        ends = self._clickhouse.query(_PAGES, {"until": history.until, "page": self._page, "after": after})
        return [row["last"] for row in ends]

    def page(self, history: History, after: str, last: str) -> list[Row]:
        """The records of the contacts in (after, last], contact by contact."""
        return self._rows(_ROWS_OF_PAGE, history, history.types, after=after, last=last)

    def together(
        self, history: History, members: Mapping[str, Sequence[str]], every: bool = False
    ) -> Iterator[tuple[str, list[Row]]]:
        """Contacts, each with the records of all its ids and the claims on them; with `every` those of any name."""
        contacts = sorted(members)
        for first in range(0, len(contacts), MEMBERS):
            found: dict[str, list[Row]] = {contact: [] for contact in contacts[first : first + MEMBERS]}
            contact_of = {id: contact for contact in found for id in members[contact]}
            types = [*history.types, MERGE_CLAIMED]
            for row in self._rows(_ROWS_OF_MEMBERS, history, types, members=list(contact_of), every=every):
                found[contact_of[row.contact]].append(row)
            yield from found.items()

    def _rows(self, sql: str, history: History, types: Sequence[str], **more: Any) -> list[Row]:
        named = {"names": history.names, "prefixes": history.prefixes, "types": list(types), "every": False}
        with self._clickhouse.handle() as client:
            answer = client.raw_query(sql, {"until": history.until, **named, **more}, fmt="JSONEachRow")
        return _decode_rows(answer)
