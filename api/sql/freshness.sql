-- name: progress
-- How far the warehouse has read, a row a partition. Reads one small table.
SELECT
    topic,
    partition,
    max(next_offset) AS next_offset,
    toUnixTimestamp64Milli(max(complete_until)) AS complete_until
FROM warehouse_progress
GROUP BY topic, partition
