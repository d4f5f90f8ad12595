"""The tables are contracts: what the migrations make is pinned."""

from __future__ import annotations

from pathlib import Path

from tests.clickhouse import engine

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "ddl.sql"

# DESIGN §6: the names that have something to hold already.
NAMED = """
contacts accounts events marketing_segments segment_conditions segment_memberships campaigns journeys journey_versions
journey_executions journey_steps email_templates sms_templates template_versions message_queue delivery_logs
channel_providers attribution_touchpoints attribution_models campaign_performance ml_models predictions
model_performance consent_records unsubscribes audit_logs dead_letters segment_membership_changes
segment_snapshots
"""


def ddl() -> str:
    """Every table and view as ClickHouse says it, by name."""
    rows = engine().query(
        "SELECT name, create_table_query AS ddl FROM system.tables WHERE database = currentDatabase()"
        " AND name NOT LIKE '.inner%' ORDER BY name"
    )
    return "".join(f"-- {row['name']}\n{row['ddl']};\n\n" for row in rows)


def test_the_migrations_make_the_tables_that_are_pinned():
    assert ddl() == GOLDEN.read_text()


def test_the_tables_have_the_names_of_the_specification():
    names = {line.removeprefix("-- ") for line in ddl().splitlines() if line.startswith("-- ")}
    assert set(NAMED.split()) <= names
