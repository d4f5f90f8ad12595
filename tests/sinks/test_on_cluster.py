"""Every migration for a cluster: read by ClickHouse's own parser, on all hosts, each table replicated."""

from __future__ import annotations

import re

import pytest

from sinks.clickhouse import MIGRATIONS, ClickHouse, migrate, statements
from sinks.on_cluster import on_cluster
from tests.clickhouse import engine

STATEMENTS = [s for path in sorted(MIGRATIONS.glob("*.sql")) for s in statements(path.read_text("utf-8"))]


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda s: " ".join(s.split())[:60])
def test_a_migration_runs_on_all_hosts_and_says_the_same_otherwise(statement: str):
    [answer] = engine().query("SELECT formatQuery({sql:String}) AS sql", {"sql": on_cluster(statement, "crm")})
    [before] = engine().query("SELECT formatQuery({sql:String}) AS sql", {"sql": statement})
    if "ON CLUSTER" not in answer["sql"]:
        assert before["sql"].startswith(("INSERT", "OPTIMIZE"))
    alone = answer["sql"].replace(" ON CLUSTER crm", "").replace("ENGINE = Replicated", "ENGINE = ")
    assert alone == before["sql"]
    engines = re.findall(r"ENGINE = (\w*MergeTree)", answer["sql"])
    assert all(name.startswith("Replicated") for name in engines)


def test_what_is_no_statement_for_a_cluster_is_refused():
    with pytest.raises(ValueError, match="SYSTEM FLUSH"):
        on_cluster("SYSTEM FLUSH LOGS", "crm")


def test_migrating_a_cluster_says_its_name_in_every_statement():
    said: list[str] = []

    class Told(ClickHouse):
        def command(self, sql: str) -> None:
            said.append(sql)

        def query(self, sql, parameters=None):
            return []

        def insert(self, table, columns, rows) -> None:
            pass

    migrate(Told(cluster="crm"))
    assert len(said) == len(STATEMENTS) + 1
    assert all("ON CLUSTER `crm`" in sql or sql.lstrip().startswith("INSERT") for sql in said)
