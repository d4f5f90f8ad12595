-- name: journey_versions
-- Of a journey's runs that entered in a span: how many entered, last, and ended for which reason, a row a version: the
-- one that was entered, wherever migrations have moved them since.
SELECT
    if(first_version = 0, version, first_version) AS version,
    count() AS entered,
    countIf(isNull(exited_at)) AS active,
    countIf(completed) AS completed,
    sumMapIf(map(exit_reason, toUInt64(1)), isNotNull(exited_at)) AS exited
FROM
(
    SELECT run, version, exited_at, completed, exit_reason
    FROM journey_executions FINAL
    WHERE journey = {journey:String}
        AND entered_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
        AND entered_at < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
) AS runs
LEFT JOIN
(
    SELECT run, argMin(from_version, (at, offset)) AS first_version
    FROM journey_moves
    WHERE journey = {journey:String}
    GROUP BY run
) AS moves USING (run)
GROUP BY version
ORDER BY version

-- name: journey_version_running
-- Of the same runs those that last, a row a version: the one that they are on now.
SELECT if(last_version = 0, version, last_version) AS version, count() AS running
FROM
(
    SELECT run, version
    FROM journey_executions FINAL
    WHERE journey = {journey:String} AND isNull(exited_at)
        AND entered_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
        AND entered_at < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
) AS runs
LEFT JOIN
(
    SELECT run, argMax(to_version, (at, offset)) AS last_version
    FROM journey_moves
    WHERE journey = {journey:String}
    GROUP BY run
) AS moves USING (run)
GROUP BY version
ORDER BY version

-- name: journey_moved
-- Runs that migrations moved in a span: from which node of which version to which, a row each.
SELECT migration, min(moves.at) AS at, from_version, to_version, from_node, to_node, uniqExact(run) AS runs
FROM journey_moves AS moves FINAL
WHERE journey = {journey:String}
    AND moves.at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
    AND moves.at < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
GROUP BY migration, from_version, to_version, from_node, to_node
ORDER BY at, migration, from_node, to_node

-- name: journey_version_nodes
-- Of the same runs: how many came to each node, rest there now, left by which edge, and ended there for which reason.
WITH runs AS
(
    SELECT run, if(first_version = 0, version, first_version) AS version, exited_at, exit_node, exit_reason
    FROM
    (
        SELECT run, version, exited_at, exit_node, exit_reason
        FROM journey_executions FINAL
        WHERE journey = {journey:String}
            AND entered_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
            AND entered_at < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
    ) AS entries
    LEFT JOIN
    (
        SELECT run, argMin(from_version, (at, offset)) AS first_version
        FROM journey_moves
        WHERE journey = {journey:String}
        GROUP BY run
    ) AS moves USING (run)
),
steps AS
(
    SELECT run, node, branch, waits, at, offset
    FROM journey_steps FINAL
    WHERE journey = {journey:String} AND run IN (SELECT run FROM runs)
),
places AS
(
    SELECT run, argMax((node, waits), (at, offset)) AS last
    FROM steps
    GROUP BY run
)
SELECT
    version,
    node,
    uniqExact(run) AS runs,
    uniqExactIf(run, isNull(exited_at) AND last.1 = node AND last.2) AS waiting,
    sumMapIf(map(toString(branch), toUInt64(1)), branch != '') AS branches,
    sumMapIf(map(exit_reason, toUInt64(1)), ends) AS exited
FROM
(
    SELECT
        steps.run AS run, node, branch, runs.version AS version, exited_at, exit_reason, last,
        isNotNull(exited_at) AND exit_node = node
            AND row_number() OVER (PARTITION BY run, node ORDER BY at, offset) = 1 AS ends
    FROM steps
    INNER JOIN runs ON runs.run = steps.run
    INNER JOIN places ON places.run = steps.run
)
GROUP BY version, node
ORDER BY version, runs DESC, node

-- name: journey_refused
-- Entries that were refused in a span, by reason.
SELECT reason, count() AS entries
FROM journey_conversions FINAL
WHERE journey = {journey:String} AND kind IN ('held', 'refused')
    AND at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND at < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
GROUP BY reason
ORDER BY reason

-- name: journey_conversion
-- Contacts by what became of their first entry, from the first one that was held out on: whether it was let in, how many
-- are watched to the end of the window, and how many of them, and of all, reached the goal within it.
WITH
    firsts AS
    (
        SELECT
            contact,
            toUnixTimestamp64Milli(min(at)) AS began,
            argMin(kind, (at, offset)) = 'held' AS is_held
        FROM journey_conversions
        WHERE journey = {journey:String} AND kind IN ('entered', 'held')
        GROUP BY contact
    ),
    goals AS
    (
        SELECT contact, toUnixTimestamp64Milli(at) AS reached
        FROM journey_conversions
        WHERE journey = {journey:String} AND kind = 'converted'
    )
SELECT
    is_held,
    count() AS contacts,
    countIf(converted) AS so_far,
    countIf(is_watched) AS watched,
    countIf(is_watched AND converted) AS converted_watched,
    min(began) AS since
FROM
(
    SELECT
        firsts.contact AS contact,
        any(firsts.is_held) AS is_held,
        any(firsts.began) AS began,
        any(firsts.began) + {window:Int64} <= {at:Int64} AS is_watched,
        max(reached >= firsts.began AND reached < firsts.began + {window:Int64}) AS converted
    FROM firsts
    LEFT JOIN goals ON goals.contact = firsts.contact
    WHERE firsts.began >= greatest({from:Int64}, (SELECT min(began) FROM firsts WHERE is_held))
        AND firsts.began < {to:Int64}
    GROUP BY contact
)
GROUP BY is_held

-- name: contact_steps
-- The ids of the steps that were recorded of a contact's runs of a journey, up to an instant.
SELECT DISTINCT id
FROM changes
WHERE contact = {contact:String} AND journey = {journey:String} AND kind = 'journey_step'
    AND changes.at <= fromUnixTimestamp64Milli({at:Int64}, 'UTC')
