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

-- As before, and how many of them a campaign's own launches and trigger have released.
CREATE OR REPLACE VIEW message_totals AS
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
    countIf(isNotNull(unsubscribed_at)) AS unsubscribed,
    countIf(startsWith(journey, 'campaign:')) AS released
FROM message_status
GROUP BY campaign;

-- As before, and with those who wait: they are planned, and queued until they are released. Who waits is counted by the
-- messages of the same look, so that the sums hold and the total is the audience while rows come in.
CREATE OR REPLACE VIEW campaign_performance AS
SELECT campaign, m.* EXCEPT campaign, revenue
FROM
(
    SELECT
        campaign,
        toUInt64(if(audience > released, audience - released, 0)) AS waiting,
        t.planned + waiting AS planned,
        sent,
        skipped,
        failed,
        unknown,
        t.queued + waiting AS queued,
        delivered,
        opened,
        clicked,
        replied,
        bounced,
        complained,
        unsubscribed
    FROM message_totals AS t
    FULL JOIN (SELECT campaign, sum(audience) AS audience FROM campaign_launches GROUP BY campaign) AS a USING (campaign)
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
