-- name: message
-- One message with its status; no row for a send id that nobody planned.
SELECT * FROM message_status WHERE send = {send:String}

-- name: message_planned
-- What was planned: the send request with the data for its template. Skipped messages have none.
SELECT * FROM sends FINAL WHERE contact = {contact:String} AND id = {send:String} LIMIT 1

-- name: message_skip
-- What the fold said where it skipped the message.
SELECT channel, topic, reason FROM changes FINAL
WHERE contact = {contact:String} AND kind = 'send_skipped' AND send = {send:String}
LIMIT 1

-- name: message_log
-- Everything that was said of a message afterwards, the oldest first.
SELECT at, source, status, number, channel, provider, provider_id, reason, url, machine
FROM delivery_logs FINAL
WHERE send = {send:String}
ORDER BY logged_at, id

-- name: message_credits
-- The conversions credited to a message.
SELECT at, model, version, conversion, event, amount_minor, currency, share
FROM changes FINAL
WHERE contact = {contact:String} AND kind = 'credit' AND send = {send:String}
ORDER BY at, id
