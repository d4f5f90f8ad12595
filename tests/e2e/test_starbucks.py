"""A rewards programme's whole history through import, fold and warehouse; the judge is DuckDB over the files."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
import yaml

from connectors.files import ImportedFile, read_mapping
from connectors.publish import CatalogueReader, publish
from connectors.sqlite_log import SqliteLog
from flows.warehouse.flow import run as run_warehouse
from infra.bench.folding import in_processes
from infra.commands.importing import run as run_import
from schemas.records import LEAD_MS
from schemas.topics import EVENTS
from sinks.clickhouse import ClickHouse
from tests.clickhouse import emptied

pytestmark = [pytest.mark.slow, pytest.mark.data]

SAMPLES = Path(__file__).resolve().parents[2] / "infra" / "samples" / "starbucks"
PARTITIONS = 4

# Who is in each segment, by another engine over the files as they are. `t` is the transcript, `p` the profiles.
ORACLE = {
    "big-spenders": "SELECT person FROM t GROUP BY 1 HAVING sum(cents) >= 20000",
    "frequent": "SELECT person FROM t WHERE event = 'transaction' GROUP BY 1 HAVING count(*) >= 15",
    "first-week": "SELECT person FROM t WHERE event = 'transaction' AND time < 168 GROUP BY 1 HAVING count(*) >= 3",
    "bogo-fans": "SELECT person FROM t JOIN o ON o.id = offer WHERE event = 'offer completed' AND offer_type = 'bogo'"
    " GROUP BY 1 HAVING count(*) >= 2",
    "looked-only": "SELECT person FROM t GROUP BY 1"
    " HAVING count_if(event = 'offer viewed') > 0 AND count_if(event = 'offer completed') = 0",
    "unknown-profile": "SELECT id FROM p WHERE gender IS NULL",
    "high-income-women": "SELECT id FROM p WHERE gender = 'F' AND income >= 90000",
    "large-basket": "SELECT person FROM t WHERE event = 'transaction' GROUP BY 1 HAVING sum(cents) >= 3000 * count(*)",
    "curious": "SELECT person FROM t WHERE event = 'offer viewed' GROUP BY 1 HAVING count(DISTINCT offer) >= 4",
    "whole-way": "WITH r AS (SELECT person, min(time) a FROM t WHERE event = 'offer received' GROUP BY 1),"
    " v AS (SELECT person, min(time) b FROM t JOIN r USING (person) WHERE event = 'offer viewed' AND time > a"
    " GROUP BY 1)"
    " SELECT DISTINCT person FROM t JOIN v USING (person) WHERE event = 'offer completed' AND time > b",
    "old-hands-without-offers": "SELECT id FROM p JOIN t ON person = id WHERE became_member_on < '20170101' GROUP BY 1"
    " HAVING count_if(event = 'transaction') >= 5 AND count_if(event = 'offer completed') = 0",
}


class World(NamedTuple):
    """What the installation has, what the files hold, and what somebody else counted."""

    clickhouse: ClickHouse
    files: duckdb.DuckDBPyConnection
    facts: dict[str, Any]


@pytest.fixture(scope="module")
def world(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    source, folder = shared / "data" / "starbucks", tmp_path_factory.mktemp("starbucks")
    log = SqliteLog(folder / "log.db", partitions=PARTITIONS)
    publish(CatalogueReader(log), yaml.safe_load((SAMPLES / "segments.yaml").read_text()), by="test")
    active = log.now() + LEAD_MS  # what is imported before that would be the past of the segments
    while log.now() <= active:
        threading.Event().wait(0.05)
    rules = read_mapping(SAMPLES / "mapping.yaml")
    names = ("profile.json.gz", "transcript.json.gz")
    summary = run_import(log, [ImportedFile(source / name, rules) for name in names])
    print(f"import of starbucks: {summary.as_dict()}")
    in_processes(partial(SqliteLog, folder / "log.db", PARTITIONS), folder / "state", [[0, 1], [2, 3]])
    clickhouse = emptied()
    to_clickhouse(log, clickhouse)
    with duckdb.connect() as files:
        read_files(files, source)
        yield World(clickhouse, files, json.loads((source / "facts.json").read_text()))
    log.close()
    shutil.rmtree(folder)


def to_clickhouse(log: SqliteLog, clickhouse: ClickHouse) -> None:
    """The warehouse flow, until it has written all events."""
    done = threading.Event()
    flow = threading.Thread(target=run_warehouse, args=(log, clickhouse, done.is_set))
    flow.start()
    total = sum(log.end(topic, p) for topic in (EVENTS, "changes") for p in range(PARTITIONS))
    placed = "SELECT sum(next) AS n FROM (SELECT max(next_offset) AS next FROM warehouse_progress WHERE topic IN"
    placed += " ('events', 'changes') GROUP BY topic, partition)"
    while clickhouse.query(placed)[0]["n"] < total:
        assert flow.is_alive()
        flow.join(0.2)
    done.set()
    flow.join()


def read_files(files: duckdb.DuckDBPyConnection, source: Path) -> None:
    """The files as tables: a blank line is skipped, cents are whole, both spellings of the offer's id are one."""
    lines = "read_csv(?, columns={'line': 'VARCHAR'}, delim='\\1', quote='', escape='', header=false)"
    files.execute(
        "CREATE TABLE t AS SELECT line->>'person' AS person, line->>'event' AS event, (line->>'time')::INT AS time,"
        " round((line->>'$.value.amount')::DECIMAL(18, 4) * 100)::BIGINT AS cents,"
        " coalesce(line->>'$.value.\"offer id\"', line->>'$.value.offer_id') AS offer"
        f" FROM (SELECT line::JSON AS line FROM {lines} WHERE trim(line) != '')",
        [str(source / "transcript.json.gz")],
    )
    files.execute(
        "CREATE TABLE p AS SELECT line->>'id' AS id, line->>'gender' AS gender, (line->>'income')::INT AS income,"
        f" line->>'became_member_on' AS became_member_on FROM (SELECT line::JSON AS line FROM {lines})",
        [str(source / "profile.json.gz")],
    )
    files.execute(
        "CREATE TABLE o AS SELECT line->>'id' AS id, line->>'offer_type' AS offer_type"
        f" FROM (SELECT line::JSON AS line FROM {lines})",
        [str(source / "portfolio.json")],
    )


def rows(world: World, sql: str) -> list[dict[str, Any]]:
    return world.clickhouse.query(sql)


def test_the_oracle_reads_the_files_whole(world: World):
    assert world.files.execute("SELECT count(*) FROM t").fetchone() == (world.facts["rows"],)
    assert world.files.execute("SELECT sum(cents) FROM t").fetchone() == (world.facts["transaction_total_cents"],)
    assert world.files.execute("SELECT count(*) FROM p").fetchone() == (17_000,)


def test_totals_in_clickhouse_equal_the_facts(world: World):
    counts = rows(world, "SELECT name, count() AS n FROM events FINAL WHERE type = 'track' GROUP BY name")
    assert {r["name"].replace("_", " "): r["n"] for r in counts} == world.facts["event_counts"]
    sums = "SELECT sum(JSONExtractInt(properties, 'amount_minor')) AS n FROM events FINAL WHERE name = 'transaction'"
    assert rows(world, sums) == [{"n": world.facts["transaction_total_cents"]}]
    people = "SELECT uniqExact(contact) AS n FROM events FINAL WHERE type = 'track'"
    assert rows(world, people) == [{"n": world.facts["persons_in_transcript"]}]


def test_totals_of_each_offer_in_clickhouse_equal_the_facts(world: World):
    found = rows(
        world,
        "SELECT JSONExtractString(properties, 'offer_id') AS offer, name, count() AS n,"
        " sum(JSONExtractInt(properties, 'reward')) AS reward FROM events FINAL"
        " WHERE name LIKE 'offer_%' GROUP BY offer, name",
    )
    by_offer: dict[str, dict[str, int]] = {offer: {"reward_total": 0} for offer in world.facts["per_offer"]}
    for r in found:
        by_offer[r["offer"]][r["name"].replace("_", " ")] = r["n"]
        if r["name"] == "offer_completed":
            by_offer[r["offer"]]["reward_total"] = r["reward"]
    assert by_offer == world.facts["per_offer"]


@pytest.mark.parametrize("segment", sorted(ORACLE))
def test_the_members_of_a_segment_equal_what_duckdb_finds_in_the_files(world: World, segment: str):
    members = rows(world, f"SELECT contact FROM segment_memberships WHERE segment = '{segment}'")
    expected = {row[0] for row in world.files.execute(ORACLE[segment]).fetchall()}
    assert len(expected) > 100
    assert {r["contact"] for r in members} == expected


def test_there_is_an_oracle_for_every_sample():
    assert {s["id"] for s in yaml.safe_load((SAMPLES / "segments.yaml").read_text())} == ORACLE.keys()
