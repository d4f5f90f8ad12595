"""LANGUAGE, "Journeys": waits for a length, a date, an event, a segment; and what a timer's effects carry."""

from __future__ import annotations

from typing import Any

from tests.flows.journeys.scenario import journey, message, node, pause, segment, started_by
from tests.language.lines import Line, did, fact, says
from tests.language.told import Told

MAIL = says("u", "01-01", email="u@example.com")
BERLIN = says("u", "01-01", email="u@example.com", timezone="Europe/Berlin")
GO = did("u", "go", "01-05 10:00")


def waits(says: str, lines: list[Line], sends: list[str], end: str, /, **wait: Any) -> Told:
    """start, wait, send `a`."""
    fields = {name.rstrip("_"): value for name, value in wait.items()}
    body = journey(started_by(), {"id": "wait", "type": "wait", **fields}, message("a"))
    return Told(says, [body], lines, {"entered": 1, "sends": sends}, end)


FOR = '`wait`: `"for":"24h"` from the moment the node was entered'
TWICE = [started_by(), pause("1h", "p1"), message("a"), pause("1h", "p2"), message("b")]
CARRIES = "A timer's effects carry its due time, so the next wait counts from there."
LENGTHS = (
    waits(FOR, [MAIL, GO], [], "01-06 09:59:59.999", for_="24h"),
    waits(FOR, [MAIL, GO], ["u a 01-06 10:00"], "01-06 10:00", for_="24h"),
    waits(FOR, [MAIL, GO], ["u a 01-05 10:00"], "01-05 10:00", for_="0s"),
    waits(  # it happened at nine, and was logged at ten: the node was entered when it was read
        FOR, [MAIL, did("u", "go", "01-05 09:00", logged="01-05 10:00")], ["u a 01-05 11:00"], "01-06", for_="1h"
    ),
    Told(CARRIES, [journey(*TWICE)], [MAIL, GO], {"sends": ["u a 01-05 11:00"]}, "01-05 11:59:59.999"),
    Told(  # nothing is read between ten and the next day
        CARRIES,
        [journey(*TWICE)],
        [MAIL, GO, did("u", "late", "01-06 10:00")],
        {"sends": ["u a 01-05 11:00", "u b 01-05 12:00"]},
    ),
)


def dated(says: str, sends: list[str], until: str, *lines: Line, zone: Line = MAIL, **wait: Any) -> Told:
    return waits(says, [zone, *lines], sends, until, **({"until_date": "renewal"} | wait))


TRAIT = '`"until_date":"renewal"` a trait, or `{"entry":"properties.date"}`, with `"offset":"-3d"`'
MOVES = "a trait that changes moves the wait"
DAYS = "days before a date are calendar days at the same local time"
PAST = "past or missing passes at once, missing by branch `missing` where there is one."
RENEWS = says("u", "01-02", renewal="2026-01-10T12:00:00Z")
MISSING = journey(
    started_by(),
    node("wait", "wait", until_date="renewal"),
    message("a"),
    message("none"),
    node("done", "exit"),
    edges=["start -> wait", "wait -> a", "wait -> none: missing", "a -> done", "none -> done"],
)
DATES = (
    dated(TRAIT, [], "01-10 11:59:59.999", RENEWS, GO),
    dated(TRAIT, ["u a 01-10 12:00"], "01-10 12:00", RENEWS, GO),
    dated(TRAIT, ["u a 01-07 12:00"], "01-11", RENEWS, GO, offset="-3d"),
    dated(TRAIT, ["u a 01-10 12:30"], "01-11", RENEWS, GO, offset="30m"),
    dated(TRAIT, ["u a 01-09"], "01-11", says("u", "01-02", renewal="2026-01-09"), GO),
    dated(TRAIT, ["u a 01-08 23:00"], "01-11", says("u", "01-02", renewal="2026-01-09"), GO, zone=BERLIN),
    dated(
        TRAIT,
        ["u a 01-08 12:00"],
        "01-11",
        did("u", "go", "01-05 10:00", date="2026-01-08T12:00:00Z"),
        until_date={"entry": "properties.date"},
    ),
    dated(
        MOVES,
        ["u a 01-08 12:00"],
        "01-11",
        RENEWS,
        GO,
        says("u", "01-06", renewal="2026-01-08T12:00:00Z"),
    ),
    dated(MOVES, ["u a 01-12"], "01-12", RENEWS, GO, says("u", "01-06", renewal="2026-01-12")),
    dated(MOVES, [], "01-11", RENEWS, GO, says("u", "01-06", renewal="2026-01-12")),
    dated(MOVES, ["u a 01-06"], "01-11", RENEWS, GO, says("u", "01-06", renewal="2026-01-05")),
    # clocks change on 29 March: three days before 12:00 in summer is 12:00 in winter, 11:00 in UTC
    dated(
        DAYS,
        ["u a 03-27 11:00"],
        "04-01",
        says("u", "03-01", renewal="2026-03-30T10:00:00Z"),
        did("u", "go", "03-02"),
        zone=BERLIN,
        offset="-3d",
    ),
    dated(
        DAYS,
        ["u a 03-27 10:00"],  # hours are no days
        "04-01",
        says("u", "03-01", renewal="2026-03-30T10:00:00Z"),
        did("u", "go", "03-02"),
        zone=BERLIN,
        offset="-72h",
    ),
    dated(PAST, ["u a 01-05 10:00"], "01-06", says("u", "01-02", renewal="2026-01-05T10:00:00Z"), GO),
    dated(PAST, ["u a 01-05 10:00:00.001"], "01-06", says("u", "01-02", renewal="2026-01-05T10:00:00.001Z"), GO),
    dated(PAST, ["u a 01-05 10:00"], "01-06", GO),
    dated(PAST, ["u a 01-05 10:00"], "01-06", says("u", "01-02", renewal="soon"), GO),
    Told(PAST, [MISSING], [MAIL, GO], {"sends": ["u none 01-05 10:00"]}),
    Told(PAST, [MISSING], [MAIL, says("u", "01-02", renewal="2026-01-05"), GO], {"sends": ["u a 01-05 10:00"]}),
)


def awaits(says: str, lines: list[Line], sends: list[str], until: str, key: str | None = None, **wait: Any) -> Told:
    """start, wait, then `yes` when it happened, `no` at the timeout."""
    body = journey(
        started_by(),
        {"id": "wait", "type": "wait", **({"for_event": {"event": "pay"}, "timeout": "1d"} | wait)},
        message("yes"),
        message("no"),
        node("done", "exit"),
        edges=["start -> wait", "wait -> yes: happened", "wait -> no: timeout", "yes -> done", "no -> done"],
        **({} if key is None else {"key": key}),
    )
    return Told(says, [body], [MAIL, *lines], {"sends": sends}, until)


MATCH = '`"for_event":{…}` with `"match_key":true` asks that the journey\'s `key` path on that event equals the run\'s'
COUNTS = "an event counts when it is logged after the node was entered and its `at` is not before that."
TIMEOUT = "`timeout` is from entering the node."
ORDERS = [did("u", "go", "01-05 10:00", order=n) for n in (1, 2)]
EVENTS = (
    awaits(
        MATCH,
        [*ORDERS, did("u", "pay", "01-05 11:00", order=2)],
        ["u yes key=2 01-05 11:00", "u no key=1 01-06 10:00"],
        "01-07",
        key="properties.order",
        match_key=True,
    ),
    awaits(
        MATCH,
        [*ORDERS, did("u", "pay", "01-05 11:00", order="2")],
        ["u no key=1 01-06 10:00", "u no key=2 01-06 10:00"],
        "01-07",
        key="properties.order",
        match_key=True,
    ),
    awaits(
        MATCH,
        [*ORDERS, did("u", "pay", "01-05 11:00", order=2)],
        ["u yes key=1 01-05 11:00", "u yes key=2 01-05 11:00"],
        "01-07",
        key="properties.order",
    ),
    awaits(COUNTS, [GO, did("u", "pay", "01-05 10:00")], ["u yes 01-05 10:00"], "01-05 10:00"),
    awaits(
        COUNTS, [GO, did("u", "pay", "01-05 09:59:59.999", logged="01-05 11:00")], ["u no 01-06 10:00"], "01-06 10:00"
    ),
    awaits(COUNTS, [GO, did("u", "pay", "01-05 10:00", logged="01-05 11:00")], ["u yes 01-05 11:00"], "01-06 10:00"),
    awaits(COUNTS, [did("u", "pay", "01-05 10:00"), GO], ["u no 01-06 10:00"], "01-06 10:00"),
    awaits(TIMEOUT, [GO, did("u", "pay", "01-06 09:59:59.999")], ["u yes 01-06 09:59:59.999"], "01-07"),
    awaits(TIMEOUT, [GO, did("u", "pay", "01-06 10:00")], ["u no 01-06 10:00"], "01-07"),
    awaits(TIMEOUT, [did("u", "go", "01-05 09:00", logged="01-05 10:00")], ["u no 01-06 10:00"], "01-07"),
)


MEMBER = '`"for_segment"` passes at once for a member.'
GOLD = segment("gold", {"trait": "plan", "op": "eq", "value": "gold"})


def until_member(sends: list[str], end: str, *lines: Line) -> Told:
    """The same, waiting for a segment."""
    (body,) = awaits(MEMBER, [], [], "").definitions
    wait = {"id": "wait", "type": "wait", "for_segment": "gold", "timeout": "1d"}
    nodes = [wait if n["id"] == "wait" else n for n in body["nodes"]]
    return Told(MEMBER, [{**body, "nodes": nodes}, GOLD], [MAIL, *lines], {"sends": sends}, end)


SEGMENTS = (
    until_member(["u yes 01-05 10:00"], "01-05 10:00", says("u", "01-02", plan="gold"), GO),
    until_member(["u yes 01-05 12:00"], "01-07", GO, says("u", "01-05 12:00", plan="gold")),
    until_member(["u no 01-06 10:00"], "01-07", GO, says("u", "01-06 10:00", plan="gold")),
)

BEST = '`"best_time":"24h"` is the model\'s hour within that time.'


def opens(when: str) -> Line:
    """An open says at which hour its contact reads."""
    return fact("u", "email_opened", when)


BEST_TIMES = (
    waits(BEST, [MAIL, opens("01-02 15:40"), GO], [], "01-05 14:59:59.999", best_time="24h"),
    waits(BEST, [MAIL, opens("01-02 15:40"), GO], ["u a 01-05 15:00"], "01-07", best_time="24h"),
    waits(BEST, [MAIL, opens("01-02 09:40"), GO], ["u a 01-06 09:00"], "01-07", best_time="24h"),
    waits(BEST, [BERLIN, opens("01-02 14:40"), GO], ["u a 01-05 14:00"], "01-07", best_time="24h"),
    waits(  # the habit of the day lies beyond; within three hours that of noon is the best
        BEST,
        [MAIL, opens("01-02 15:40"), opens("01-03 15:40"), opens("01-04 12:10"), GO],
        ["u a 01-05 12:00"],
        "01-07",
        best_time="3h",
    ),
    waits(BEST, [MAIL, GO], ["u a 01-05 10:00"], "01-07", best_time="24h"),
)

CASES = (*BEST_TIMES, *LENGTHS, *DATES, *EVENTS, *SEGMENTS)
