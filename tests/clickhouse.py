"""The embedded ClickHouse of a test process. chDB allows one folder a process, so all tests share it."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from sinks.clickhouse import ClickHouse, migrate


@cache
def engine() -> ClickHouse:
    """The process's engine, with all tables."""
    folder = Path(tempfile.mkdtemp(prefix="waxwing-clickhouse-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    clickhouse = ClickHouse(folder)
    migrate(clickhouse)
    return clickhouse


def emptied() -> ClickHouse:
    """The same with nothing in its tables."""
    clickhouse = engine()
    tables = clickhouse.query(
        "SELECT name FROM system.tables"
        " WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name != 'schema_migrations'"
    )
    for table in tables:
        clickhouse.command(f"TRUNCATE TABLE {table['name']}")
    return clickhouse
