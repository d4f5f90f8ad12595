-- name: contacts
-- Contacts after an id, whose ids begin with a prefix, in the order of their ids.
SELECT contact, min(first_seen) AS first_seen, max(last_seen) AS last_seen
FROM contacts
WHERE contact > {after:String} AND startsWith(contact, {prefix:String})
GROUP BY contact
ORDER BY contact
LIMIT {limit:UInt32}

-- name: contact
-- One row for a contact that is known; none for another.
SELECT contact, min(first_seen) AS first_seen, max(last_seen) AS last_seen
FROM contacts
WHERE contact = {contact:String}
GROUP BY contact

-- name: profile_events
-- The records that make profile and consent of some contacts, in the log's order.
SELECT contact, partition, offset, toUnixTimestamp64Milli(logged_at) AS logged_at, raw
FROM events FINAL
WHERE contact IN {contacts:Array(String)}
    AND type IN ('identify', 'group', 'alias', 'account_traits', 'merge_claimed', 'merged', 'consent_changed', 'address_suppressed')
ORDER BY contact, partition, offset

-- name: consent_said
-- Everything that was said of a contact's consent, the latest first.
SELECT at, channel, topic, status, source, text_version, proof
FROM consent_records FINAL
WHERE contact = {contact:String}
ORDER BY at DESC, logged_at DESC, id

-- name: contact_segments
-- The segments that a contact is in.
SELECT segment, since, version
FROM
(
    SELECT
        segment,
        argMax(kind, (at, offset)) AS last_kind,
        argMax(version, (at, offset)) AS version,
        max(at) AS since
    FROM changes
    WHERE contact = {contact:String} AND kind IN ('segment_entered', 'segment_left')
    GROUP BY segment
)
WHERE last_kind = 'segment_entered'
ORDER BY segment

-- name: contact_scores
-- The last score of each model. A score that fell below the model's minimum of data is none.
SELECT model, last.1 AS score, last.2 AS version, last.3 AS at
FROM
(
    SELECT model, argMax((score, version, at), (at, offset)) AS last
    FROM predictions
    WHERE contact = {contact:String}
    GROUP BY model
)
WHERE isNotNull(last.1)
ORDER BY model

-- name: contact_runs
-- The runs of a contact, the latest first; `node` is where the run was last seen.
SELECT
    journey,
    run,
    argMax(version, (at, offset)) AS version,
    max(entry) AS entry,
    argMax(node, (at, offset)) AS node,
    min(at) AS entered_at,
    maxIf(toNullable(at), kind = 'journey_exited') AS exited_at,
    maxIf(reason, kind = 'journey_exited') AS exit_reason
FROM changes
WHERE contact = {contact:String} AND kind IN ('journey_entered', 'journey_step', 'journey_exited')
GROUP BY journey, run
ORDER BY entered_at DESC, run
LIMIT {limit:UInt32}

-- name: timeline
-- Everything about a contact, the latest first: its events, what the fold concluded, messages and attempts. Of events
-- with one id the first in the log. Begins below (at, place): what has one `at` stands in the order of cause and log.
SELECT at, source, kind, id, detail, place
FROM
(
    SELECT at, source, kind, id, detail, place
    FROM
    (
        SELECT
            at,
            'event' AS source,
            name AS kind,
            if(id = '', concat(toString(partition), ':', toString(offset)), events.id) AS id,
            if(type IN ('identify', 'group'), traits, properties) AS detail,
            concat('0', leftPad(toString(offset), 20, '0'), id) AS place
        FROM events FINAL
        WHERE contact = {contact:String}
            AND type NOT IN (
                'tick', 'hydrate', 'address_held', 'address_shared', 'address_claimed', 'address_answered',
                'account_said', 'account_traits', 'merge_claimed', 'merged', 'link_followed'
            )
        ORDER BY logged_at, offset
        LIMIT 1 BY id
    )
    UNION ALL
    SELECT
        at,
        'change' AS source,
        toString(kind) AS kind,
        id,
        toJSONString(mapFilter((k, v) -> v NOT IN ('', '0'), map(
            'segment', segment, 'journey', toString(journey), 'version', toString(version), 'run', run, 'entry', entry,
            'node', toString(node), 'branch', toString(branch), 'reason', reason, 'send', send,
            'campaign', toString(campaign), 'channel', toString(channel), 'topic', toString(topic),
            'touch', toString(touch), 'conversion', conversion, 'event', event, 'model', toString(model),
            'amount_minor', toString(amount_minor), 'currency', toString(currency), 'share', toString(share),
            'holdout', toString(holdout), 'value', value))) AS detail,
        concat('1', leftPad(toString(offset), 20, '0'), id) AS place
    FROM changes FINAL
    WHERE contact = {contact:String}
    UNION ALL
    SELECT
        at,
        'send' AS source,
        'planned' AS kind,
        id,
        toJSONString(map(
            'channel', toString(channel), 'template', toString(template), 'campaign', toString(campaign),
            'journey', toString(journey), 'node', toString(node), 'topic', toString(topic))) AS detail,
        concat('2', id) AS place
    FROM sends FINAL
    WHERE contact = {contact:String}
    UNION ALL
    SELECT
        at,
        'attempt' AS source,
        toString(status) AS kind,
        concat(send, ':', id) AS id,
        toJSONString(map('send', send, 'number', toString(number), 'provider', toString(provider), 'reason', reason)) AS detail,
        concat('3', leftPad(toString(number), 20, '0'), if(status = 'started', '0', '1'), id) AS place
    FROM delivery_logs FINAL
    WHERE send IN (SELECT id FROM sends WHERE contact = {contact:String}) AND delivery_logs.source = 'attempt'
)
WHERE (toUnixTimestamp64Milli(at), place) < ({before:Int64}, {before_place:String})
ORDER BY toUnixTimestamp64Milli(at) DESC, place DESC
LIMIT {limit:UInt32}

-- name: profile_definitions
-- The acts on those definitions that profile and consent are folded with, in the log's order.
SELECT offset, toUnixTimestamp64Milli(logged_at) AS logged_at, kind, id, op, version, body
FROM definitions FINAL
WHERE kind IN ('topic', 'workspace', 'holdout', 'frequency_cap', 'quiet_hours')
ORDER BY offset
