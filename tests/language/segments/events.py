"""LANGUAGE, "Leaves" over events: performed and its measures, first, last, sequence, regularly."""

from __future__ import annotations

from typing import Any

from tests.language.lines import did, groups, says
from tests.language.story import Row, Story


def is_(property: str, value: object) -> list[dict[str, object]]:
    return [{"property": property, "op": "eq", "value": value}]


def count(op: str, value: Any) -> dict[str, Any]:
    return {"count": {"op": op, "value": value}}


TEST = {"starts_with": "TEST_"}
NAMES = '`performed` may name one event or `{"starts_with":"TEST_"}`, here and in every leaf that names events.'
NAMED = Story(
    "names",
    [
        did("ann", "TEST_a", "01-01"),
        did("bob", "TEST_", "01-01"),
        did("cid", "TEST", "01-01"),
        did("dan", "test_a", "01-01"),
        did("eve", "TEST_a", "01-01"),
        did("eve", "TEST_b", "01-02"),
    ],
    [
        Row(NAMES, {"performed": TEST}, {"01-01": "ann bob eve"}),
        Row(NAMES, {"performed": "TEST_a"}, {"01-01": "ann eve"}),
        Row(NAMES, {"first_performed": TEST, "within": "1d"}, {"01-01": "ann bob eve", "01-02": ""}),
        Row(NAMES, {"last_performed": TEST, "within": "1d"}, {"01-02": "eve"}),
        Row(NAMES, {"sequence": [{"performed": TEST}, {"performed": TEST}]}, {"01-02": "eve"}),
        Row(NAMES, {"regularly": TEST, "period": "1d", "periods": 2}, {"01-02": "eve"}),
    ],
)

# what the parts of the system tell each other (an account's traits, who shares an address, what became one) is no event
AMONG_PARTS = Story(
    "names of what the system tells itself",
    [
        groups("ann", "acme", "01-01", plan="gold"),
        says("bob", "01-01", email="a@x.com"),
        says("cid", "01-01", email="a@x.com"),
        did("~x", "look", "01-01"),
        says("dan", "01-01", also="~x"),
        did("eve", "account_opened", "01-01"),
        did("eve", "merger", "01-01"),
    ],
    [
        Row(NAMES, {"performed": {"starts_with": "a"}}, {"01-01": "eve"}),
        Row(NAMES, {"performed": {"starts_with": "m"}}, {"01-01": "eve"}),
        Row(NAMES, {"performed": "account_traits"}, {"01-01": ""}),
        Row(NAMES, {"last_performed": {"starts_with": "a"}, "within": "1d"}, {"01-01": "eve"}),
    ],
)

COUNTED = Story(
    "counts",
    [did("ann", "a", "01-01"), did("ann", "a", "01-02"), did("bob", "a", "01-01"), did("cid", "b", "01-01")],
    [
        Row("`count` is by default `gte 1`", {"performed": "a"}, {"01-02": "ann bob"}),
        Row("the count is 0, so `eq 0`", {"performed": "a", **count("eq", 0)}, {"01-02": "cid"}),
        Row("`lt 2` hold for everyone without", {"performed": "a", **count("lt", 2)}, {"01-02": "bob cid"}),
        Row("with none matching, the count is 0", {"performed": "a", **count("ne", 0)}, {"01-02": "ann bob"}),
        Row("with none matching, the count is 0", {"performed": "a", **count("in", [0, 2])}, {"01-02": "ann cid"}),
        Row("with none matching, the count is 0", {"performed": "a", **count("gte", 0)}, {"01-02": "ann bob cid"}),
        Row("`count` is by default `gte 1`", {"performed": "a", **count("between", [1, 2])}, {"01-02": "ann bob"}),
    ],
)


def measure(name: str, op: str, value: Any = None, property: str = "n", **window: Any) -> dict[str, Any]:
    made = {"property": property, "op": op} | ({} if value is None else {"value": value})
    return {"performed": "buy", name: made, **window}


IGNORED = "`sum avg min max distinct` look at a property, ignoring events where it is missing or of the wrong type"
NOTHING = "`avg`, `min`, `max` over nothing are missing, `sum` and `distinct` are 0."
MEASURED = Story(
    "measures",
    [
        did("ann", "buy", "01-01", n=10, sku="a"),
        did("ann", "buy", "01-02", n="20", sku="a"),
        did("ann", "buy", "01-03", sku=1),
        did("ann", "buy", "01-04", n=30, sku="1"),
        did("ann", "buy", "01-05", n=True, sku=None),
        did("ann", "buy", "01-05", n=None, sku=True),
        did("bob", "buy", "01-01", n=0.1),
        did("bob", "buy", "01-01", n=0.2),
        did("cid", "look", "01-01", n=99),
        did("dan", "buy", "01-01", n="x"),
    ],
    [
        Row(IGNORED, measure("sum", "eq", 40), {"01-05": "ann"}),
        Row(IGNORED, measure("avg", "eq", 20), {"01-05": "ann"}),
        Row(IGNORED, measure("min", "eq", 10), {"01-05": "ann"}),
        Row(IGNORED, measure("max", "eq", 30), {"01-05": "ann"}),
        Row(IGNORED, measure("distinct", "eq", 4, property="sku"), {"01-04 23:59:59.999": "", "01-05": "ann"}),
        Row(IGNORED, measure("sum", "eq", 0.3), {"01-05": "bob"}),
        Row(IGNORED, measure("avg", "eq", 0.15), {"01-05": "bob"}),
        Row(NOTHING, measure("avg", "missing"), {"01-05": "cid dan"}),
        Row(NOTHING, measure("min", "lt", 1000), {"01-05": "ann bob"}),
        Row(NOTHING, measure("max", "ne", 30), {"01-05": "bob cid dan"}),
        Row(NOTHING, measure("sum", "eq", 0), {"01-05": "cid dan"}),
        Row(NOTHING, measure("distinct", "eq", 0, property="sku"), {"01-05": "bob cid dan"}),
        Row(NOTHING, measure("distinct", "gte", 0), {"01-05": "ann bob cid dan"}),
        Row(
            IGNORED,
            measure("sum", "eq", 30, within="4d"),  # the 10 of the 1st is out at the 5th
            {"01-04": "", "01-04 23:59:59.999": "", "01-05": "ann", "01-07 23:59:59.999": "ann", "01-08": ""},
        ),
        Row(
            NOTHING,
            measure("max", "missing", within="4d"),
            {"01-04 23:59:59.999": "cid dan", "01-05": "bob cid dan", "01-08": "ann bob cid dan"},
        ),
    ],
)

FIRST = "`first_performed`: the first event ever that matches `where` lies in the window."
LAST = "`last_performed`: of the events that match `where`, the latest also matches `has` and lies in the window"
POSITIONS = Story(
    "first and last",
    [
        did("ann", "login", "01-01", n=1),
        did("ann", "login", "01-05", n=2),
        did("bob", "login", "01-05", n=1),
        did("bob", "login", "01-01", logged="01-06", n=3),
        did("cid", "look", "01-05", n=2),
    ],
    [
        Row(
            FIRST,
            {"first_performed": "login", "within": "7d"},
            {"01-01": "ann", "01-05": "ann bob", "01-07 23:59:59.999": "ann bob", "01-08": ""},
        ),
        Row(
            FIRST,
            {"first_performed": "login", "where": is_("n", 2), "within": "7d"},
            {"01-04 23:59:59.999": "", "01-05": "ann", "01-11 23:59:59.999": "ann", "01-12": ""},
        ),
        Row(
            FIRST,
            {"first_performed": "login", "between": ["2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z"]},
            {"01-05 23:59:59.999": "bob", "01-06": ""},  # then an earlier one became known
        ),
        Row(
            LAST,
            {"last_performed": "login", "has": is_("n", 1)},
            {"01-04 23:59:59.999": "ann", "01-05": "bob", "01-06": "bob"},
        ),
        Row(
            LAST,
            {"last_performed": "login", "where": is_("n", 1), "within": "7d"},
            {"01-07 23:59:59.999": "ann bob", "01-08": "bob", "01-11 23:59:59.999": "bob", "01-12": ""},
        ),
        Row(
            LAST,
            {"last_performed": "login", "within": {"from": "7d", "to": "2d"}},
            {"01-03": "ann", "01-04 23:59:59.999": "ann", "01-05": "", "01-06 23:59:59.999": "", "01-07": "ann bob"},
        ),
        Row(
            "(with neither `has` nor window it is `performed`)",
            {"last_performed": "login"},
            {"01-01": "ann", "01-04 23:59:59.999": "ann", "01-05": "ann bob"},
        ),
    ],
)


def steps(*names: str, **more: Any) -> dict[str, Any]:
    return {"sequence": [{"performed": name} for name in names], **more}


SEQUENCES = Story(
    "sequences",
    [
        did("same", "a", "01-01 10:00"),
        did("same", "b", "01-01 10:00"),
        did("next", "a", "01-01 10:00"),
        did("next", "b", "01-01 10:00:00.001"),
        did("back", "b", "01-01 10:00"),
        did("back", "a", "01-01 10:00:00.001"),
        did("late", "b", "01-01 11:00"),
        did("late", "a", "01-01 10:00", logged="01-01 12:00"),
        did("hour", "a", "01-01 09:00"),
        did("hour", "b", "01-01 10:00"),
        did("more", "a", "01-01 09:00"),
        did("more", "b", "01-01 10:00:00.001"),
        did("again", "a", "01-01 09:00"),
        did("again", "a", "01-01 09:50"),
        did("again", "b", "01-01 10:40"),
    ],
    [
        Row(
            "`sequence`: events in order",
            steps("a", "b"),
            {"01-01 11:00": "again hour more next", "01-01 12:00": "again hour late more next"},
        ),
        Row("strictly later each", steps("b", "a"), {"01-01 12:00": "back"}),
        Row("none used twice", steps("a", "a"), {"01-01 12:00": "again"}),
        Row(
            "each at most `gap` after the one before where `gap` is given",
            steps("a", "b", gap="1h"),
            {"01-01 12:00": "again hour late next"},
        ),
        Row(
            "all in the window",
            steps("a", "b", within="1d"),
            {
                "01-02 08:59:59.999": "again hour late more next",
                "01-02 09:00": "again late next",  # the 9:50 stands in for the 9:00
                "01-02 09:49:59.999": "again late next",
                "01-02 09:50": "late next",
                "01-02 10:00": "",
            },
        ),
    ],
)

REGULARLY = (
    "`regularly`: of the last `periods` periods counted back from `t`, `(t-p, t]`, `(t-2p, t-p]`, …, at least"
    " `at_least` hold events enough for `count` (by default 1)."
)
DAILY = {"regularly": "a", "period": "1d", "periods": 3, "at_least": 2}
PERIODS = Story(
    "regularly",
    [
        did("ann", "a", "01-01"),
        did("ann", "a", "01-02"),
        did("bob", "a", "01-01"),
        did("bob", "a", "01-01 00:00:00.001"),
        did("cid", "a", "01-01"),
        did("cid", "a", "01-01 06:00"),
        did("cid", "a", "01-02 06:00"),
        did("cid", "a", "01-02 12:00"),
        says("dan", "01-01", plan="gold"),
    ],
    [
        Row(
            REGULARLY,
            DAILY,
            {
                "01-01 23:59:59.999": "",
                "01-02": "ann bob cid",  # bob's and cid's first, and the other, lie in two periods now
                "01-02 00:00:00.001": "ann cid",
                "01-02 06:00": "ann cid",
                "01-03 23:59:59.999": "ann cid",
            },
        ),
        Row(
            REGULARLY,
            {"regularly": "a", "period": "1d", "periods": 2},
            {
                "01-01 23:59:59.999": "",
                "01-02": "ann bob cid",
                "01-02 23:59:59.999": "ann cid",
                "01-03": "cid",  # ann's first is exactly two periods old
                "01-03 05:59:59.999": "cid",
            },
        ),
        Row(
            REGULARLY,
            {**DAILY, "at_least": 1, "count": 2},
            {
                "01-01 00:00:00.001": "bob",
                "01-01 06:00": "bob cid",
                "01-02": "",
                "01-02 00:00:00.001": "bob",
                "01-02 12:00": "bob cid",
            },
        ),
        Row(
            REGULARLY,
            {**DAILY, "count": {"op": "eq", "value": 0}},
            {"01-01": "ann bob cid dan", "01-02": "dan", "01-03 23:59:59.999": "bob dan"},
        ),
    ],
)

STORIES = (NAMED, AMONG_PARTS, COUNTED, MEASURED, POSITIONS, SEQUENCES, PERIODS)
