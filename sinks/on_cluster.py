"""Migrations for a ClickHouse cluster: each statement on all its hosts, each table replicated between them. Pure.

The cluster has one shard: every replica holds everything, so reads may ask any of them. Paths in Keeper are the
server's defaults. https://clickhouse.com/docs/sql-reference/distributed-ddl
"""

from __future__ import annotations

import re
from typing import Final

_DDL: Final = re.compile(
    r"\A(?P<lead>(?:\s*--[^\n]*\n)*\s*)"
    r"(?P<act>(?:CREATE(?: OR REPLACE)?|ALTER|DROP|RENAME|TRUNCATE) (?:TABLE|VIEW|MATERIALIZED VIEW)"
    r"(?: IF (?:NOT )?EXISTS)? )(?P<name>[a-z_0-9]+)",
    re.IGNORECASE,
)
_ENGINE: Final = re.compile(r"(\bENGINE\s*=\s*)(\w*MergeTree\b)", re.IGNORECASE)
_DATA: Final = re.compile(r"\A(?:\s*--[^\n]*\n)*\s*(?:INSERT|OPTIMIZE)\b", re.IGNORECASE)


def on_cluster(statement: str, cluster: str) -> str:
    """The statement for all hosts of the cluster; ValueError for one that is neither DDL of a table nor data.

    >>> on_cluster("CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a", "c")
    'CREATE TABLE t ON CLUSTER `c` (a Int8) ENGINE = ReplicatedMergeTree ORDER BY a'
    """
    if _DATA.match(statement):  # replication takes data to the others
        return statement
    found = _DDL.match(statement)
    if found is None:
        raise ValueError(f"no statement for a cluster: {statement[:80]!r}")
    rest = statement[found.end() :]
    whole = f"{found['lead']}{found['act']}{found['name']} ON CLUSTER `{cluster}`{rest}"
    return _ENGINE.sub(lambda m: f"{m[1]}Replicated{m[2]}", whole)
