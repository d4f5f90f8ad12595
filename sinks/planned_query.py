"""What was planned for everyone, as caps count it: read from ClickHouse, where the fold has not kept it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from flows.policy.caps import Planned

Ask: TypeAlias = Callable[[str, Mapping[str, Any]], Sequence[Mapping[str, Any]]]  # `sinks.clickhouse.ClickHouse.query`

# The channel by which a message went stands in the name of the event that says so: it may be another than was planned.
_PLANNED: Final = """\
SELECT contact, toUnixTimestamp64Milli(s.at) AS at, s.id AS send, topic,
  if(campaign = '', journey, campaign) AS campaign, if(went.channel = '', s.channel, went.channel) AS channel
FROM sends AS s FINAL
LEFT JOIN (
  SELECT JSONExtractString(properties, 'send') AS send, any(replaceOne(type, '_sent', '')) AS channel
  FROM events
  WHERE type IN ('email_sent', 'sms_sent', 'push_sent') AND at > fromUnixTimestamp64Milli({from:Int64}, 'UTC')
  GROUP BY send
) AS went ON went.send = s.id
WHERE message_class = 'marketing' AND s.channel != 'webhook'
  AND s.at > fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND s.at < fromUnixTimestamp64Milli({until:Int64}, 'UTC')
  AND s.id NOT IN (
    SELECT send FROM message_status
    WHERE status IN ('skipped', 'failed') AND planned_at > fromUnixTimestamp64Milli({from:Int64}, 'UTC')
  )
ORDER BY contact, at, send"""


def planned_between(ask: Ask, after: int, until: int) -> dict[str, list[Planned]]:
    """Contact -> the marketing messages planned in (after, until), neither skipped nor failed, in their order."""
    found: dict[str, list[Planned]] = {}
    for row in ask(_PLANNED, {"from": after, "until": until}):
        planned = Planned(row["at"], row["send"], row["channel"], row["topic"], row["campaign"])
        found.setdefault(row["contact"], []).append(planned)
    return found
