-- When marketing may go, as the specification names it; and how each provider and domain of recipients does.

CREATE VIEW IF NOT EXISTS frequency_caps AS
SELECT
    * EXCEPT kind,
    JSONExtractString(body, 'channel') AS channel,
    JSONExtractString(body, 'topic') AS topic,
    JSONExtractString(body, 'campaign') AS campaign,
    JSONExtractString(body, 'per') AS per,
    JSONExtractUInt(body, 'max') AS max,
    JSONExtractString(body, 'within') AS within
FROM definitions_current
WHERE kind = 'frequency_cap';

CREATE VIEW IF NOT EXISTS quiet_hours AS SELECT * EXCEPT kind FROM definitions_current WHERE kind = 'quiet_hours';

-- Each message once for each provider that it was given to. What the provider or the recipient answered counts for the
-- provider that the answer names.
CREATE VIEW IF NOT EXISTS delivery_rates AS
SELECT
    toDate(s.at) AS day,
    s.channel AS channel,
    l.provider AS provider,
    if(position(s.address, '@') > 0, lower(substring(s.address, position(s.address, '@') + 1)), '') AS domain,
    uniqExactIf(l.send, l.status = 'started') AS attempted,
    uniqExactIf(l.send, l.status IN ('accepted', 'sent')) AS accepted,
    uniqExactIf(l.send, l.status IN ('refused', 'failed')) AS refused,
    countIf(l.status = 'retry') AS retries,
    uniqExactIf(l.send, l.status = 'unknown') AS unknown,
    uniqExactIf(l.send, l.status = 'delivered') AS delivered,
    uniqExactIf(l.send, l.status = 'bounced') AS bounced,
    uniqExactIf(l.send, l.status = 'complained') AS complained,
    uniqExactIf(l.send, l.status IN ('opened', 'clicked') AND NOT l.machine) AS opened,
    uniqExactIf(l.send, l.status = 'clicked' AND NOT l.machine) AS clicked
FROM (SELECT * FROM delivery_logs FINAL WHERE provider != '') AS l
INNER JOIN (SELECT id, contact, at, channel, address FROM sends FINAL) AS s ON l.send = s.id
GROUP BY day, channel, provider, domain;
