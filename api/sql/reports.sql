-- name: campaigns
-- One row a campaign (a journey without one counts under its id): its messages by status, and revenue by model.
SELECT *
FROM campaign_performance
WHERE {campaign:String} = '' OR campaign = {campaign:String}
ORDER BY campaign

-- name: attribution
-- Credits by model and message place. A campaign that is empty is revenue credited to nobody.
SELECT
    model,
    campaign,
    journey,
    node,
    channel,
    currency,
    count() AS credits,
    sum(share) AS conversions,
    sum(amount_minor) AS amount_minor
FROM attribution_credits FINAL
WHERE ({model:String} = '' OR model = {model:String})
    AND at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND at < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
GROUP BY model, campaign, journey, node, channel, currency
ORDER BY model, campaign, journey, node, channel, currency

-- name: funnel
-- How many contacts did the first so many steps in order, all within the window from the first. At most 8 steps.
SELECT step, countIf(reached >= step) AS contacts
FROM
(
    SELECT windowFunnel({window:UInt64})(
        toUInt64(toUnixTimestamp64Milli(at)),
        name = {steps:Array(String)}[1], name = {steps:Array(String)}[2], name = {steps:Array(String)}[3],
        name = {steps:Array(String)}[4], name = {steps:Array(String)}[5], name = {steps:Array(String)}[6],
        name = {steps:Array(String)}[7], name = {steps:Array(String)}[8]) AS reached
    FROM
    (
        SELECT contact, name, at
        FROM events FINAL
        WHERE name IN {steps:Array(String)} AND name != ''
            AND at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND at < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
        LIMIT 1 BY contact, if(id = '', toString(offset), id)
    )
    GROUP BY contact
)
ARRAY JOIN range(1, length({steps:Array(String)}) + 1) AS step
GROUP BY step
ORDER BY step

-- name: journey_nodes
-- Of a journey's runs: how many came to each node, by which edge they left it, and how many wait there now.
SELECT
    node,
    uniqExact(run) AS runs,
    uniqExactIf(run, (run, node) IN
    (
        SELECT run, last.1
        FROM
        (
            SELECT run, argMax((node, waits), (at, offset)) AS last
            FROM journey_steps
            WHERE journey = {journey:String}
                AND run IN (SELECT run FROM journey_executions FINAL WHERE journey = {journey:String} AND isNull(exited_at))
            GROUP BY run
        )
        WHERE last.2
    )) AS waiting,
    sumMapIf(map(toString(branch), toUInt64(1)), branch != '') AS branches
FROM (SELECT DISTINCT run, at, id, node, branch, waits FROM journey_steps WHERE journey = {journey:String})
GROUP BY node
ORDER BY runs DESC, node

-- name: models
-- The metrics of each version of each model, as measured when it was published.
SELECT model, version, active_from, examples, mapFromArrays(groupArray(metric), groupArray(value)) AS metrics
FROM model_performance
WHERE {model:String} = '' OR model = {model:String}
GROUP BY model, version, active_from, examples
ORDER BY model, version DESC
LIMIT {limit:UInt32}

-- name: delivery
-- How each provider did with each domain of recipients, by the day (UTC) on which messages were planned.
SELECT
    channel,
    provider,
    domain,
    sum(attempted) AS attempted,
    sum(accepted) AS accepted,
    sum(refused) AS refused,
    sum(retries) AS retries,
    sum(unknown) AS unknown,
    sum(delivered) AS delivered,
    sum(bounced) AS bounced,
    sum(complained) AS complained,
    sum(opened) AS opened,
    sum(clicked) AS clicked
FROM delivery_rates
WHERE day >= toDate(fromUnixTimestamp64Milli({from:Int64}, 'UTC'))
    AND day < toDate(fromUnixTimestamp64Milli({to:Int64} + 86399999, 'UTC'))
    AND ({provider:String} = '' OR provider = {provider:String})
    AND ({domain:String} = '' OR domain = {domain:String})
GROUP BY channel, provider, domain
ORDER BY attempted DESC, channel, provider, domain
LIMIT {limit:UInt32}
