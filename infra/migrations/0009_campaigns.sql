-- Campaigns: their launches (definitions of kind launch), the messages of each, and who of a frozen audience still waits.

CREATE TABLE IF NOT EXISTS campaign_messages
(
    campaign LowCardinality(String),
    launch String COMMENT 'the launch that released it; of a triggered campaign its own',
    send String,
    contact String,
    variant LowCardinality(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (campaign, launch, send)
COMMENT 'One row a message that a campaign planned or skipped; message_status has what became of it';

CREATE MATERIALIZED VIEW IF NOT EXISTS campaign_messages_from_sends TO campaign_messages AS
SELECT
    campaign,
    if(entry = campaign OR startsWith(entry, concat(campaign, ':')), entry, campaign) AS launch,
    id AS send,
    contact,
    variant
FROM sends
WHERE startsWith(journey, 'campaign:');

CREATE MATERIALIZED VIEW IF NOT EXISTS campaign_messages_from_changes TO campaign_messages AS
SELECT
    campaign,
    if(entry = campaign OR startsWith(entry, concat(campaign, ':')), entry, campaign) AS launch,
    send,
    contact,
    '' AS variant
FROM changes
WHERE kind = 'send_skipped' AND startsWith(journey, 'campaign:');

CREATE VIEW IF NOT EXISTS campaign_launches AS
SELECT
    id AS launch,
    JSONExtractString(body, 'campaign') AS campaign,
    JSONExtractUInt(body, 'version') AS campaign_version,
    if(JSONExtractString(body, 'state') = '', 'running', JSONExtractString(body, 'state')) AS state,
    JSONExtractString(body, 'reason') AS reason,
    JSONExtractUInt(body, 'audience') AS audience,
    JSONExtractUInt(body, 'excluded') AS excluded,
    fromUnixTimestamp64Milli(JSONExtractInt(body, 'as_of'), 'UTC') AS as_of,
    fromUnixTimestamp64Milli(JSONExtractInt(body, 'begins'), 'UTC') AS begins,
    fromUnixTimestamp64Milli(JSONExtractInt(body, 'ends'), 'UTC') AS ends,
    acts,
    since
FROM
(
    SELECT id, argMax(body, version) AS body, max(version) AS acts, argMax(active_from, version) AS since
    FROM definition_versions
    WHERE kind = 'launch'
    GROUP BY id
);

-- Of a launch's audience, who has neither a planned message nor a skipped one.
CREATE VIEW IF NOT EXISTS campaign_waiting AS
SELECT campaign, launch, toUInt64(if(audience > messages, audience - messages, 0)) AS waiting
FROM campaign_launches
LEFT JOIN (SELECT launch, uniqExact(send) AS messages FROM campaign_messages GROUP BY launch) AS m USING (launch);

-- As before, and with those who wait: they are planned, and queued until they are released.
CREATE OR REPLACE VIEW campaign_performance AS
SELECT campaign, m.* EXCEPT campaign, revenue
FROM
(
    SELECT
        campaign,
        planned + waiting AS planned,
        sent,
        skipped,
        failed,
        unknown,
        queued + waiting AS queued,
        delivered,
        opened,
        clicked,
        replied,
        bounced,
        complained,
        unsubscribed
    FROM message_totals AS t
    FULL JOIN (SELECT campaign, sum(waiting) AS waiting FROM campaign_waiting GROUP BY campaign) AS w USING (campaign)
) AS m
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
