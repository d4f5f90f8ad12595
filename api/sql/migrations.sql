-- name: runs_in_flight
-- The runs of one version that rest now, where, and, of those that a migration moved and that rest where it put them,
-- the node they came from. With `moved_by` only the runs that this migration moved.
SELECT contact, run, entry, place.1 AS node, if(moved.2 = node AND moved.3 = last_at, moved.1, '') AS returns_to
FROM
(
    SELECT run, any(journey_steps.contact) AS contact, argMax((node, version, waits), (at, offset)) AS place, max(at) AS last_at
    FROM journey_steps
    WHERE journey = {journey:String}
    GROUP BY run
) AS steps
LEFT JOIN
(
    SELECT run, argMax((from_node, to_node, at), (at, offset)) AS moved
    FROM journey_moves
    WHERE journey = {journey:String} AND migration = {moved_by:String}
    GROUP BY run
) AS moves USING (run)
LEFT JOIN
(
    SELECT run, max(entry) AS entry, max(exited_at) AS ended_at
    FROM journey_executions
    WHERE journey = {journey:String}
    GROUP BY run
) AS executions USING (run)
WHERE place.2 = {version:UInt32} AND place.3 AND isNull(ended_at) AND ({moved_by:String} = '' OR moved.2 != '')
ORDER BY contact, run
