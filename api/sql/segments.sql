-- name: segment_count
-- One row for a segment that is defined or was ever entered; none for another.
SELECT
    {segment:String} AS segment,
    (SELECT count() FROM segment_memberships WHERE segment = {segment:String}) AS members
WHERE (SELECT count() FROM segment_flips_last WHERE segment = {segment:String}) > 0
    OR (SELECT count() FROM definitions WHERE kind = 'segment' AND id = {segment:String}) > 0

-- name: segment_everyone
-- All members, in the order of their ids.
SELECT contact, since, version
FROM segment_memberships
WHERE segment = {segment:String}
ORDER BY contact

-- name: segment_members
-- The members after a contact id, in the order of their ids.
SELECT contact, since, version
FROM segment_memberships
WHERE segment = {segment:String} AND contact > {after:String}
ORDER BY contact
LIMIT {limit:UInt32}

-- name: segment_history
-- Flips by interval, oldest first, with the members at the interval's end. Instants of the interval are inclusive.
SELECT at, entered, left, members
FROM
(
    SELECT
        bucket AS at,
        flips.1 AS entered,
        flips.2 AS left,
        sum(toInt64(entered) - toInt64(left)) OVER (ORDER BY bucket) AS members
    FROM
    (
        SELECT
            toDateTime64(toStartOfInterval(at, toIntervalSecond({step:UInt32})), 3, 'UTC') AS bucket,
            (countIf(entered), countIf(NOT entered)) AS flips
        FROM segment_membership_changes FINAL
        WHERE segment = {segment:String}
        GROUP BY bucket
    )
)
WHERE at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND at <= fromUnixTimestamp64Milli({to:Int64}, 'UTC')
ORDER BY at
LIMIT {limit:UInt32}

-- name: merged_into
-- The ids that became a part of some contacts, one step back.
SELECT DISTINCT JSONExtractString(properties, 'source') AS source
FROM events
WHERE contact IN {contacts:Array(String)} AND type = 'merged'

-- name: contact_records
-- The raw records of some contacts that were logged up to an instant, in the log's order.
SELECT contact, offset, toUnixTimestamp64Milli(logged_at) AS logged_at, raw
FROM events FINAL
WHERE contact IN {contacts:Array(String)}
    AND events.logged_at <= fromUnixTimestamp64Milli({at:Int64}, 'UTC')
    AND type != ''
ORDER BY events.logged_at, partition, offset

-- name: recorded_membership
-- The last flip of a contact and a segment up to an instant; no row where it never flipped.
SELECT kind = 'segment_entered' AS member, at AS since, version
FROM changes
WHERE contact = {contact:String}
    AND segment = {segment:String}
    AND kind IN ('segment_entered', 'segment_left')
    AND changes.at <= fromUnixTimestamp64Milli({at:Int64}, 'UTC')
ORDER BY changes.at DESC, offset DESC
LIMIT 1

-- name: contacts_seen
-- When these contacts were first and last seen.
SELECT contact, min(first_seen) AS first_seen, max(last_seen) AS last_seen
FROM contacts
WHERE contact IN {contacts:Array(String)}
GROUP BY contact
ORDER BY contact

-- name: segment_mismatches
-- How many events of a name held something else than a number at a path of their properties, and the last of them.
SELECT
    count() AS events,
    argMax(held, place) AS value,
    argMax(id, place) AS last_event,
    argMax(contact, place) AS contact,
    max(logged_at) AS at
FROM
(
    SELECT
        id,
        contact,
        logged_at,
        (logged_at, partition, offset) AS place,
        arrayFold((inner, key) -> JSONExtractRaw(inner, key), {path:Array(String)}, properties) AS held
    FROM events FINAL
    WHERE if({begins:UInt8} = 1, startsWith(name, {event:String}), name = {event:String})
        AND logged_at >= fromUnixTimestamp64Milli({since:Int64}, 'UTC')
)
WHERE held NOT IN ('', 'null') AND NOT match(held, '^-?[0-9]')
