"""ClickHouse over HTTP: the client that production has, a server of its own process, the same answers as embedded."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from connectors.sqlite_log import SqliteLog
from infra.settings import Settings
from sinks.clickhouse import MIGRATIONS, ClickHouse, connect, migrate
from tests.clickhouse import engine
from tests.flows.warehouse.test_flow import catch_up, caught_up, one, page, wait_until
from tests.flows.warehouse.test_flow import running as flow_running
from tests.services.clickhouse_http import running

TABLES = "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase() ORDER BY name"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("clickhouse") / "data", "secret") as url:
        yield url


@pytest.fixture
def clickhouse(url: str) -> Iterator[ClickHouse]:
    server = connect(Settings(_env_file=None, clickhouse=url))
    migrate(server)
    server.command("TRUNCATE TABLE dead_letters")
    yield server
    server.close()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SqliteLog]:
    with closing(SqliteLog(tmp_path / "log.db", partitions=2)) as log:
        yield log


def test_the_migrations_make_the_same_tables_as_in_the_process(clickhouse: ClickHouse) -> None:
    assert clickhouse.query(TABLES) == engine().query(TABLES)
    done = clickhouse.query("SELECT name FROM schema_migrations FINAL ORDER BY name")
    assert [row["name"] for row in done] == sorted(path.stem for path in MIGRATIONS.glob("*.sql"))
    assert migrate(clickhouse) == []


@pytest.mark.parametrize("text", ["", "a'b", 'a"b', "back\\slash", "line\nfeed\ttab", "ünï🙂", "{x:String}", "\x00"])
def test_values_go_in_and_come_out_as_they_are(clickhouse: ClickHouse, text: str) -> None:
    clickhouse.insert("dead_letters", ("id", "reason"), [("1", text)])
    assert clickhouse.query("SELECT reason FROM dead_letters") == [{"reason": text}]
    assert clickhouse.query("SELECT {given:String} AS given", {"given": text}) == [{"given": text}]
    assert clickhouse.query("SELECT {given:Array(String)} AS given", {"given": [text]}) == [{"given": [text]}]


@pytest.mark.parametrize("year", [1900, 1970, 2026, 2299])
def test_instants_are_exact_to_the_millisecond(clickhouse: ClickHouse, year: int) -> None:
    moment = datetime(year, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
    clickhouse.insert("dead_letters", ("id", "at"), [("1", round(moment.timestamp() * 1000) / 1000)])
    assert datetime.fromisoformat(one(clickhouse, "SELECT at FROM dead_letters")) == moment


def test_more_threads_than_handles_may_ask_at_once(clickhouse: ClickHouse) -> None:
    with ThreadPoolExecutor(24) as threads:
        answers = list(threads.map(lambda n: clickhouse.query("SELECT {n:UInt32} AS n", {"n": n}), range(200)))
    assert [answer[0]["n"] for answer in answers] == list(range(200))


def test_an_error_has_its_code_and_the_handle_goes_on(clickhouse: ClickHouse) -> None:
    for _ in range(20):  # more than there are handles
        with pytest.raises(ClickHouseError) as fault:
            clickhouse.query("SELECT no_such_column")
        assert fault.value.code == 47
    assert one(clickhouse, "SELECT 1 AS one") == 1


def test_a_wrong_password_is_said_without_showing_any(url: str) -> None:
    with pytest.raises(ClickHouseError, match="Authentication failed") as fault:
        ClickHouse(url=url.replace("secret", "guessed")).query("SELECT 1 AS one")
    assert "guessed" not in str(fault.value)


def test_the_warehouse_flow_writes_every_record_once(clickhouse: ClickHouse, log: SqliteLog) -> None:
    log.append([page(f"c{i % 7}", f"e{i}") for i in range(500)])
    catch_up(log, clickhouse)
    log.append([page("late", "e500")])
    catch_up(log, clickhouse)
    assert one(clickhouse, "SELECT count() FROM events") == 501
    raw = {row["raw"].encode() for row in clickhouse.query("SELECT raw FROM events")}
    assert raw == {record.value for n in range(2) for record in log.read("events", n, 0)}


def test_a_server_that_goes_away_is_waited_for_and_nothing_is_missing(tmp_path: Path, log: SqliteLog) -> None:
    folder = tmp_path / "clickhouse"
    with running(folder) as url:
        server = ClickHouse(url=url)
        log.append([page("ann", "e1")])
        catch_up(log, server)
    with flow_running(log, server):  # nobody listens
        log.append([page("ann", "e2")])
        with running(folder, port=urlsplit(url).port or 0):
            wait_until(caught_up(log, server))
            assert one(server, "SELECT count() FROM events FINAL") == 2
    server.close()
