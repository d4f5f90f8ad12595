"""LANGUAGE, "Windows": each form to the millisecond on either side of its ends."""

from __future__ import annotations

from typing import Any

from tests.language.lines import did
from tests.language.story import Refused, Row, Story

A = {"performed": "a"}
ONE = Story(
    "windows",
    [did("ann", "a", "01-01"), did("bob", "a", "01-01", logged="01-02")],
    [
        Row(
            '`"within":"30d"`: `at` in `(t-30d, t]`',
            {**A, "within": "30d"},
            {"01-01": "ann", "01-01 23:59:59.999": "ann", "01-02": "ann bob", "01-30 23:59:59.999": "ann bob"},
        ),
        Row(
            "An event exactly `d` old is out at that very millisecond.",
            {**A, "within": "30d"},
            {"01-30 23:59:59.999": "ann bob", "01-31": ""},
        ),
        Row(
            '`{"from":"60d","to":"30d"}`: `(t-60d, t-30d]`',
            {**A, "within": {"from": "60d", "to": "30d"}},
            {"01-30 23:59:59.999": "", "01-31": "ann bob", "03-01 23:59:59.999": "ann bob", "03-02": ""},
        ),
        Row(
            '`"between":[a,b]`: `[a, b)`',
            {**A, "between": ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.001Z"]},
            {"01-01": "ann", "01-02": "ann bob"},
        ),
        Row(
            '`"between":[a,b]`: `[a, b)`',
            {**A, "between": ["2025-12-31T00:00:00Z", "2026-01-01T00:00:00Z"]},
            {"01-01": "", "01-02": ""},
        ),
        Row(
            "and not after `t`",
            {**A, "between": ["2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"], "count": {"op": "eq", "value": 1}},
            {"01-01": "ann", "01-01 23:59:59.999": "ann", "01-02": "ann bob"},
        ),
        Row("Neither: all that is `<= t`.", A, {"01-01": "ann", "01-02": "ann bob", "2035-01-01T00:00:00Z": "ann bob"}),
    ],
)

TWO = Story(
    "counts in windows",
    [did("ann", "a", "01-01"), did("ann", "a", "01-03"), did("ann", "a", "01-02", logged="01-05")],
    [
        Row(
            '`"within":"30d"`: `at` in `(t-30d, t]`',
            {**A, "count": {"op": "gte", "value": 2}, "within": "7d"},
            {
                "01-02 23:59:59.999": "",
                "01-03": "ann",
                "01-04 23:59:59.999": "ann",
                "01-08 23:59:59.999": "ann",
                "01-09": "",
            },
        ),
        Row(
            '`"within":"30d"`: `at` in `(t-30d, t]`',
            {**A, "count": {"op": "eq", "value": 2}, "within": "7d"},
            {
                "01-03": "ann",
                "01-05": "",
                "01-07 23:59:59.999": "",
                "01-08": "ann",
                "01-08 23:59:59.999": "ann",
                "01-09": "",
            },
        ),
        Row(
            '`{"from":"60d","to":"30d"}`: `(t-60d, t-30d]`',
            {**A, "count": {"op": "gte", "value": 2}, "within": {"from": "4d", "to": "2d"}},
            {
                "01-03 23:59:59.999": "",
                "01-04": "",  # the one of the 2nd is not known yet
                "01-05": "ann",  # those of the 2nd and the 3rd; the first is exactly 4 days old
                "01-05 23:59:59.999": "ann",
                "01-06": "",
            },
        ),
    ],
)

STORIES = (ONE, TWO)
REFUSED: tuple[Refused, ...] = (
    *(
        Refused(
            "`from` must be longer than `to`, `a` before `b`, groups not empty",
            {**A, "within": {"from": start, "to": end}},
            ("where.within",),
        )
        for start, end in (("30d", "60d"), ("30d", "30d"))
    ),
    *(
        Refused("`a` before `b`", {**A, "between": [start, end]}, ("where.between",))
        for start, end in (
            ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
            ("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"),
        )
    ),
    *(Refused("groups not empty", dict[str, Any]({g: []}), (f"where.{g}",)) for g in ("and", "or")),
    Refused("otherwise refused", {"not": {"and": [A, {"or": []}]}}, ("where.not.and.1.or",)),
)
