"""ClickHouse's handles and migrations, on the real engine in the process."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from clickhouse_connect.driver.exceptions import ClickHouseError

from infra.settings import Settings
from sinks.clickhouse import MIGRATIONS, ClickHouse, connect, migrate, statements
from tests.clickhouse import emptied

# fmt: off
SPECIFIED = {
    "contacts", "accounts", "events", "marketing_segments", "segment_conditions", "segment_memberships",
    "segment_membership_changes", "campaigns", "journeys", "journey_versions", "journey_executions",
    "journey_steps", "email_templates", "sms_templates", "template_versions", "message_queue", "delivery_logs",
    "channel_providers", "attribution_touchpoints", "attribution_models", "campaign_performance", "ml_models",
    "predictions", "model_performance", "consent_records", "unsubscribes", "audit_logs", "dead_letters",
}
# fmt: on


@pytest.fixture
def clickhouse() -> ClickHouse:
    return emptied()


def test_every_table_that_has_something_to_hold_is_there_by_its_specified_name(clickhouse):
    there = {
        row["name"] for row in clickhouse.query("SELECT name FROM system.tables WHERE database = currentDatabase()")
    }
    assert there >= SPECIFIED


def test_migrations_are_applied_in_order_and_once(clickhouse):
    names = [path.stem for path in sorted(MIGRATIONS.glob("*.sql"))]
    done = clickhouse.query("SELECT name FROM schema_migrations FINAL ORDER BY applied_at, name")
    assert [row["name"] for row in done] == names
    assert migrate(clickhouse) == []


def test_a_migration_that_was_cut_off_can_be_applied_again_from_its_start(clickhouse):
    for path in sorted(MIGRATIONS.glob("*.sql")):
        for statement in statements(path.read_text()):
            clickhouse.command(statement)


def test_a_migration_that_is_wrong_is_not_recorded(clickhouse, tmp_path: Path):
    (tmp_path / "9001_wrong.sql").write_text("CREATE TABLE IF NOT EXISTS nonsense (x NoSuchType) ENGINE = Memory;\n")
    with pytest.raises(ClickHouseError, match="NoSuchType"):
        migrate(clickhouse, tmp_path)
    assert not clickhouse.query("SELECT name FROM schema_migrations WHERE startsWith(name, '9001')")


@pytest.mark.parametrize(
    "text", ["", "plain", "a'b", 'a"b', "back\\slash", "line\nfeed\ttab", "ünï🙂", "{x:String}", "\x00"]
)
def test_values_go_in_and_come_out_as_they_are(clickhouse, text):
    clickhouse.insert("dead_letters", ("id", "reason"), [("1", text)])
    assert clickhouse.query("SELECT reason FROM dead_letters") == [{"reason": text}]
    assert clickhouse.query("SELECT {given:String} AS given", {"given": text}) == [{"given": text}]
    assert clickhouse.query("SELECT {given:Array(String)} AS given", {"given": [text]}) == [{"given": [text]}]


@pytest.mark.parametrize(
    "moment",
    [
        datetime(1900, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2026, 3, 29, 1, 0, 0, 7_000, tzinfo=UTC),
        datetime(2299, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
    ],
)
def test_instants_are_exact_to_the_millisecond(clickhouse, moment):
    ms = round(moment.timestamp() * 1000)
    clickhouse.insert("dead_letters", ("id", "at"), [("1", ms / 1000)])
    (row,) = clickhouse.query("SELECT at, toUnixTimestamp64Milli(at) AS ms FROM dead_letters")
    assert (datetime.fromisoformat(row["at"]), row["ms"]) == (moment, ms)


def test_whole_numbers_beyond_2_to_the_53_stay_exact(clickhouse):
    clickhouse.insert("events", ("contact", "offset"), [("a", 2**63 + 1)])
    assert clickhouse.query("SELECT offset FROM events") == [{"offset": 2**63 + 1}]


def test_more_threads_than_handles_may_ask_at_once(clickhouse):
    with ThreadPoolExecutor(24) as threads:
        answers = list(threads.map(lambda n: clickhouse.query("SELECT {n:UInt32} AS n", {"n": n}), range(200)))
    assert [answer[0]["n"] for answer in answers] == list(range(200))


def test_a_handle_survives_a_query_that_failed(clickhouse):
    for _ in range(20):
        with pytest.raises(ClickHouseError):
            clickhouse.query("SELECT no_such_column")
    assert clickhouse.query("SELECT 1 AS one") == [{"one": 1}]


def test_an_address_names_no_password():
    server = connect(Settings(_env_file=None, clickhouse="https://reader:secret@store.example:8443/waxwing"))
    assert server.address == "https://store.example:8443"


def test_a_query_may_be_as_long_as_the_longest_definition_that_is_taken(clickhouse: ClickHouse) -> None:
    assert clickhouse.query(f"SELECT length('{'x' * 1_048_576}') AS characters") == [{"characters": 1_048_576}]
    limits = "SELECT value FROM system.settings WHERE name = 'max_ast_elements'"
    assert int(clickhouse.query(limits)[0]["value"]) > 12_000 * 20
