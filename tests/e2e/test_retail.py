"""A shop's invoice lines through the sample's mapping and the fold, asked the day after the last; the judge is DuckDB.

python -m tests.e2e.test_retail      the whole file: figures as one line of JSON
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest
import yaml

from connectors.files import ImportedFile, read_mapping
from flows.contact.replay import Line, replay
from flows.segments.sql.given import given_by
from flows.segments.sql.run import truths
from schemas.definitions.conditions import parse_condition
from schemas.records import decode_event
from schemas.times import parse_instant
from tests.clickhouse import emptied
from tests.flows.segments.differential import fill
from tests.flows.segments.naive import Logged

pytestmark = [pytest.mark.slow, pytest.mark.data]

SAMPLES = Path(__file__).resolve().parents[2] / "infra" / "samples" / "retail"
SEGMENTS = yaml.safe_load((SAMPLES / "segments.yaml").read_text())
FILE = Path("data/online_retail/online_retail.csv.gz")
AT = "2011-12-10 00:00:00"  # the file ends on the 9th
PART = 40  # in the suite one customer of so many

# Who is in each segment, by another engine over the file: `b` is what was bought, `r` what came back.
ORACLE = {
    "big-spenders": "SELECT customer FROM b GROUP BY 1 HAVING sum(cents) >= 500000",
    "new-customers": f"SELECT customer FROM b GROUP BY 1 HAVING min(day) > TIMESTAMP '{AT}' - INTERVAL 30 DAY",
    "lapsing": f"SELECT customer FROM b GROUP BY 1 HAVING max(day) > TIMESTAMP '{AT}' - INTERVAL 180 DAY"
    f" AND max(day) <= TIMESTAMP '{AT}' - INTERVAL 60 DAY",
    "frequent": f"SELECT customer FROM b WHERE day > TIMESTAMP '{AT}' - INTERVAL 90 DAY GROUP BY 1"
    " HAVING count(DISTINCT invoice) >= 5",
    "steady": f"SELECT customer FROM b WHERE day > TIMESTAMP '{AT}' - INTERVAL 180 DAY GROUP BY 1"
    f" HAVING count(DISTINCT date_diff('second', day, TIMESTAMP '{AT}') // (30 * 86400)) >= 5",
    "returners": "SELECT customer FROM r GROUP BY 1 HAVING count(*) >= 3",
    "christmas": "SELECT customer FROM b WHERE description ILIKE '%christmas%' AND day >= '2011-09-01'"
    " AND day < '2011-12-01' GROUP BY 1 HAVING count(*) >= 3",
    "abroad": "SELECT customer FROM b GROUP BY 1 HAVING arg_max(country, (day, n)) != 'United Kingdom'",
    "came-back": "SELECT DISTINCT b.customer FROM b JOIN r ON b.customer = r.customer AND b.day > r.day"
    f" AND b.day <= r.day + INTERVAL 30 DAY WHERE r.day > TIMESTAMP '{AT}' - INTERVAL 180 DAY",
    "gone-quiet": "SELECT customer FROM b GROUP BY 1 HAVING count(DISTINCT invoice) >= 5"
    f" AND max(day) <= TIMESTAMP '{AT}' - INTERVAL 90 DAY",
}


class Shop(NamedTuple):
    """Members by the fold, by ClickHouse and by DuckDB, segment by segment."""

    stream: Mapping[str, list[str]]
    batch: Mapping[str, list[str]]
    oracle: Mapping[str, list[str]]
    events: int


def read(source: Path, files: duckdb.DuckDBPyConnection, part: int) -> None:
    """The file as `lines`, its repetitions dropped; of it what was bought, and what came back, by some customers."""
    files.execute(
        "CREATE TABLE whole AS SELECT *, row_number() OVER () AS n FROM read_csv(?, all_varchar = true)", [str(source)]
    )
    files.execute(
        "CREATE TABLE lines AS SELECT * EXCLUDE (n), min(n) AS n FROM whole"
        " WHERE coalesce(CustomerID::DOUBLE::INT, n) % $part = 0 GROUP BY ALL",
        {"part": part},
    )
    for table, begins in (("b", "5"), ("r", "C")):
        files.execute(
            f"CREATE TABLE {table} AS SELECT CustomerID::DOUBLE::INT::VARCHAR AS customer, InvoiceNo AS invoice,"
            " Description AS description, InvoiceDate::TIMESTAMP AS day, Country AS country, n,"
            " round(UnitPrice::DECIMAL(18, 4) * Quantity::INT * 100)::BIGINT AS cents FROM lines"
            f" WHERE CustomerID IS NOT NULL AND InvoiceNo[1] = '{begins}'"
            " AND StockCode NOT IN ('POST', 'DOT', 'M', 'D', 'C2', 'CRUK', 'PADS', 'BANK CHARGES')"
        )


def imported(files: duckdb.DuckDBPyConnection, folder: Path, part: int) -> list[Line]:
    """The same customers' lines, every repetition kept, through the sample's mapping as `waxwing import` reads them."""
    file = folder / "online_retail_part.csv"
    files.execute(
        "COPY (SELECT * EXCLUDE (n) FROM whole WHERE coalesce(CustomerID::DOUBLE::INT, n) % $part = 0"
        f" ORDER BY n) TO '{file}' (HEADER, DELIMITER ',')",
        {"part": part},
    )
    found = []
    for line in ImportedFile(file, read_mapping(SAMPLES / "mapping.yaml")).lines(0):
        assert line.letter is None
        for entry in line.events:
            event = decode_event(entry.value)
            found.append(Line(event.at, entry.key, event))
    return sorted(found, key=lambda line: line.logged_at)


def ask(source: Path, folder: Path, part: int) -> Shop:
    at = parse_instant(f"{AT.replace(' ', 'T')}Z")
    with duckdb.connect() as files:
        read(source, files, part)
        lines = imported(files, folder, part)
        oracle = {id: sorted(row[0] for row in files.execute(sql).fetchall()) for id, sql in ORACLE.items()}
    run = replay(SEGMENTS, lines, at)
    return Shop({id: run.members(id) for id in ORACLE}, batch_members(lines, at), oracle, len(lines))


def batch_members(lines: Sequence[Line], at: int) -> dict[str, list[str]]:
    clickhouse = emptied()
    fill(clickhouse, [Logged(*line) for line in lines])
    conditions = [parse_condition(body["where"]) for body in SEGMENTS]
    known = truths(clickhouse.query, conditions, at, given_by(SEGMENTS))
    return {body["id"]: sorted(c for c, held in known.items() if held[i]) for i, body in enumerate(SEGMENTS)}


@pytest.fixture(scope="module")
def shop(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return ask(shared / FILE, tmp_path_factory.mktemp("retail"), PART)


@pytest.mark.parametrize("segment", ORACLE)
def test_the_members_of_a_segment_equal_what_duckdb_finds_in_the_file(shop: Shop, segment: str) -> None:
    assert shop.oracle[segment]
    assert shop.stream[segment] == shop.oracle[segment]
    assert shop.batch[segment] == shop.oracle[segment]


def test_there_is_an_oracle_for_every_sample() -> None:
    assert [body["id"] for body in SEGMENTS] == list(ORACLE)


def main(source: Path, folder: Path) -> None:
    """Ask about everybody."""
    begun = time.monotonic()
    shop = ask(source, folder, 1)
    differ = [id for id in ORACLE if not shop.stream[id] == shop.batch[id] == shop.oracle[id]]
    sizes = {id: len(members) for id, members in shop.oracle.items()}
    figures = {"events": shop.events, "members": sizes, "differ": differ, "seconds": round(time.monotonic() - begun, 1)}
    print(json.dumps(figures))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
