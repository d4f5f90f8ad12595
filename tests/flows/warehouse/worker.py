"""A warehouse process to be killed: FOLDER holds the log. Says each insert before and after; ends when caught up."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from connectors.engine import run_flow
from connectors.sqlite_log import SqliteLog
from flows.warehouse.flow import build, prepare
from sinks.clickhouse import ClickHouse

LIMIT = 40  # records of a partition in one go: many writes, so many points to be killed at


class Talking(ClickHouse):
    """Says what it writes."""

    done = 0

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        print("before", table, flush=True)
        super().insert(table, columns, rows)
        print("after", table, flush=True)
        if table == "warehouse_progress":
            self.done += 1


def main(folder: Path) -> None:
    """Write all that is on the log, then print what there is."""
    log, clickhouse = SqliteLog(folder / "log.db", partitions=2), Talking(folder / "clickhouse")
    places = prepare(clickhouse, lambda: False)
    assert places is not None
    ends = {(t, n): log.end(t, n) for t in ("events", "changes") for n in range(2)}
    asked = -1

    def stop() -> bool:
        nonlocal asked
        if asked == clickhouse.done:  # nothing new was written since
            return False
        asked = clickhouse.done
        sql = "SELECT topic, partition, max(next_offset) AS next FROM warehouse_progress GROUP BY ALL"
        now = {(row["topic"], row["partition"]): row["next"] for row in clickhouse.query(sql)}
        return all(now.get(where, 0) == end for where, end in ends.items())

    run_flow(build(log, clickhouse, places, limit=LIMIT, stop=stop))
    counts = "SELECT (SELECT count() FROM events FINAL) AS events, (SELECT count() FROM changes FINAL) AS changes,"
    counts += " (SELECT count() FROM segment_memberships) AS members"
    print(json.dumps(clickhouse.query(counts)[0]), flush=True)
    clickhouse.close()
    log.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
