"""Times and zones in SQL against Python's own calendar and zone database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import msgspec
import pytest

from flows.segments.dates import day_of, instant_of
from flows.segments.sql.prelude import INSTANT, prelude
from flows.segments.sql.zones import pieces, zone_parameters
from schemas.times import DAY, from_ms, parse_instant, to_ms
from tests.clickhouse import engine

ZONES = (
    *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"),
    *("Africa/Casablanca", "America/Sao_Paulo", "America/St_Johns", "UTC"),
)


def offset_of(name: str, ms: int) -> int:
    """The zone's offset by `zoneinfo`, ms."""
    offset = from_ms(ms).astimezone(ZoneInfo(name)).utcoffset()
    assert offset is not None
    return offset // timedelta(milliseconds=1)


@pytest.mark.parametrize("name", ZONES)
def test_pieces_have_the_offsets_of_the_zone_on_either_side_of_each_end(name: str) -> None:
    offsets, ends, _ = pieces(name)
    for offset, following, end in zip(offsets, offsets[1:], ends, strict=False):
        assert offset_of(name, end - 1) == offset != following == offset_of(name, end)


@pytest.mark.parametrize("name", ZONES)
def test_pieces_miss_no_change(name: str) -> None:
    offsets, ends, _ = pieces(name)
    random = Random(name)
    for _ in range(2_000):
        ms = random.randrange(parse_instant("1800-01-01T00:00:00Z"), parse_instant("2100-01-01T00:00:00Z"))
        assert offsets[next(i for i, end in enumerate(ends) if ms < end)] == offset_of(name, ms)


def text(random: Random) -> str:
    """Something that may be a time: often on a day on which clocks change, sometimes no time at all."""
    year = random.choice((1, 1850, 1899, 1970, 2000, 2023, 2024, 2026, 2099, random.randint(1900, 2099)))
    day = random.choice(("03-29", "10-25", "03-08", "11-01", "04-05", "02-29", "02-30", "12-31", "01-01", "13-01"))
    made = f"{year:04}-{day}"
    if random.random() < 0.8:
        hours, minutes = random.choice((0, 1, 2, 3, 23, 24)), random.choice((0, 30, 59, 60))
        made += f"{random.choice('T t')}{hours:02}:{minutes:02}"
        if random.random() < 0.6:
            made += f":{random.choice((0, 59, 60)):02}" + random.choice(("", ".5", ".1239", ".123456789", ",5", "."))
        made += random.choice(("", "Z", "z", "+02:00", "-0530", "+14", "-23:59", "+24:00", "+01:70", "Q"))
    return made


def test_instants_and_days_are_those_of_python() -> None:
    random = Random(7)
    params = zone_parameters("UTC", ZONES)
    asked = [(text(random), random.choice(ZONES)) for _ in range(3_000)]
    asked = [(t, zone) for t, zone in asked if not t.startswith("0001-01-01")]  # Python has no hour before it
    params |= {
        "instant_pattern": INSTANT,
        "raws": [msgspec.json.encode(t).decode() for t, _ in asked],
        "zones": [params["zone_names"].index(zone) + 1 for _, zone in asked],
    }
    select = (
        "SELECT arrayMap((r, z) -> moments(r, z), {raws:Array(String)}, {zones:Array(Int64)}) AS instants,"
        " arrayMap((r, z) -> month_days(r, z), {raws:Array(String)}, {zones:Array(Int64)}) AS days"
    )
    (found,) = engine().query("WITH\n" + ",\n".join(prelude(select)) + f"\n{select}", params)
    for (t, zone), instants, days in zip(asked, found["instants"], found["days"], strict=True):
        instant, day = instant_of(t, zone), day_of(t, zone)
        assert instants == ([] if instant is None else [instant]), (t, zone)
        assert days == ([] if day is None else [f"{day.month:02}-{day.day:02}"]), (t, zone)


def test_days_go_back_and_forth_over_the_whole_calendar() -> None:
    select = "SELECT month_day({day:Int64}) AS found, anniversaries({day:Int64}) AS days"
    sql = "WITH\n" + ",\n".join(prelude(select)) + f"\n{select}"
    for moment in (
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1600, 2, 29, tzinfo=UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
    ):
        (found,) = engine().query(sql, {"day": to_ms(moment) // DAY})
        assert found["found"] == moment.strftime("%m-%d")
