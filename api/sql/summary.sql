-- name: summary_totals
-- Facts (no ticks and the like), contacts, and what could not be read.
SELECT
    (
        SELECT count() FROM events FINAL
        WHERE type NOT IN (
            '', 'tick', 'hydrate', 'enter', 'address_held', 'address_shared', 'address_claimed', 'address_answered',
            'account_said', 'account_traits', 'merge_claimed', 'merged', 'link_followed'
        )
    ) AS events,
    (SELECT uniqExact(contact) FROM contacts) AS contacts,
    (SELECT uniqExact(id) FROM dead_letters WHERE source != 'replayed') AS dead_letters

-- name: summary_segments
-- Every defined segment with its members.
SELECT id, toUInt64(members) AS members
FROM marketing_segments
LEFT JOIN (SELECT segment AS id, count() AS members FROM segment_memberships GROUP BY segment) AS m USING (id)
ORDER BY id

-- name: summary_journeys
-- Every journey that is defined or had a run. `exited` counts all runs that ended, `completed` those at an exit node.
SELECT id, toUInt64(entered) AS entered, toUInt64(active) AS active, toUInt64(completed) AS completed, toUInt64(exited) AS exited
FROM (SELECT id FROM journeys UNION DISTINCT SELECT toString(journey) FROM journey_executions) AS j
LEFT JOIN
(
    SELECT
        toString(journey) AS id,
        countIf(isNotNull(entered_at)) AS entered,
        countIf(isNull(exited_at)) AS active,
        countIf(journey_executions.completed) AS completed,
        countIf(isNotNull(exited_at)) AS exited
    FROM journey_executions FINAL
    GROUP BY journey
) AS r USING (id)
ORDER BY id

-- name: summary_messages
-- All planned messages by status (rule 7), and what people did with them.
SELECT
    sum(planned) AS planned,
    sum(sent) AS sent,
    sum(skipped) AS skipped,
    sum(failed) AS failed,
    sum(unknown) AS unknown,
    sum(queued) AS queued,
    sum(delivered) AS delivered,
    sum(opened) AS opened,
    sum(clicked) AS clicked
FROM message_totals

-- name: summary_revenue
-- Revenue by campaign under one model: the one called default, else last_touch, else the first by name.
SELECT campaign, currency, amount_minor
FROM campaign_revenue
WHERE model IN
(
    SELECT model FROM attribution_credits GROUP BY model
    ORDER BY model != 'default', model != 'last_touch', model LIMIT 1
)
ORDER BY campaign, currency
