"""LANGUAGE, "Files for the commands": how a simulation reads its lines, and from when definitions are active."""

from __future__ import annotations

from tests.flows.journeys.scenario import journey, message, node, pause, segment, started_by
from tests.language.lines import did, says
from tests.language.told import Told

MAIL = says("u", "01-01", email="u@example.com")
KEYED = journey(started_by(), pause("1h"), message("a"), key="properties.n")
PLAIN = journey(started_by(), pause("1h"), message("a"))


def go(n: int, when: str, logged: str | None = None) -> dict[str, object]:
    return did("u", "go", when, logged, n=n)


CASES = (
    Told(
        "Event lines are sorted by `logged_at` (a line's own, else its `timestamp`), stably",
        [journey(started_by(), message("a"), key="properties.n")],
        [
            go(4, "01-05 08:00", logged="01-05 12:00"),
            go(2, "01-05 10:00"),
            go(3, "01-05 10:00"),
            go(1, "01-05 09:00"),
            MAIL,
        ],
        {
            "sends": [
                "u a key=1 01-05 09:00",
                "u a key=2 01-05 10:00",
                "u a key=3 01-05 10:00",
                "u a key=4 01-05 12:00",
            ]
        },
    ),
    Told(
        "lines after `--at` or `--until` are ignored.",
        [PLAIN],
        [MAIL, go(1, "01-05 10:00")],
        {"entered": 0},
        until="01-05 09:59:59.999",
    ),
    Told(
        "lines after `--at` or `--until` are ignored.",
        [PLAIN],
        [MAIL, go(1, "01-05 10:00")],
        {"entered": 1},
        until="01-05 10:00",
    ),
    Told(
        "In a simulation the definitions are active from before the first line",
        [PLAIN],
        [did("u", "go", "01-05 10:00")],
        {"entered": 1},
    ),
    Told(
        "unless `--published-at T`, then from T",  # and what was done before is known to their conditions
        [
            journey(
                node("start", "trigger", on={"segment": "buyers", "current": True}),
                node("twice", "condition", if_={"performed": "buy", "count": {"op": "gte", "value": 2}}),
                message("a"),
                edges=["start -> twice", "twice -> a: yes", "twice -> done: no", "a -> done"],
            ),
            segment("buyers", {"performed": "buy", "within": "7d"}),
        ],
        [MAIL, did("u", "buy", "01-02"), did("u", "buy", "01-03"), did("v", "buy", "01-03"), go(1, "01-06")],
        {"entered": 2, "sends": ["u a 01-05"]},
        published_at="01-05",
    ),
    Told(
        "unless `--published-at T`, then from T",
        [PLAIN],
        [MAIL, did("u", "go", "01-05 09:59:59.999"), did("v", "go", "01-05 10:00")],
        {"entered": 1, "sends": [], "skips": ["v a no_address 01-05 11:00"]},
        until="01-06",
        published_at="01-05 10:00",
    ),
    Told(
        "Each send is printed with its `key` where the journey has one.",
        [KEYED],
        [MAIL, go(7, "01-05 10:00")],
        {"sends": ["u a key=7 01-05 11:00"]},
        until="01-06",
    ),
    Told(
        "Each send is printed with its `key` where the journey has one.",
        [PLAIN],
        [MAIL, go(7, "01-05 10:00")],
        {"sends": ["u a 01-05 11:00"]},
        until="01-06",
    ),
)
