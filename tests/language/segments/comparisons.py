"""LANGUAGE, "Comparisons": types and operators that ask a value alone."""

from __future__ import annotations

from typing import Any

from tests.language.lines import said
from tests.language.story import Refused, Row, Story

BIG = 9007199254740992  # 2^53
VALUES: dict[str, Any] = {
    "int": 10,
    "float": 10.0,
    "text10": "10",
    "true": True,
    "text-true": "true",
    "null": None,
    "list": ["10", 11, "Gold"],
    "gold": "Gold rush",
    "big": BIG,
    "big1": BIG + 1,
    "nested": {"y": 1},
}
EVERYONE = " ".join(sorted([*VALUES, "none"]))
NOW = "01-01"


def asks(says: str, op: str, members: str, **fields: Any) -> Row:
    """Who is a member right after everything was said."""
    return Row(says, {"trait": "x", "op": op, **fields}, {NOW: " ".join(sorted(members.split()))})


def but(*without: str) -> str:
    return " ".join(id for id in EVERYONE.split() if id not in without)


TYPES = 'Types are JSON\'s: `10` and `"10"` differ, `true` and `"true"` differ.'
MISSING = "A comparison with something missing or of another type is false"
NEGATED = "`ne`, `not_in`, `not_contains` are the negation of their positive form, so true there."
CONTAINS = "`contains` asks a string for a substring"
CASE = '`"ignore_case":true` is for `contains not_contains starts_with ends_with matches`'
NUMBERS = "`gt gte lt lte between` are for numbers"

COMPARED = Story(
    "comparisons",
    [*(said(who, NOW, {"x": value}) for who, value in VALUES.items()), said("none", NOW, {"other": 1})],
    [
        asks(TYPES, "eq", "int float", value=10),
        asks(TYPES, "eq", "text10", value="10"),
        asks(TYPES, "eq", "true", value=True),
        asks(TYPES, "eq", "text-true", value="true"),
        asks(TYPES, "in", "int float true", value=[True, 10]),
        asks(MISSING, "eq", "", value=1),  # true is no 1
        asks(MISSING, "gt", "int float big big1", value=9),
        asks(MISSING, "lte", "", value=9),
        asks(MISSING, "starts_with", "text10", value="1"),
        asks(MISSING, "exists", but("none", "null")),
        asks(NEGATED, "ne", but("int", "float"), value=10),
        asks(NEGATED, "not_in", but("int", "float", "text10"), value=[10, "10"]),
        asks(NEGATED, "not_contains", but("gold"), value="old"),
        asks(NEGATED, "not_contains", but("gold", "list"), value="gold", ignore_case=True),
        asks(CONTAINS, "contains", "gold", value="old"),
        asks("(exact case", "contains", "", value="OLD"),
        asks("(exact case", "starts_with", "", value="gold"),
        asks("(exact case", "matches", "", value="gold"),
        asks(CASE, "contains", "gold list", value="GOLD", ignore_case=True),
        asks(CASE, "starts_with", "gold", value="gold", ignore_case=True),
        asks(CASE, "ends_with", "gold", value="RUSH", ignore_case=True),
        asks(CASE, "matches", "gold", value="gold", ignore_case=True),
        asks("a list for an element", "contains", "text10 list", value="10"),
        asks("a list for an element", "contains", "list", value=11),
        asks("a list for an element", "contains", "", value=10),
        asks("`matches` finds its pattern anywhere in the string", "matches", "gold", value="d r"),
        asks("`matches` finds its pattern anywhere in the string", "matches", "", value="^d r"),
        asks(NUMBERS, "gt", "big big1", value=10),
        asks(NUMBERS, "gte", "int float big big1", value=10),
        asks(NUMBERS, "lt", "", value=10),
        asks(NUMBERS, "lt", "int float", value=10.5),
        asks(NUMBERS, "lte", "int float", value=10),
        asks("integers compared exactly beyond 2^53", "gt", "big1", value=BIG),
        asks("integers compared exactly beyond 2^53", "eq", "big1", value=BIG + 1),
        asks("integers compared exactly beyond 2^53", "between", "big", value=[BIG - 1, BIG]),
        asks("`between` includes both ends.", "between", "int float", value=[10, 20]),
        asks("`between` includes both ends.", "between", "int float", value=[0, 10]),
        asks("`between` includes both ends.", "between", "", value=[10.5, 20]),
    ],
)

STORIES = (COMPARED,)
REFUSED = (
    *(
        Refused(CASE, {"trait": "x", "op": op, "value": value, "ignore_case": True}, ("where.ignore_case",))
        for op, value in (("eq", "a"), ("ne", "a"), ("in", ["a"]), ("not_in", ["a"]))
    ),
    Refused(NUMBERS, {"trait": "x", "op": "gt", "value": "10"}, ("where.value",)),
    Refused(NUMBERS, {"trait": "x", "op": "between", "value": [1, True]}, ("where.value",)),
)
