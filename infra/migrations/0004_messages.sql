-- A message's whole life: planned or skipped by the fold, attempted by delivery, answered by providers and people.

CREATE TABLE IF NOT EXISTS sends
(
    contact String,
    id String,
    at DateTime64(3, 'UTC'),
    logged_at DateTime64(3, 'UTC'),
    expires DateTime64(3, 'UTC'),
    channel LowCardinality(String),
    address String,
    template LowCardinality(String),
    template_version UInt32,
    locale LowCardinality(String),
    topic LowCardinality(String),
    message_class LowCardinality(String),
    campaign LowCardinality(String),
    journey LowCardinality(String),
    version UInt32,
    run String,
    entry String,
    node LowCardinality(String),
    variant LowCardinality(String),
    data String COMMENT 'JSON'
)
ENGINE = ReplacingMergeTree
ORDER BY (contact, id)
COMMENT 'Topic sends, whole';

CREATE TABLE IF NOT EXISTS delivery_logs
(
    send String,
    id String COMMENT 'of an attempt its number and status, else the event''s id',
    at DateTime64(3, 'UTC'),
    logged_at DateTime64(3, 'UTC'),
    contact String,
    source LowCardinality(String) COMMENT 'attempt: the ledger; event: an outcome',
    status LowCardinality(String),
    number UInt32,
    channel LowCardinality(String),
    provider LowCardinality(String),
    provider_id String,
    reason String,
    url String,
    machine Bool
)
ENGINE = ReplacingMergeTree
ORDER BY (send, id)
COMMENT 'Everything that was said of a message after it was planned';

CREATE MATERIALIZED VIEW IF NOT EXISTS delivery_logs_from_events TO delivery_logs AS
SELECT
    JSONExtractString(properties, 'send') AS send,
    id,
    at,
    logged_at,
    contact,
    'event' AS source,
    splitByChar('_', toString(type))[2] AS status,
    0 AS number,
    splitByChar('_', toString(type))[1] AS channel,
    JSONExtractString(properties, 'provider') AS provider,
    JSONExtractString(properties, 'provider_id') AS provider_id,
    JSONExtractString(properties, 'reason') AS reason,
    JSONExtractString(properties, 'url') AS url,
    JSONExtractBool(properties, 'machine') AS machine
FROM events
WHERE match(type, '^(email|sms|push|webhook)_(sent|delivered|opened|clicked|bounced|complained|unsubscribed|failed|skipped|unknown|replied)$')
    AND JSONExtractString(properties, 'send') != '';

CREATE TABLE IF NOT EXISTS message_queue
(
    send String,
    planned SimpleAggregateFunction(max, Bool),
    contact SimpleAggregateFunction(max, String),
    campaign SimpleAggregateFunction(max, String),
    journey SimpleAggregateFunction(max, String),
    version SimpleAggregateFunction(max, UInt32),
    node SimpleAggregateFunction(max, String),
    run SimpleAggregateFunction(max, String),
    channel SimpleAggregateFunction(max, String) COMMENT 'the channel that was planned',
    template SimpleAggregateFunction(max, String),
    variant SimpleAggregateFunction(max, String),
    reason SimpleAggregateFunction(max, String) COMMENT 'why it was skipped or refused',
    planned_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    started_at SimpleAggregateFunction(max, Nullable(DateTime64(3, 'UTC'))) COMMENT 'of the last attempt',
    skipped_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    failed_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    unknown_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    sent_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    delivered_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    opened_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))) COMMENT 'by a person; so clicked_at',
    clicked_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    replied_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    bounced_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    complained_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))),
    unsubscribed_at SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC')))
)
ENGINE = AggregatingMergeTree
ORDER BY send
COMMENT 'One row a message: what was planned and when each thing was first said of it. Read message_status for its status';

CREATE MATERIALIZED VIEW IF NOT EXISTS message_queue_from_sends TO message_queue AS
SELECT
    id AS send,
    true AS planned,
    contact,
    if(campaign = '', journey, campaign) AS campaign,
    journey,
    version,
    node,
    run,
    channel,
    template,
    variant,
    toNullable(at) AS planned_at
FROM sends;

CREATE MATERIALIZED VIEW IF NOT EXISTS message_queue_from_changes TO message_queue AS
SELECT
    send,
    true AS planned,
    contact,
    if(campaign = '', journey, campaign) AS campaign,
    journey,
    version,
    node,
    run,
    channel,
    reason,
    toNullable(at) AS planned_at,
    toNullable(at) AS skipped_at
FROM changes
WHERE kind = 'send_skipped';

CREATE MATERIALIZED VIEW IF NOT EXISTS message_queue_from_delivery_logs TO message_queue AS
SELECT
    send,
    if(status IN ('skipped', 'failed', 'refused'), reason, '') AS reason,
    if(status = 'started', at, NULL) AS started_at,
    if(status = 'skipped', at, NULL) AS skipped_at,
    if(status IN ('failed', 'refused'), at, NULL) AS failed_at,
    if(status = 'unknown', at, NULL) AS unknown_at,
    if(status IN ('sent', 'accepted'), at, NULL) AS sent_at,
    if(status = 'delivered', at, NULL) AS delivered_at,
    if(status = 'opened' AND NOT machine, at, NULL) AS opened_at,
    if(status = 'clicked' AND NOT machine, at, NULL) AS clicked_at,
    if(status = 'replied', at, NULL) AS replied_at,
    if(status = 'bounced', at, NULL) AS bounced_at,
    if(status = 'complained', at, NULL) AS complained_at,
    if(status = 'unsubscribed', at, NULL) AS unsubscribed_at
FROM delivery_logs;

-- Rule 7: every planned message is in exactly one of sent, skipped, failed, unknown, queued.
-- What people or their mail servers answered proves that it was sent. An attempt without an end is in flight for a
-- minute; then nobody knows.
CREATE VIEW IF NOT EXISTS message_status AS
SELECT
    *,
    multiIf(
        isNotNull(sent_at) OR isNotNull(delivered_at) OR isNotNull(opened_at) OR isNotNull(clicked_at)
            OR isNotNull(replied_at) OR isNotNull(bounced_at) OR isNotNull(complained_at), 'sent',
        isNotNull(unknown_at), 'unknown',
        isNotNull(failed_at), 'failed',
        isNotNull(skipped_at), 'skipped',
        isNotNull(started_at) AND started_at < now64(3, 'UTC') - toIntervalMinute(1), 'unknown',
        'queued') AS status
FROM message_queue FINAL
WHERE planned;

CREATE VIEW IF NOT EXISTS message_totals AS
SELECT
    campaign,
    count() AS planned,
    countIf(status = 'sent') AS sent,
    countIf(status = 'skipped') AS skipped,
    countIf(status = 'failed') AS failed,
    countIf(status = 'unknown') AS unknown,
    countIf(status = 'queued') AS queued,
    countIf(isNotNull(delivered_at) OR isNotNull(opened_at) OR isNotNull(clicked_at) OR isNotNull(replied_at)) AS delivered,
    countIf(isNotNull(opened_at) OR isNotNull(clicked_at)) AS opened,
    countIf(isNotNull(clicked_at)) AS clicked,
    countIf(isNotNull(replied_at)) AS replied,
    countIf(isNotNull(bounced_at)) AS bounced,
    countIf(isNotNull(complained_at)) AS complained,
    countIf(isNotNull(unsubscribed_at)) AS unsubscribed
FROM message_status
GROUP BY campaign;

CREATE VIEW IF NOT EXISTS campaign_revenue AS
SELECT model, campaign, currency, sum(amount_minor) AS amount_minor, sum(share) AS conversions
FROM attribution_credits FINAL
GROUP BY model, campaign, currency;

-- One row a campaign. Revenue stays apart by model and currency: models share out the same money, currencies do not add.
CREATE VIEW IF NOT EXISTS campaign_performance AS
SELECT campaign, m.* EXCEPT campaign, revenue
FROM message_totals AS m
FULL JOIN
(
    SELECT
        campaign,
        CAST(
            arraySort(groupArray((model, currency, amount_minor, conversions))),
            'Array(Tuple(model String, currency String, amount_minor Int64, conversions Float64))') AS revenue
    FROM campaign_revenue
    GROUP BY campaign
) AS r USING (campaign);
