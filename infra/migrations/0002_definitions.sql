-- Topic definitions: every act, and as views what each kind calls its tables. The first record of a version wins.

CREATE TABLE IF NOT EXISTS definitions
(
    offset UInt64,
    logged_at DateTime64(3, 'UTC'),
    kind LowCardinality(String),
    id String,
    op LowCardinality(String) COMMENT 'publish, warm (published, and not current before its switch), switch, rollback or delete',
    version UInt32,
    by String,
    body String COMMENT 'JSON'
)
ENGINE = ReplacingMergeTree
ORDER BY (kind, id, offset);

CREATE VIEW IF NOT EXISTS audit_logs AS
SELECT logged_at AS at, by AS actor, op AS action, kind, id, version
FROM definitions FINAL;

CREATE VIEW IF NOT EXISTS definition_versions AS
SELECT
    kind,
    id,
    version,
    min(offset) AS published_offset,
    argMin(logged_at, offset) + toIntervalSecond(1) AS active_from,
    argMin(by, offset) AS published_by,
    argMin(body, offset) AS body
FROM definitions
WHERE op IN ('publish', 'warm')
GROUP BY kind, id, version;

-- What was said last and was not void: a version that was taken, or a rollback to one that never was, changes nothing.
CREATE VIEW IF NOT EXISTS definitions_current AS
SELECT kind, id, version, JSONExtractString(body, 'name') AS name, active_from, published_by, body
FROM definition_versions
WHERE (kind, id, version) IN
(
    SELECT kind, id, version
    FROM
    (
        SELECT d.kind AS kind, d.id AS id, argMax(d.version, d.offset) AS version, argMax(d.op, d.offset) AS last_op
        FROM definitions AS d
        LEFT JOIN definition_versions AS v ON d.kind = v.kind AND d.id = v.id AND d.version = v.version
        WHERE d.op = 'delete'
            OR (d.op = 'publish' AND d.offset = v.published_offset)
            OR (d.op IN ('rollback', 'switch') AND v.version > 0 AND v.published_offset < d.offset)
        GROUP BY kind, id
    )
    WHERE last_op != 'delete'
);

CREATE VIEW IF NOT EXISTS marketing_segments AS SELECT * EXCEPT kind FROM definitions_current WHERE kind = 'segment';
CREATE VIEW IF NOT EXISTS campaigns AS SELECT * EXCEPT kind FROM definitions_current WHERE kind = 'campaign';
CREATE VIEW IF NOT EXISTS journeys AS SELECT * EXCEPT kind FROM definitions_current WHERE kind = 'journey';
CREATE VIEW IF NOT EXISTS journey_versions AS SELECT * EXCEPT kind FROM definition_versions WHERE kind = 'journey';
CREATE VIEW IF NOT EXISTS email_templates AS SELECT * EXCEPT kind FROM definitions_current WHERE kind = 'email_template';
CREATE VIEW IF NOT EXISTS sms_templates AS SELECT * EXCEPT kind FROM definitions_current WHERE kind = 'sms_template';
CREATE VIEW IF NOT EXISTS template_versions AS SELECT * FROM definition_versions WHERE endsWith(kind, '_template');
CREATE VIEW IF NOT EXISTS channel_providers AS SELECT * EXCEPT kind FROM definitions_current WHERE kind = 'provider';
CREATE VIEW IF NOT EXISTS attribution_models AS SELECT * EXCEPT kind FROM definitions_current WHERE kind = 'attribution_model';
CREATE VIEW IF NOT EXISTS ml_models AS SELECT * EXCEPT kind FROM definitions_current WHERE kind = 'model';

CREATE VIEW IF NOT EXISTS model_performance AS
SELECT
    id AS model,
    version,
    active_from,
    JSONExtractUInt(body, 'trained_on', 'examples') AS examples,
    measured.1 AS metric,
    measured.2 AS value
FROM definition_versions
ARRAY JOIN JSONExtractKeysAndValues(body, 'metrics', 'Float64') AS measured
WHERE kind = 'model';

CREATE TABLE IF NOT EXISTS segment_leaves
(
    offset UInt64 COMMENT 'of the record that published the version',
    segment String,
    version UInt32,
    path String COMMENT 'where the leaf stands in the definition, as in where.and.0',
    leaf String COMMENT 'JSON'
)
ENGINE = ReplacingMergeTree
ORDER BY (segment, version, offset, path);

CREATE VIEW IF NOT EXISTS segment_conditions AS
SELECT segment, version, path, leaf
FROM segment_leaves FINAL
WHERE (segment, version, offset) IN (SELECT id, version, published_offset FROM definition_versions WHERE kind = 'segment');
