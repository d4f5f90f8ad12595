-- name: segment_count
-- One row for a segment that is defined or was ever entered; none for another.
SELECT
    {segment:String} AS segment,
    (SELECT count() FROM segment_memberships WHERE segment = {segment:String}) AS members
WHERE (SELECT count() FROM segment_flips_last WHERE segment = {segment:String}) > 0
    OR (SELECT count() FROM definitions WHERE kind = 'segment' AND id = {segment:String}) > 0

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
