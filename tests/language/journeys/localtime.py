"""LANGUAGE, "Journeys": waits in local time, over midnight, with weekdays, on days on which clocks change.

5 January 2026 is a Monday. In Berlin clocks go from 02:00 to 03:00 (01:00 UTC) on 29 March and from 03:00 back to 02:00
(01:00 UTC) on 25 October.
"""

from __future__ import annotations

from typing import Any

from tests.language.journeys.waits import BERLIN, MAIL, waits
from tests.language.lines import Line, did, says
from tests.language.told import Told


def until(says: str, entered: str, due: str, zone: Line = MAIL, **wait: Any) -> tuple[Told, Told]:
    """Not a millisecond before, and then."""
    lines = [zone, did("u", "go", entered)]
    return waits(says, lines, [f"u a {due}"], due, **wait), waits(says, lines, [], before(due), **wait)


def before(due: str) -> str:
    """The millisecond before a whole minute or second."""
    day, _, clock = due.partition(" ")
    hours, minutes = map(int, (clock or "00:00").split(":")[:2])
    total = hours * 60 + minutes - 1
    if total < 0:
        return f"{day[:3]}{int(day[3:]) - 1:02} 23:59:59.999"
    return f"{day} {total // 60:02}:{total % 60:02}:59.999"


def passes(says: str, entered: str, zone: Line = MAIL, **wait: Any) -> tuple[Told]:
    """At once."""
    return (waits(says, [zone, did("u", "go", entered)], [f"u a {entered}"], entered, **wait),)


NINE = {"until": "09:00"}
UNTIL = '`"until":"09:00"` the next such local time, today if still ahead'
WEEKDAYS = 'with `"weekdays":["mon",…]` judged in the contact\'s zone'
SET = '`"timezone"`, `"default_timezone"` to set it'
NIGHT = {"window": {"from": "22:00", "to": "07:00"}}
DAYTIME = {"window": {"from": "09:00", "to": "17:00"}}
INSIDE = '`"window":{"from":"22:00","to":"07:00"}` (`[from, to)`) passes at once inside'
STARTS = "else waits for its start, over midnight too"
STARTS_ON = "with weekdays, the day on which it starts."
GAP = "A time that a DST gap skips is the gap's end"
TWICE = "a time that occurs twice is the first."
YORK = says("u", "01-01", email="u@example.com", timezone="America/New_York")
TOKYO = says("u", "01-01", email="u@example.com", timezone="Asia/Tokyo")

CASES = (
    *until(UNTIL, "01-05 08:59:59.999", "01-05 09:00", **NINE),
    *until(UNTIL, "01-05 09:00", "01-06 09:00", **NINE),
    *until(UNTIL, "01-05 10:00", "01-06 09:00", **NINE),
    *until(UNTIL, "01-05 07:00", "01-05 08:00", BERLIN, **NINE),
    # 16:00 of Sunday in UTC is 01:00 of Monday in Tokyo
    *until(WEEKDAYS, "01-04 16:00", "01-05 00:00", TOKYO, **NINE, weekdays=["mon"]),
    *until(WEEKDAYS, "01-05 01:00", "01-12 00:00", TOKYO, **NINE, weekdays=["mon"]),
    *until(WEEKDAYS, "01-05 10:00", "01-07 09:00", **NINE, weekdays=["wed", "mon"]),
    *until(WEEKDAYS, "01-05 08:00", "01-05 09:00", **NINE, weekdays=["wed", "mon"]),
    *until(SET, "01-05 07:00", "01-05 14:00", BERLIN, **NINE, timezone="America/New_York"),
    *until(SET, "01-05 07:00", "01-05 14:00", MAIL, **NINE, default_timezone="America/New_York"),
    *until(SET, "01-05 07:00", "01-05 08:00", BERLIN, **NINE, default_timezone="America/New_York"),
    *passes(INSIDE, "01-05 22:00", **NIGHT),
    *passes(INSIDE, "01-05 23:30", **NIGHT),
    *passes(INSIDE, "01-05 00:30", **NIGHT),
    *passes(INSIDE, "01-05 06:59:59.999", **NIGHT),
    *passes(INSIDE, "01-05 09:00", **DAYTIME),
    *passes(INSIDE, "01-05 16:59:59.999", **DAYTIME),
    *until(STARTS, "01-05 07:00", "01-05 22:00", **NIGHT),
    *until(STARTS, "01-05 21:59:59.999", "01-05 22:00", **NIGHT),
    *until(STARTS, "01-05 17:00", "01-06 09:00", **DAYTIME),
    *until(STARTS, "01-05 08:00", "01-05 14:00", YORK, **DAYTIME),
    # Monday's night is that from Monday evening to Tuesday morning
    *passes(STARTS_ON, "01-06 00:30", **NIGHT, weekdays=["mon"]),
    *passes(STARTS_ON, "01-06 06:59:59.999", **NIGHT, weekdays=["mon"]),
    *until(STARTS_ON, "01-05 00:30", "01-05 22:00", **NIGHT, weekdays=["mon"]),
    *until(STARTS_ON, "01-06 07:00", "01-12 22:00", **NIGHT, weekdays=["mon"]),
    *until(STARTS_ON, "01-06 22:00", "01-12 22:00", **NIGHT, weekdays=["mon"]),
    *until(GAP, "03-29 00:00", "03-29 01:00", BERLIN, until="02:30"),
    *until(GAP, "03-29 00:59:59.999", "03-29 01:00", BERLIN, until="02:00"),
    *until(GAP, "03-29 01:00", "03-30 00:30", BERLIN, until="02:30"),
    *until(GAP, "03-29 00:00", "03-29 01:00", BERLIN, window={"from": "02:30", "to": "05:00"}),
    *passes(GAP, "03-29 01:30", BERLIN, window={"from": "02:30", "to": "05:00"}),
    *until(TWICE, "10-25 00:00", "10-25 00:30", BERLIN, until="02:30"),
    *until(TWICE, "10-25 00:30", "10-26 01:30", BERLIN, until="02:30"),  # not once more an hour later
    *until(TWICE, "10-25 00:00", "10-25 00:30", BERLIN, window={"from": "02:30", "to": "05:00"}),
    *passes(TWICE, "10-25 01:10", BERLIN, window={"from": "02:30", "to": "05:00"}),
)
