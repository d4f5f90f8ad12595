"""What every compiled query begins with: contacts' events as LANGUAGE.md counts them, over the table `events`.

`facts` has one row an event that counts: merged contacts under one id (the parameters `merged_from` and `merged_into`
say which), of events with one id the first in the log. `place` is its place in the log. A record that is no event of
the contact's (a tick, what spans contacts) has no name.
"""

# ruff: noqa: S608 - what is put together are constants and placeholders, never values
from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from schemas.facts import ACCOUNT_KEY, ADDRESS_KEY, UNNAMED

_LOGGED: Final = (
    "logged_at <= fromUnixTimestamp64Milli({at:Int64}, 'UTC') AND contact != '' AND type != ''"
    f" AND NOT startsWith(contact, '{ADDRESS_KEY}') AND NOT startsWith(contact, '{ACCOUNT_KEY}')"
)
_UNNAMED: Final = ", ".join(f"'{t}'" for t in sorted(UNNAMED))

_ID: Final = "if(id = '', concat('\\0', toString(partition), ':', toString(offset)), id)"

# Who claims whom, in the order of the log. A claim whose id an earlier record of the contact has is void.
CLAIMS: Final = f"""\
SELECT if(first.1 = 'alias' AND first.2 != '', first.2, first.3) AS earlier, contact AS later
FROM (
  SELECT contact, argMin((type, previous_id, anonymous_id, user_id), (logged_at, partition, offset)) AS first,
    min((logged_at, partition, offset)) AS place
  FROM events FINAL
  WHERE {_LOGGED} AND (contact, {_ID}) IN (
    SELECT contact, {_ID} FROM events
    WHERE {_LOGGED} AND type IN ('identify', 'alias') AND user_id = contact AND previous_id || anonymous_id != ''
  )
  GROUP BY contact, {_ID}
)
WHERE first.1 IN ('identify', 'alias') AND first.4 = contact AND earlier NOT IN ('', contact)
ORDER BY place"""

FACTS: Final = f"""\
  facts AS (
    SELECT transform(e.contact, {{merged_from:Array(String)}}, {{merged_into:Array(String)}}) AS contact,
      (logged_at, partition, offset) AS place, toUnixTimestamp64Milli(e.at) AS at, e.type AS type,
      id, partition, offset, group_id, properties, traits, if(e.type IN ({_UNNAMED}), '', e.name) AS name
    FROM (SELECT * FROM events FINAL WHERE {_LOGGED}) AS e
    ORDER BY contact, place
    LIMIT 1 BY contact, {_ID}
  )"""


def merge_parameters(claims: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The parameters of `facts` from (earlier id, user): each id is given with the contact that it is in the end."""
    part_of = parts(claims)
    ids = [*part_of, ""]  # `transform` takes no empty arrays
    return {"merged_from": ids, "merged_into": [whole(id, part_of) for id in ids]}


def parts(claims: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Earlier id -> user, of claims in the order of the log.

    The first claim of an id stands; one by who is himself a part of it is void.
    """
    part_of: dict[str, str] = {}
    for earlier, later in claims:
        if earlier not in part_of and whole(later, part_of) != earlier:
            part_of[earlier] = later
    return part_of


def whole(id: str, part_of: Mapping[str, str]) -> str:
    """The contact that an id is a part of in the end; itself where it is nobody's part."""
    while id in part_of:
        id = part_of[id]
    return id
