-- Runs that a migration has moved to another version of their journey.

CREATE TABLE IF NOT EXISTS journey_moves
(
    journey LowCardinality(String),
    migration LowCardinality(String),
    run String,
    at DateTime64(3, 'UTC'),
    id String,
    offset UInt64,
    contact String,
    from_version UInt32,
    to_version UInt32,
    from_node LowCardinality(String),
    to_node LowCardinality(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (journey, run, at, id);

CREATE MATERIALIZED VIEW IF NOT EXISTS journey_moves_from_changes TO journey_moves AS
SELECT
    journey,
    reason AS migration,
    run,
    at,
    id,
    offset,
    contact,
    JSONExtractUInt(value) AS from_version,
    version AS to_version,
    branch AS from_node,
    node AS to_node
FROM changes
WHERE kind = 'journey_moved';
