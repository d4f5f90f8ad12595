-- What happened, to whom, how far the warehouse has read, and what could not be read.
-- Every table holds a record at most once to those who read it with FINAL: rows are replaced by their identity, and what
-- is aggregated here is minima and maxima alone, which a row that is written again does not change.

CREATE TABLE IF NOT EXISTS warehouse_progress
(
    topic LowCardinality(String),
    partition UInt32,
    next_offset UInt64,
    complete_until DateTime64(3, 'UTC') COMMENT 'every record of the partition logged before this is here'
)
ENGINE = ReplacingMergeTree(next_offset)
ORDER BY (topic, partition)
COMMENT 'The warehouse flow''s place in each partition; written after the rows of the records before it';

CREATE TABLE IF NOT EXISTS events
(
    partition UInt32,
    offset UInt64,
    logged_at DateTime64(3, 'UTC'),
    contact String COMMENT 'the record''s key',
    type LowCardinality(String) COMMENT 'empty for bytes that no schema reads',
    name String COMMENT 'a track''s own name, else the type',
    id String,
    at DateTime64(3, 'UTC') COMMENT 'when it happened, never after logged_at',
    received_at DateTime64(3, 'UTC'),
    user_id String,
    anonymous_id String,
    previous_id String,
    group_id String,
    properties String COMMENT 'JSON as it stood, like traits and context',
    traits String,
    context String,
    historical Bool,
    raw String COMMENT 'the record''s whole value'
)
ENGINE = ReplacingMergeTree
ORDER BY (contact, partition, offset)
COMMENT 'Topic events, whole: the archive that replays read. Of a contact''s events with one id the first counts';

CREATE TABLE IF NOT EXISTS contacts
(
    contact String,
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY contact
COMMENT 'Everyone of whom anything happened; their traits are folded from their events';

CREATE MATERIALIZED VIEW IF NOT EXISTS contacts_from_events TO contacts AS
SELECT contact, min(at) AS first_seen, max(at) AS last_seen
FROM events
WHERE type NOT IN ('', 'tick', 'hydrate', 'enter', 'address_held', 'account_said', 'account_traits', 'merge_claimed', 'merged')
    AND contact != '' AND NOT startsWith(contact, 'address:') AND NOT startsWith(contact, 'account:')
GROUP BY contact;

CREATE VIEW IF NOT EXISTS accounts AS
SELECT
    group_id AS account,
    min(at) AS first_seen,
    max(at) AS last_seen,
    uniqExactIf(contact, type = 'group') AS contacts,
    argMax(traits, (at, logged_at, offset)) AS last_traits
FROM events
WHERE type = 'group' AND group_id != ''
GROUP BY account;

CREATE TABLE IF NOT EXISTS consent_records
(
    contact String,
    channel LowCardinality(String),
    topic LowCardinality(String),
    at DateTime64(3, 'UTC'),
    logged_at DateTime64(3, 'UTC'),
    id String,
    status LowCardinality(String),
    source String,
    text_version String,
    proof String
)
ENGINE = ReplacingMergeTree
ORDER BY (contact, channel, topic, at, id)
COMMENT 'Everything ever said of consent; the latest by at stands';

CREATE MATERIALIZED VIEW IF NOT EXISTS consent_records_from_events TO consent_records AS
SELECT
    contact,
    JSONExtractString(properties, 'channel') AS channel,
    if(JSONHas(properties, 'topic'), JSONExtractString(properties, 'topic'), 'default') AS topic,
    at,
    logged_at,
    id,
    JSONExtractString(properties, 'status') AS status,
    JSONExtractString(properties, 'source') AS source,
    JSONExtractString(properties, 'text_version') AS text_version,
    JSONExtractString(properties, 'proof') AS proof
FROM events
WHERE type = 'consent_changed';

CREATE VIEW IF NOT EXISTS unsubscribes AS
SELECT contact, channel, topic, at, source
FROM consent_records FINAL
WHERE status = 'unsubscribed';

CREATE TABLE IF NOT EXISTS dead_letters
(
    id String,
    source LowCardinality(String),
    partition Int32,
    offset Int64,
    key String,
    at DateTime64(3, 'UTC'),
    reason String,
    raw String COMMENT 'the bytes, base64'
)
ENGINE = ReplacingMergeTree
ORDER BY id
COMMENT 'What could not be read, whole, with the reason and where it came from';
