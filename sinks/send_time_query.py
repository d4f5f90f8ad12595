"""Everyone's opens and clicks by local hour, from ClickHouse: what `best_time` begins with."""

from __future__ import annotations

from flows.contact.subject import is_zone
from flows.scoring.send_time import HOURS, local_hour
from flows.segments.sql.run import Ask
from schemas.facts import CHANNELS
from schemas.times import DAY, parse_instant

LOOK_BACK = 90 * DAY
_TYPES = [f"{channel}_{outcome}" for channel in CHANNELS if channel != "webhook" for outcome in ("opened", "clicked")]
# In quarters of an hour, which every zone's offset is a multiple of; the zone is that of the contact's latest word.
_ANSWERS = """\
WITH zones AS
(
    SELECT contact, argMax(JSONExtractString(traits, 'timezone'), (at, offset)) AS zone
    FROM events
    WHERE type = 'identify' AND JSONHas(traits, 'timezone') AND logged_at <= fromUnixTimestamp64Milli({at:Int64}, 'UTC')
    GROUP BY contact
)
SELECT zones.zone AS zone, toStartOfInterval(answers.at, toIntervalMinute(15)) AS quarter, count() AS answers
FROM
(
    SELECT contact, any(events.at) AS at
    FROM events
    WHERE type IN {types:Array(String)} AND NOT JSONExtractBool(properties, 'machine')
        AND events.at > fromUnixTimestamp64Milli({since:Int64}, 'UTC')
        AND events.at <= fromUnixTimestamp64Milli({at:Int64}, 'UTC')
    GROUP BY contact, if(id = '', toString((partition, offset)), id)
) AS answers
LEFT JOIN zones ON zones.contact = answers.contact
GROUP BY zone, quarter"""


def answers_by_hour(ask: Ask, at: int, zone: str) -> list[int]:
    """So many in each local hour of the last LOOK_BACK; `zone` is the workspace's, for who names none."""
    hours = [0] * HOURS
    for row in ask(_ANSWERS, {"types": _TYPES, "since": at - LOOK_BACK, "at": at}):
        own = row["zone"] if is_zone(row["zone"]) else zone
        hours[local_hour(own, parse_instant(row["quarter"]))] += row["answers"]
    return hours
