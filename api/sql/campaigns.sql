-- name: campaign_totals
-- The messages of campaigns by status, those who wait among the planned and queued: planned is always the sum.
SELECT campaign, planned, sent, skipped, failed, unknown, queued, delivered, opened, clicked, bounced, complained, unsubscribed
FROM campaign_performance
WHERE campaign IN {campaigns:Array(String)}

-- name: campaign_launch_totals
-- The same by launch, without those who wait.
SELECT
    launch,
    count() AS planned,
    countIf(status = 'sent') AS sent,
    countIf(status = 'skipped') AS skipped,
    countIf(status = 'failed') AS failed,
    countIf(status = 'unknown') AS unknown,
    countIf(status = 'queued') AS queued
FROM (SELECT DISTINCT launch, send FROM campaign_messages WHERE campaign = {campaign:String}) AS m
INNER JOIN message_status AS s ON s.send = m.send
GROUP BY launch

-- name: campaign_skips
-- Why messages did not go, or were refused.
SELECT reason, count() AS messages
FROM message_status
WHERE campaign = {campaign:String} AND status IN ('skipped', 'failed')
GROUP BY reason
ORDER BY messages DESC, reason
LIMIT 50

-- name: campaign_outcomes
-- What became of a campaign's messages that were planned from an instant on: those that have ended, and went wrong.
SELECT
    countIf(status IN ('sent', 'failed', 'unknown')) AS ended,
    countIf(status IN ('failed', 'unknown') OR isNotNull(bounced_at)) AS errors,
    countIf(isNotNull(complained_at)) AS complaints
FROM message_status
WHERE campaign = {campaign:String} AND planned_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
