-- name: message
-- One message with its status; no row for a send id that nobody planned.
SELECT * FROM message_status WHERE send = {send:String}

-- name: message_planned
-- What was planned: the send request with the data for its template. Skipped messages have none.
SELECT * FROM sends FINAL WHERE contact = {contact:String} AND id = {send:String} LIMIT 1

-- name: message_skip
-- What the fold said where it skipped the message.
SELECT channel, topic, reason, JSONExtractString(value, 'holder') AS holder FROM changes FINAL
WHERE contact = {contact:String} AND kind = 'send_skipped' AND send = {send:String}
LIMIT 1

-- name: message_log
-- Everything that was said of a message afterwards, the oldest first.
SELECT at, source, status, number, channel, provider, provider_id, reason, url, machine
FROM delivery_logs FINAL
WHERE send = {send:String}
ORDER BY logged_at, id

-- name: messages_counted
-- The marketing messages that caps could count when one was planned at `at`: those that neither were skipped nor had
-- failed by then. Of others at this very instant those were `before` a message that was planned too that are not it.
SELECT toUnixTimestamp64Milli(s.at) AS at, s.id AS send, s.channel AS channel, s.topic AS topic,
    if(s.campaign = '', s.journey, s.campaign) AS campaign
FROM (SELECT * FROM sends FINAL WHERE contact = {contact:String}) AS s
LEFT JOIN
(
    SELECT send, failed_at, skipped_at
    FROM message_queue FINAL
    WHERE send IN (SELECT id FROM sends WHERE contact = {contact:String})
) AS q ON q.send = s.id
WHERE s.id != {send:String} AND s.message_class = 'marketing'
    AND (toUnixTimestamp64Milli(s.at) < {at:Int64} OR (s.at = fromUnixTimestamp64Milli({at:Int64}) AND NOT {before:Bool}))
    AND ifNull(toUnixTimestamp64Milli(coalesce(q.failed_at, q.skipped_at)), {at:Int64}) >= {at:Int64}
ORDER BY at, send

-- name: message_credits
-- The conversions credited to a message.
SELECT at, model, version, conversion, event, amount_minor, currency, share
FROM changes FINAL
WHERE contact = {contact:String} AND kind = 'credit' AND send = {send:String}
ORDER BY at, id
