-- Topic changes: what the fold concluded, whole, and each kind in a table ordered as it is asked for.

CREATE TABLE IF NOT EXISTS changes
(
    contact String,
    id String,
    kind LowCardinality(String),
    at DateTime64(3, 'UTC'),
    logged_at DateTime64(3, 'UTC'),
    partition UInt32,
    offset UInt64,
    segment String,
    journey LowCardinality(String),
    version UInt32,
    run String,
    entry String,
    node LowCardinality(String),
    branch LowCardinality(String),
    reason String,
    send String,
    campaign LowCardinality(String),
    channel LowCardinality(String),
    topic LowCardinality(String),
    touch LowCardinality(String),
    conversion String,
    event String,
    model LowCardinality(String),
    amount_minor Int64,
    currency LowCardinality(String),
    share Float64,
    value String COMMENT 'JSON',
    historical Bool
)
ENGINE = ReplacingMergeTree
ORDER BY (contact, id)
COMMENT 'A conclusion that was emitted again after a crash has the same id and stands once';

CREATE TABLE IF NOT EXISTS segment_membership_changes
(
    segment String,
    at DateTime64(3, 'UTC'),
    contact String,
    id String,
    entered Bool,
    version UInt32,
    historical Bool
)
ENGINE = ReplacingMergeTree
ORDER BY (segment, at, contact, id);

CREATE MATERIALIZED VIEW IF NOT EXISTS segment_membership_changes_from_changes TO segment_membership_changes AS
SELECT segment, at, contact, id, kind = 'segment_entered' AS entered, version, historical
FROM changes
WHERE kind IN ('segment_entered', 'segment_left');

CREATE TABLE IF NOT EXISTS segment_flips_last
(
    segment String,
    contact String,
    at DateTime64(3, 'UTC'),
    entered Bool,
    version UInt32
)
ENGINE = ReplacingMergeTree(at)
ORDER BY (segment, contact)
COMMENT 'The last flip of each contact and segment; of two at one instant the one that was written later';

CREATE MATERIALIZED VIEW IF NOT EXISTS segment_flips_last_from_changes TO segment_flips_last AS
SELECT segment, contact, at, kind = 'segment_entered' AS entered, version
FROM changes
WHERE kind IN ('segment_entered', 'segment_left');

CREATE VIEW IF NOT EXISTS segment_memberships AS
SELECT segment, contact, at AS since, version
FROM segment_flips_last FINAL
WHERE entered;

CREATE TABLE IF NOT EXISTS journey_executions
(
    journey LowCardinality(String),
    run String,
    contact SimpleAggregateFunction(max, String),
    version SimpleAggregateFunction(max, UInt32),
    entry SimpleAggregateFunction(max, String),
    entered_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    exited_at SimpleAggregateFunction(max, Nullable(DateTime64(3, 'UTC'))),
    exit_node SimpleAggregateFunction(max, String),
    exit_reason SimpleAggregateFunction(max, String),
    completed SimpleAggregateFunction(max, Bool) COMMENT 'it came to an exit node'
)
ENGINE = AggregatingMergeTree
ORDER BY (journey, run)
COMMENT 'One row a run: its entry and, once it has ended, its end';

CREATE MATERIALIZED VIEW IF NOT EXISTS journey_executions_from_changes TO journey_executions AS
SELECT
    journey,
    run,
    contact,
    version,
    entry,
    if(kind = 'journey_entered', at, NULL) AS entered_at,
    if(kind = 'journey_exited', at, NULL) AS exited_at,
    if(kind = 'journey_exited', node, '') AS exit_node,
    if(kind = 'journey_exited', reason, '') AS exit_reason,
    kind = 'journey_exited' AND branch = 'completed' AS completed
FROM changes
WHERE kind IN ('journey_entered', 'journey_exited');

CREATE TABLE IF NOT EXISTS journey_steps
(
    journey LowCardinality(String),
    run String,
    at DateTime64(3, 'UTC'),
    id String,
    offset UInt64,
    contact String,
    version UInt32,
    node LowCardinality(String),
    branch LowCardinality(String) COMMENT 'the edge by which the run left the node',
    waits Bool COMMENT 'the run came to rest at the node'
)
ENGINE = ReplacingMergeTree
ORDER BY (journey, run, at, id);

CREATE MATERIALIZED VIEW IF NOT EXISTS journey_steps_from_changes TO journey_steps AS
SELECT journey, run, at, id, offset, contact, version, node, branch, reason = 'waiting' AS waits
FROM changes
WHERE kind = 'journey_step';

CREATE TABLE IF NOT EXISTS attribution_touchpoints
(
    contact String,
    at DateTime64(3, 'UTC'),
    id String,
    touch LowCardinality(String),
    channel LowCardinality(String),
    send String,
    campaign LowCardinality(String) COMMENT 'the journey, for a message without a campaign; so in every table of messages',
    journey LowCardinality(String),
    node LowCardinality(String),
    historical Bool
)
ENGINE = ReplacingMergeTree
ORDER BY (contact, at, id);

CREATE MATERIALIZED VIEW IF NOT EXISTS attribution_touchpoints_from_changes TO attribution_touchpoints AS
SELECT contact, at, id, touch, channel, send, if(campaign = '', journey, campaign) AS campaign, journey, node, historical
FROM changes
WHERE kind = 'touch';

CREATE TABLE IF NOT EXISTS attribution_credits
(
    model LowCardinality(String),
    campaign LowCardinality(String) COMMENT 'empty: credited to nobody, so that totals add up',
    id String,
    version UInt32,
    at DateTime64(3, 'UTC'),
    contact String,
    conversion String COMMENT 'the event''s id',
    event LowCardinality(String),
    send String,
    journey LowCardinality(String),
    node LowCardinality(String),
    channel LowCardinality(String),
    amount_minor Int64,
    currency LowCardinality(String),
    share Float64,
    historical Bool
)
ENGINE = ReplacingMergeTree
ORDER BY (model, campaign, id);

CREATE MATERIALIZED VIEW IF NOT EXISTS attribution_credits_from_changes TO attribution_credits AS
SELECT
    model,
    if(campaign = '', journey, campaign) AS campaign,
    id,
    version,
    at,
    contact,
    conversion,
    event,
    send,
    journey,
    node,
    channel,
    amount_minor,
    currency,
    share,
    historical
FROM changes
WHERE kind = 'credit';

CREATE TABLE IF NOT EXISTS predictions
(
    contact String,
    model LowCardinality(String),
    at DateTime64(3, 'UTC'),
    id String,
    offset UInt64,
    version UInt32,
    score Nullable(Float64) COMMENT '0 to 100; NULL: below the model''s minimum of data'
)
ENGINE = ReplacingMergeTree
ORDER BY (contact, model, at, id);

CREATE MATERIALIZED VIEW IF NOT EXISTS predictions_from_changes TO predictions AS
SELECT contact, model, at, id, offset, version, JSONExtract(value, 'Nullable(Float64)') AS score
FROM changes
WHERE kind = 'score';
