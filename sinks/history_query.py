"""The retained history as a simulation reads it: everybody's records in the log's order, and how messages fared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from flows.contact.replay import Line
from flows.contact.why import SAID_ANEW
from flows.journeys.answering import Rates
from flows.segments.sql.run import Ask
from schemas.facts import ACCOUNT_KEY, ADDRESS_KEY, ENTER
from schemas.ids import bucket
from schemas.records import decode_event

PAGE: Final = 50_000  # records of a page
_SALT: Final = "simulation"  # by which a share of the contacts is taken

# History that was imported can be read as it came, or as if it had come when it happened.
_ROWS: Final = """\
SELECT moment, partition, offset, contact, raw
FROM (
  SELECT toUnixTimestamp64Milli(%s) AS moment, partition, offset, contact, raw, type
  FROM events FINAL
  WHERE contact != '' AND type != ''
    AND NOT (type IN {anew:Array(String)})
    AND logged_at <= fromUnixTimestamp64Milli({until:Int64}, 'UTC')
)
WHERE (moment, partition, offset) > ({moment:Int64}, {partition:UInt32}, {offset:UInt64})
ORDER BY moment, partition, offset
LIMIT {page:UInt64}"""
_AS_IMPORTED: Final = _ROWS % "logged_at"
_AS_LIVED: Final = _ROWS % "if(historical, at, logged_at)"
_RATES: Final = """\
SELECT channel, template, count() AS sent, countIf(isNotNull(first_delivered)) AS delivered,
  countIf(isNotNull(first_opened)) AS opened, countIf(isNotNull(first_clicked)) AS clicked
FROM (
  SELECT send, max(message_queue.channel) AS channel, max(message_queue.template) AS template,
    min(sent_at) AS first_sent, min(coalesce(delivered_at, opened_at, clicked_at)) AS first_delivered,
    min(coalesce(opened_at, clicked_at)) AS first_opened, min(clicked_at) AS first_clicked
  FROM message_queue
  GROUP BY send
)
WHERE isNotNull(first_sent) AND template != ''
GROUP BY channel, template WITH ROLLUP"""


class HistoryQuery:
    """ClickHouse's side of a simulation."""

    def __init__(self, ask: Ask, page: int = PAGE):
        self._ask, self._page = ask, page
        self.records = 0  # that were handed out

    def lines(self, until: int, as_lived: bool = True, share: float = 100) -> Iterator[Line]:
        """Every record that was logged until then, in order; of a share of the contacts, in percent.

        What the fold says anew by itself is left out, and who entered a journey by hand is not. What spans contacts
        (addresses, accounts) belongs to every share.
        """
        place = {"moment": -(1 << 62), "partition": 0, "offset": 0}
        sql, anew = _AS_LIVED if as_lived else _AS_IMPORTED, sorted(SAID_ANEW - {ENTER})
        while True:
            rows = self._ask(sql, {**place, "until": until, "anew": anew, "page": self._page})
            for row in rows:
                if share >= 100 or _is_taken(row["contact"], share):
                    yield self._line(row, as_lived)
            if len(rows) < self._page:
                return
            place = {name: rows[-1][name] for name in place}

    def _line(self, row: Mapping[str, Any], as_lived: bool) -> Line:
        event = decode_event(row["raw"].encode())
        event.at = min(event.at, row["moment"])
        if as_lived:
            event.historical = False
        self.records += 1
        return Line(row["moment"], row["contact"], event)

    def rates(self) -> dict[str, Rates]:
        """What became of the messages that were sent so far, by channel and `channel/template`; no bots."""
        found = {}
        for row in self._ask(_RATES, {}):
            if row["channel"]:
                name = f"{row['channel']}/{row['template']}".rstrip("/")
                shares = (row["delivered"] / row["sent"], *_of_delivered(row))
                found[name] = Rates(*(round(share, 4) for share in shares))
        return found


def _of_delivered(row: Mapping[str, Any]) -> tuple[float, float]:
    delivered = row["delivered"]
    return (row["opened"] / delivered, row["clicked"] / delivered) if delivered else (0.0, 0.0)


def _is_taken(contact: str, share: float) -> bool:
    return contact.startswith((ADDRESS_KEY, ACCOUNT_KEY)) or bucket(_SALT, contact) < share
