"""LANGUAGE, "Comparisons": operators that ask the time, in the contact's zone."""

from __future__ import annotations

from typing import Any

from tests.language.lines import says
from tests.language.story import Refused, Row, Story

BEFORE = "`before`, `after` compare instants"
LOCAL = "a date alone is midnight, a time without offset local, in the contact's zone"


def asks(says: str, op: str, value: str, members: str) -> Row:
    return Row(says, {"trait": "d", "op": op, "value": value}, {"01-01": members})


# all of them the instant 2026-01-01T15:00:00Z, but `utc`, where 2 January begins at its own midnight
ORDERED = Story(
    "before and after",
    [
        says("date", "01-01", d="2026-01-02", timezone="Asia/Tokyo"),
        says("local", "01-01", d="2026-01-02T00:00:00.000", timezone="Asia/Tokyo"),
        says("offset", "01-01", d="2026-01-01T16:00:00+01:00", timezone="Asia/Tokyo"),
        says("instant", "01-01", d="2026-01-01T15:00:00Z"),
        says("utc", "01-01", d="2026-01-02"),
        says("none", "01-01", d="soon"),
    ],
    [
        asks(BEFORE, "before", "2026-01-01T15:00:00Z", ""),
        asks(BEFORE, "before", "2026-01-01T15:00:00.001Z", "date instant local offset"),
        asks(BEFORE, "after", "2026-01-01T15:00:00Z", "utc"),
        asks(BEFORE, "after", "2026-01-01T14:59:59.999Z", "date instant local offset utc"),
        # Tokyo's 2 January is the very instant, UTC's comes nine hours later
        asks(LOCAL, "before", "2026-01-02", "instant"),
        asks(LOCAL, "after", "2026-01-01T23:59:59.999", "date local offset utc"),
        asks(LOCAL, "before", "2026-01-02T00:00:00.001", "date instant local offset utc"),
    ],
)

NEAR = Story(
    "near",
    [says("ann", "01-05", d="2026-01-10T12:00:00Z")],
    [
        Row(
            "`within_last` d is `(t-d, t]`",
            {"trait": "d", "op": "within_last", "value": "1d"},
            {
                "01-10 11:59:59.999": "",
                "01-10 12:00": "ann",
                "01-11 11:59:59.999": "ann",
                "01-11 12:00": "",
            },
        ),
        Row(
            "`within_next` d is `(t, t+d]`",
            {"trait": "d", "op": "within_next", "value": "1d"},
            {
                "01-09 11:59:59.999": "",
                "01-09 12:00": "ann",
                "01-10 11:59:59.999": "ann",
                "01-10 12:00": "",
            },
        ),
    ],
)

DAY = {"trait": "born", "op": "anniversary"}
DAYS = Story(
    "anniversaries",
    [
        says("utc", "01-01", born="1990-06-15"),
        says("york", "01-01", born="1990-06-15", timezone="America/New_York"),
        # 01:30 of the 16th in Berlin
        says("berlin", "01-01", born="1990-06-15T23:30:00Z", timezone="Europe/Berlin"),
        # 19:30 of the 14th in New York
        says("bronx", "01-01", born="1990-06-14T23:30:00Z", timezone="America/New_York"),
    ],
    [
        Row(
            "`anniversary` is true on the local day whose month and day match",
            DAY,
            {
                "06-13 23:59:59.999": "",
                "06-14 23:59:59.999": "bronx",
                "06-15": "bronx utc",
                "06-15 03:59:59.999": "bronx utc",
                "06-15 04:00": "utc york",
            },
        ),
        Row(
            "an instant is the day it falls on in the contact's zone",
            DAY,
            {
                "06-14 03:59:59.999": "",
                "06-14 04:00": "bronx",
                "06-15 21:59:59.999": "utc york",
                "06-15 22:00": "berlin utc york",
                "06-16": "berlin york",
                "06-16 04:00": "berlin",
                "06-16 21:59:59.999": "berlin",
                "06-16 22:00": "",
            },
        ),
        Row(
            "with an optional `offset`",
            {**DAY, "offset": "-3d"},
            {"06-12": "bronx utc", "06-11 23:59:59.999": "bronx", "06-12 23:59:59.999": "berlin utc york"},
        ),
        Row(
            "with an optional `offset`", {**DAY, "offset": "1d"}, {"06-15 23:59:59.999": "bronx", "06-16": "bronx utc"}
        ),
    ],
)

# Clocks go from 01:59:59.999 to 03:00 on 29 March and back from 02:59:59.999 to 02:00 on 25 October.
CLOCKS = Story(
    "days on which clocks change",
    [
        says("gap", "01-01", born="2000-03-29", d="2026-03-29T02:30", timezone="Europe/Berlin"),
        says("fold", "01-01", born="2000-10-25", d="2026-10-25T02:30", timezone="Europe/Berlin"),
    ],
    [
        Row(
            "`anniversary` is true on the local day whose month and day match",
            DAY,
            {
                "03-28 22:59:59.999": "",
                "03-28 23:00": "gap",
                "03-29 21:59:59.999": "gap",
                "03-29 22:00": "",
                "10-24 21:59:59.999": "",
                "10-24 22:00": "fold",
                "10-25 22:59:59.999": "fold",
                "10-25 23:00": "",
            },
        ),
        Row(
            "A time that a DST gap skips is the gap's end",
            {"trait": "d", "op": "within_last", "value": "1h"},
            {"03-29 00:59:59.999": "", "03-29 01:00": "gap", "03-29 01:59:59.999": "gap", "03-29 02:00": ""},
        ),
        Row(
            "a time that occurs twice is the first",
            {"trait": "d", "op": "within_last", "value": "1h"},
            {"10-25 00:29:59.999": "", "10-25 00:30": "fold", "10-25 01:29:59.999": "fold", "10-25 01:30": ""},
        ),
    ],
)

LEAP = Story(
    "29 February",
    [says("ann", "01-01", born="2000-02-29"), says("bob", "01-01", born="2000-02-28")],
    [
        Row(
            "(29 February counts on the 28th of other years)",
            DAY,
            {
                "02-27 23:59:59.999": "",
                "02-28": "ann bob",
                "02-28 23:59:59.999": "ann bob",
                "03-01": "",
                "2028-02-28T00:00:00Z": "bob",
                "2028-02-28T23:59:59.999Z": "bob",
                "2028-02-29T00:00:00Z": "ann",
                "2028-02-29T23:59:59.999Z": "ann",
                "2028-03-01T00:00:00Z": "",
            },
        ),
        Row(
            "with an optional `offset`",
            {**DAY, "offset": "-3d"},
            {
                "02-24 23:59:59.999": "",
                "02-25": "ann bob",
                "02-26": "",
                "2028-02-25T00:00:00Z": "bob",
                "2028-02-26T00:00:00Z": "ann",
                "2028-02-27T00:00:00Z": "",
            },
        ),
    ],
)

RELATIVE = "Refused with operators relative to `t`."
FOR = {"trait": "d", "for": "7d"}
STORIES = (ORDERED, NEAR, DAYS, CLOCKS, LEAP)
REFUSED: tuple[Refused, ...] = tuple(
    Refused(RELATIVE, {**FOR, **asked}, ("where.for",))
    for asked in (
        dict[str, Any](op="within_last", value="1d"),
        dict[str, Any](op="within_next", value="1d"),
        dict[str, Any](op="anniversary"),
    )
)
