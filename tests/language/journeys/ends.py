"""LANGUAGE, "Journeys": the order within one record, `exit_when`, `goal`, and what counts since the entry."""

from __future__ import annotations

from typing import Any

from tests.flows.journeys.scenario import journey, message, node, pause, segment, started_by
from tests.language.lines import did, says
from tests.language.told import Told

MAIL = says("u", "01-04", email="u@example.com")
GO = did("u", "go", "01-05 10:00")
LONG = [started_by(), pause("10h"), message("a")]
PAID = {"performed": "pay"}


def ends(says: str, condition: dict[str, Any], *lines: dict[str, Any], exited: dict[str, int], until: str) -> Told:
    return Told(says, [journey(*LONG, exit_when=condition)], [MAIL, GO, *lines], {"exited": exited}, until=until)


WAITING = [
    started_by(),
    node("wait", "wait", for_event={"event": "pay"}),
    message("a"),
]
ORDER = "At one record: segments flip, then `exit_when` and `goal`, then waits, then entries"
AT_ONCE = (
    Told(
        ORDER,
        [journey(*WAITING, exit_when={"segment": "payers"}), segment("payers", PAID)],
        [MAIL, GO, did("u", "pay", "01-05 11:00")],
        {"exited": {"exit_when": 1}, "sends": []},
    ),
    Told(
        ORDER,
        [journey(*WAITING, goal=PAID)],
        [MAIL, GO, did("u", "pay", "01-05 11:00")],
        {"exited": {"goal": 1}, "sends": []},
    ),
    Told(
        ORDER,  # the wait lets the run go, and the record that did so enters a new one
        [journey(started_by("pay"), node("wait", "wait", for_event={"event": "pay"}), message("a"))],
        [MAIL, did("u", "pay", "01-05 10:00"), did("u", "pay", "01-05 11:00")],
        {"entered": 2, "exited": {"done": 1}, "sends": ["u a 01-05 11:00"]},
    ),
    Told(
        "so the record that ended a run may begin the next one.",
        [journey(*LONG, exit_when={"performed": "go"})],
        [MAIL, GO, did("u", "go", "01-05 11:00")],
        {"entered": 2, "exited": {"exit_when": 1}},
    ),
    Told(
        "Timers of one contact due together fire in the order of their runs' entries.",
        [journey(started_by(), node("wait", "wait", until="12:00"), message("a"), key="properties.n")],
        [MAIL, did("u", "go", "01-05 10:00", n=2), did("u", "go", "01-05 11:00", n=1)],
        {"sends": ["u a key=2 01-05 12:00", "u a key=1 01-05 12:00"]},
        until="01-05 12:00",
    ),
)

ASKED = "`exit_when` and `goal` are asked at every record and instant that can change them, whatever node the run is at"
BORN = {"trait": "born", "op": "anniversary"}
ENTRY = "and at entry: the run then enters, ends and does nothing."
CHANGES = (
    ends(ASKED, PAID, did("u", "pay", "01-05 11:00"), exited={"exit_when": 1}, until="01-05 11:00"),
    ends(ASKED, {"trait": "vip", "op": "exists"}, says("u", "01-05 11:00", vip=1), exited={"exit_when": 1}, until=""),
    ends(ASKED, BORN, says("u", "01-05 11:00", born="2000-01-06"), exited={}, until="01-05 19:59:59.999"),
    Told(
        ASKED,
        [journey(started_by(), pause("20h"), message("a"), exit_when=BORN)],
        [MAIL, GO, says("u", "01-05 11:00", born="2000-01-06")],
        {"exited": {"exit_when": 1}, "sends": []},
        until="01-06",
    ),
    Told(
        ASKED,
        [journey(started_by(), pause("20h"), message("a"), exit_when=BORN)],
        [MAIL, GO, says("u", "01-05 11:00", born="2000-01-06")],
        {"exited": {}},
        until="01-05 23:59:59.999",
    ),
    Told(
        ENTRY,
        [journey(started_by(), message("a"), exit_when={"trait": "email", "op": "exists"})],
        [MAIL, GO],
        {"entered": 1, "completed": 0, "exited": {"exit_when": 1}, "nodes": {}, "sends": []},
    ),
    Told(
        ENTRY,
        [journey(started_by(), message("a"), goal={"trait": "email", "op": "exists"})],
        [MAIL, GO],
        {"entered": 1, "exited": {"goal": 1}, "sends": []},
    ),
)

SINCE = "In both a leaf over events without a window means since the run's entry"
RUN = '`"within":"run"` says so anywhere in a journey.'
ASKS = node("asks", "condition", if_={"performed": "pay", "within": "run"})
BRANCHING = journey(
    started_by(),
    pause("1h"),
    ASKS,
    message("paid"),
    message("free"),
    node("done", "exit"),
    edges=[
        "start -> pause",
        "pause -> asks",
        "asks -> paid: yes",
        "asks -> free: no",
        "paid -> done",
        "free -> done",
    ],
)
COUNTED = (
    ends(SINCE, {"performed": "go"}, exited={}, until="01-05 11:00"),  # what opened the run is before it
    Told(
        SINCE,
        [journey(*LONG, exit_when=PAID)],
        [MAIL, did("u", "pay", "01-05 09:59:59.999"), GO],
        {"exited": {}},
        until="01-05 11:00",
    ),
    ends(SINCE, PAID, did("u", "pay", "01-05 09:59:59.999", logged="01-05 11:00"), exited={}, until="01-05 11:00"),
    ends(SINCE, PAID, did("u", "pay", "01-05 10:00"), exited={"exit_when": 1}, until="01-05 10:00"),
    ends(
        SINCE,
        {"performed": "pay", "count": {"op": "gte", "value": 2}},
        did("u", "pay", "01-05 11:00"),
        did("u", "pay", "01-05 12:00"),
        exited={"exit_when": 1},
        until="01-05 12:00",
    ),
    Told(  # with a window it looks at the contact
        SINCE,
        [journey(*LONG, exit_when={"performed": "pay", "within": "1d"})],
        [MAIL, did("u", "pay", "01-05 09:00"), GO],
        {"entered": 1, "exited": {"exit_when": 1}},
    ),
    Told(RUN, [BRANCHING], [MAIL, did("u", "pay", "01-05 09:00"), GO], {"sends": ["u free 01-05 11:00"]}, "01-06"),
    Told(RUN, [BRANCHING], [MAIL, GO, did("u", "pay", "01-05 10:59")], {"sends": ["u paid 01-05 11:00"]}, "01-06"),
)

GOAL = (
    Told(
        "A run whose goal holds ends with reason `goal`",
        [journey(*LONG, goal=PAID, exit_when=PAID)],
        [MAIL, GO, did("u", "pay", "01-05 11:00")],
        {"exited": {"goal": 1}, "completed": 0},
    ),
)

CASES = (*AT_ONCE, *CHANGES, *COUNTED, *GOAL)
