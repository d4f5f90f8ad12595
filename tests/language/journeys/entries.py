"""LANGUAGE, "Journeys": class, key, re-entry, triggers by segments, what is historical."""

from __future__ import annotations

from typing import Any

from tests.flows.journeys.scenario import journey, message, node, pause, segment, started_by
from tests.language.lines import Line, did, fact, says
from tests.language.told import Told

MAIL = says("u", "01-04", email="u@example.com")
NOTED = [started_by(), message("a")]


def classless(*nodes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in journey(*nodes).items() if name != "class"}


def goes(*instants: str, **properties: Any) -> list[Line]:
    return [did("u", "go", when, **properties) for when in instants]


def old(line: Line) -> Line:
    """The line as imported history."""
    return line | {"historical": True}


SKIP = {"sends": [], "skips": ["u a no_consent 01-05 10:00"]}
SENT = {"sends": ["u a 01-05 10:00"], "skips": []}
CLASS = (
    Told("`class` is `marketing` by default", [classless(*NOTED)], [MAIL, *goes("01-05 10:00")], SKIP),
    Told(
        "`class` is `marketing` by default",
        [classless(*NOTED)],
        [MAIL, fact("u", "consent_changed", "01-04", channel="email", status="subscribed"), *goes("01-05 10:00")],
        SENT,
    ),
    Told(
        "`transactional` needs no marketing consent",
        [journey(*NOTED)],
        [MAIL, fact("u", "consent_changed", "01-04", channel="email", status="unsubscribed"), *goes("01-05 10:00")],
        SENT,
    ),
)

PASSES = "`transactional` needs no marketing consent, passes caps and quiet hours"
AGREED = fact("u", "consent_changed", "01-04", channel="email", status="subscribed")
CAP = {"kind": "frequency_cap", "id": "cap", "channel": "email", "max": 1, "within": "7d"}
NIGHT = {"kind": "quiet_hours", "id": "night", "window": {"from": "22:00", "to": "07:00"}, "then": "skip"}
TWO = [started_by(), message("a"), message("b")]
POLICY = (
    Told(PASSES, [journey(*TWO), CAP], [MAIL, *goes("01-05 10:00")], {"sends": ["u a 01-05 10:00", "u b 01-05 10:00"]}),
    Told(
        PASSES,
        [journey(*TWO, class_="marketing"), CAP],
        [MAIL, AGREED, *goes("01-05 10:00")],
        {"sends": ["u a 01-05 10:00"]},
    ),
    Told(PASSES, [journey(*NOTED), NIGHT], [MAIL, *goes("01-05 23:00")], {"sends": ["u a 01-05 23:00"]}),
    Told(
        PASSES,
        [journey(*NOTED, class_="marketing"), NIGHT],
        [MAIL, AGREED, *goes("01-05 23:00")],
        {"sends": []},
    ),
)

RESTING = [started_by(), pause("2h"), message("a")]
KEYED = journey(*RESTING, key="properties.order")
RUNS = [
    MAIL,
    did("u", "go", "01-05 10:00", order=1),
    did("u", "go", "01-05 10:30", order=2),
    did("u", "go", "01-05 11:00", order=1),
    did("u", "go", "01-05 11:30"),
    did("u", "go", "01-05 11:30", order=None),
    did("u", "go", "01-05 11:45", order="1"),  # a string is another key than the number
]
KEYS = (
    Told(
        "`key` is a path in the triggering event",
        [KEYED],
        RUNS,
        {
            "entered": 3,
            "sends": ["u a key=1 01-05 12:00", "u a key=2 01-05 12:30", "u a key=1 01-05 13:45"],
        },
        until="01-06",
    ),
    Told("without it a contact has one run at a time", [journey(*RESTING)], RUNS, {"entered": 1}, until="01-06"),
    Told(
        "a record in which `key` is missing enters nobody and is recorded",
        [KEYED],
        [MAIL, did("u", "go", "01-05 10:00"), did("u", "go", "01-05 10:00:01", order=None)],
        {"entered": 0},
    ),
)


def reentry(says: str, entered: int, *instants: str, **rule: Any) -> Told:
    """Runs of two hours."""
    fields = {"reentry": rule} if rule else {}
    return Told(says, [journey(*RESTING, **fields)], [MAIL, *goes(*instants)], {"entered": entered}, until="01-09")


DEFAULT = "`reentry` (default `after_exit`, no gap) is judged per contact and key"
ALWAYS = "With `always` a new run starts beside those that last, and `after` counts from the last entry"
AFTER_EXIT = "with `after_exit` from the last exit."
REENTRY = (
    reentry(DEFAULT, 1, "01-05 10:00", "01-05 11:59:59.999"),
    reentry(DEFAULT, 2, "01-05 10:00", "01-05 12:00"),  # the timer comes before the record
    reentry(DEFAULT, 1, "01-05 10:00", "01-06", mode="never"),
    Told(
        DEFAULT,
        [journey(*RESTING, key="properties.order", reentry={"mode": "never"})],
        [
            MAIL,
            *(did("u", "go", when, order=order) for when in ("01-05", "01-06") for order in (1, 2)),
            did("v", "go", "01-06", order=1),
        ],
        {"entered": 3},
    ),
    reentry(ALWAYS, 3, "01-05 10:00", "01-05 10:00:00.001", "01-05 11:00", mode="always"),
    reentry(ALWAYS, 1, "01-05 10:00", "01-05 12:59:59.999", mode="always", after="3h"),
    reentry(ALWAYS, 2, "01-05 10:00", "01-05 13:00", mode="always", after="3h"),
    reentry(AFTER_EXIT, 1, "01-05 10:00", "01-05 14:59:59.999", mode="after_exit", after="3h"),
    reentry(AFTER_EXIT, 2, "01-05 10:00", "01-05 15:00", mode="after_exit", after="3h"),
)

GOLD = segment("gold", {"trait": "plan", "op": "eq", "value": "gold"})
FRESH = segment("fresh", {"performed": "visit", "within": "1d"})


def by_segment(id: str, **more: Any) -> dict[str, Any]:
    return journey(node("start", "trigger", on={"segment": id, **more}), pause("1h"), message("a"))


MEMBERS = [MAIL, says("u", "01-05", plan="gold"), says("v", "01-07", plan="gold"), says("w", "01-07", plan="gold")]
SEGMENTS = (
    Told(
        'A segment trigger with `"current":true` also enters those who are members when the version becomes active',
        [by_segment("gold", current=True), GOLD],
        MEMBERS,
        {"entered": 3, "sends": ["u a 01-06 01:00"]},
        until="01-08",
        published_at="01-06",
    ),
    Told(
        "by default it does not.",
        [by_segment("gold"), GOLD],
        MEMBERS,
        {"entered": 2, "sends": []},
        until="01-08",
        published_at="01-06",
    ),
)

HISTORY = "Records that are `historical` enter nobody and satisfy no wait"
AWAITED = journey(
    started_by(),
    node("wait", "wait", for_event={"event": "pay"}, timeout="1d"),
    message("paid"),
    message("reminded"),
    node("done", "exit"),
    edges=[
        "start -> wait",
        "wait -> paid: happened",
        "wait -> reminded: timeout",
        "paid -> done",
        "reminded -> done",
    ],
)
HISTORICAL = (
    Told(HISTORY, [journey(*NOTED)], [MAIL, *map(old, goes("01-05 10:00"))], {"entered": 0}),
    Told(HISTORY, [by_segment("gold"), GOLD], [MAIL, old(says("u", "01-05", plan="gold"))], {"entered": 0}),
    Told(
        HISTORY,
        [AWAITED],
        [MAIL, *goes("01-05 10:00"), old(did("u", "pay", "01-05 11:00"))],
        {"sends": ["u reminded 01-06 10:00"]},
        until="01-07",
    ),
    Told(
        "what flips by time later does.",
        [by_segment("fresh", change="left"), FRESH],
        [MAIL, old(did("u", "visit", "01-05 10:00"))],
        {"entered": 1, "sends": ["u a 01-06 11:00"]},
        until="01-07",
    ),
)

CASES = (*CLASS, *POLICY, *KEYS, *REENTRY, *SEGMENTS, *HISTORICAL)
