-- What the learner learns from, and what journeys asked of the CRM.

CREATE TABLE IF NOT EXISTS examples
(
    model LowCardinality(String),
    at DateTime64(3, 'UTC'),
    id String,
    contact String,
    features Array(Float64),
    feature_set UInt32,
    label UInt8,
    labelled_at DateTime64(3, 'UTC'),
    version UInt32
)
ENGINE = ReplacingMergeTree
ORDER BY (model, at, id);

CREATE TABLE IF NOT EXISTS crm_commands
(
    contact String,
    at DateTime64(3, 'UTC'),
    id String,
    command LowCardinality(String),
    journey LowCardinality(String),
    version UInt32,
    node LowCardinality(String),
    data String COMMENT 'JSON'
)
ENGINE = ReplacingMergeTree
ORDER BY (contact, at, id);
