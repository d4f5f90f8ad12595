-- Members of segments as they once were: the definitions of kind snapshot, which name immutable files.

CREATE VIEW IF NOT EXISTS segment_snapshots AS
SELECT
    id,
    name,
    JSONExtractString(body, 'segment') AS segment,
    JSONExtractUInt(body, 'version') AS version,
    parseDateTime64BestEffort(JSONExtractString(body, 'at'), 3, 'UTC') AS at,
    JSONExtractUInt(body, 'members') AS members,
    JSONExtractString(body, 'file') AS file,
    active_from,
    published_by
FROM definitions_current
WHERE kind = 'snapshot';
