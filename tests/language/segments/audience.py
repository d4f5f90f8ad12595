"""LANGUAGE, "Leaves": segment, static segment, snapshot, bucket."""

from __future__ import annotations

from schemas.ids import bucket
from tests.language.lines import did, fact, says
from tests.language.story import Row, Story

BUYERS = {"kind": "segment", "id": "buyers", "where": {"performed": "buy", "within": "1d"}}
VIPS = {"kind": "segment", "id": "vips", "where": {"and": [{"segment": "buyers"}, {"segment": "team"}]}}
TEAM = {"kind": "segment", "id": "team", "static": True}


def joins(who: str, kind: str, when: str, logged: str | None = None) -> dict[str, object]:
    return fact(who, f"segment_{kind}", when, logged, segment="team")


SEGMENTS = Story(
    "segments",
    [
        did("ann", "buy", "01-01"),
        joins("ann", "added", "01-01 12:00"),
        joins("bob", "added", "01-03"),
        joins("bob", "removed", "01-01", logged="01-04"),
        joins("cid", "added", "01-01"),
        joins("cid", "removed", "01-02"),
        fact("dan", "segment_added", "01-01", segment="other"),
        joins("dan", "removed", "01-01"),
    ],
    [
        Row(
            "`segment`: member at `t`.",
            {"segment": "buyers"},
            {"01-01": "ann", "01-01 23:59:59.999": "ann", "01-02": ""},
        ),
        Row(
            "`segment`: member at `t`.",
            {"segment": "vips"},
            {"01-01 11:59:59.999": "", "01-01 12:00": "ann", "01-01 23:59:59.999": "ann", "01-02": ""},
        ),
        Row(
            "`segment`: member at `t`.",
            {"not": {"segment": "buyers"}},
            {"01-01 23:59:59.999": "cid dan", "01-02": "ann cid dan"},
        ),
        Row(
            '(`"static":true`) has members by API, file or action: `segment_added`, `segment_removed` with `segment`',
            {"segment": "team"},
            {"01-01": "cid", "01-01 12:00": "ann cid", "01-02": "ann", "01-03": "ann bob"},
        ),
        Row("the latest by `at` stands", {"segment": "team"}, {"01-04": "ann bob"}),
    ],
    others=[BUYERS, VIPS, TEAM],
)

PLACE = bucket("q4", "ann")  # its hash is a contract of its own; here its place decides
SAMPLES = Story(
    "samples",
    [says("ann", "01-01", plan="gold")],
    [
        Row("`[lo, hi)`.", {"bucket": [PLACE, 100], "salt": "q4"}, {"01-01": "ann"}),
        Row("`[lo, hi)`.", {"bucket": [0, PLACE], "salt": "q4"}, {"01-01": ""}),
        Row("spread over `[0, 100)`", {"bucket": [0, 100], "salt": "q4"}, {"01-01": "ann"}),
    ],
)

STORIES = (SEGMENTS, SAMPLES)
