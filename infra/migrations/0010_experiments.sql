-- Universal holdouts: who was held out when, and by which salt.

ALTER TABLE changes ADD COLUMN IF NOT EXISTS holdout LowCardinality(String) COMMENT 'the universal holdout that held the contact out';

CREATE TABLE IF NOT EXISTS holdout_changes
(
    holdout LowCardinality(String),
    contact String,
    at DateTime64(3, 'UTC'),
    id String,
    entered Bool,
    salt String,
    historical Bool
)
ENGINE = ReplacingMergeTree
ORDER BY (holdout, contact, at, id)
COMMENT 'The history of the holdouts';

CREATE MATERIALIZED VIEW IF NOT EXISTS holdout_changes_from_changes TO holdout_changes AS
SELECT holdout, contact, at, id, kind = 'holdout_entered' AS entered, JSONExtractString(value) AS salt, historical
FROM changes
WHERE kind IN ('holdout_entered', 'holdout_left');

CREATE VIEW IF NOT EXISTS holdout_members AS
SELECT holdout, contact, last.3 AS since, last.2 AS salt
FROM
(
    SELECT holdout, contact, argMax((entered, salt, at), (at, entered)) AS last
    FROM holdout_changes FINAL
    GROUP BY holdout, contact
)
WHERE last.1;

CREATE VIEW IF NOT EXISTS holdouts AS SELECT * EXCEPT kind FROM definitions_current WHERE kind = 'holdout';
CREATE VIEW IF NOT EXISTS experiments AS SELECT * EXCEPT kind FROM definitions_current WHERE kind = 'experiment';

CREATE TABLE IF NOT EXISTS journey_conversions
(
    journey LowCardinality(String),
    contact String,
    at DateTime64(3, 'UTC'),
    id String,
    offset UInt64,
    run String,
    kind LowCardinality(String) COMMENT 'entered; held: a holdout refused the entry; refused: another rule did; converted: the goal was reached',
    reason LowCardinality(String) COMMENT 'why an entry was refused',
    version UInt32,
    holdout LowCardinality(String) COMMENT 'the universal holdout; empty for the journey''s own'
)
ENGINE = ReplacingMergeTree
ORDER BY (journey, contact, at, id)
COMMENT 'Who entered, who was held out or refused, and who reached the goal';

CREATE MATERIALIZED VIEW IF NOT EXISTS journey_conversions_from_changes TO journey_conversions AS
SELECT
    journey,
    contact,
    at,
    id,
    offset,
    run,
    multiIf(
        changes.kind = 'journey_entered', 'entered',
        changes.kind != 'journey_refused', 'converted',
        changes.reason = 'holdout', 'held',
        'refused') AS kind,
    if(changes.kind = 'journey_refused', changes.reason, '') AS reason,
    version,
    holdout
FROM changes
WHERE changes.kind IN ('journey_entered', 'journey_converted', 'journey_refused')
    OR (changes.kind = 'journey_exited' AND changes.reason = 'goal');
