-- accounts
CREATE VIEW default.accounts (`account` String, `first_seen` DateTime64(3, 'UTC'), `last_seen` DateTime64(3, 'UTC'), `contacts` UInt64, `last_traits` String) AS SELECT group_id AS account, min(at) AS first_seen, max(at) AS last_seen, uniqExactIf(contact, type = 'group') AS contacts, argMax(traits, (at, logged_at, offset)) AS last_traits FROM default.events WHERE (type = 'group') AND (group_id != '') GROUP BY account;

-- attribution_credits
CREATE TABLE default.attribution_credits (`model` LowCardinality(String), `campaign` LowCardinality(String) COMMENT 'empty: credited to nobody, so that totals add up', `id` String, `version` UInt32, `at` DateTime64(3, 'UTC'), `contact` String, `conversion` String COMMENT 'the event\'s id', `event` LowCardinality(String), `send` String, `journey` LowCardinality(String), `node` LowCardinality(String), `channel` LowCardinality(String), `amount_minor` Int64, `currency` LowCardinality(String), `share` Float64, `historical` Bool) ENGINE = ReplacingMergeTree ORDER BY (model, campaign, id) SETTINGS index_granularity = 8192;

-- attribution_credits_from_changes
CREATE MATERIALIZED VIEW default.attribution_credits_from_changes TO default.attribution_credits (`model` LowCardinality(String), `campaign` String, `id` String, `version` UInt32, `at` DateTime64(3, 'UTC'), `contact` String, `conversion` String, `event` String, `send` String, `journey` LowCardinality(String), `node` LowCardinality(String), `channel` LowCardinality(String), `amount_minor` Int64, `currency` LowCardinality(String), `share` Float64, `historical` Bool) AS SELECT model, if(campaign = '', journey, campaign) AS campaign, id, version, at, contact, conversion, event, send, journey, node, channel, amount_minor, currency, share, historical FROM default.changes WHERE kind = 'credit';

-- attribution_models
CREATE VIEW default.attribution_models (`id` String, `version` UInt32, `name` String, `active_from` DateTime64(3, 'UTC'), `published_by` String, `body` String) AS SELECT * EXCEPT kind FROM default.definitions_current WHERE kind = 'attribution_model';

-- attribution_touchpoints
CREATE TABLE default.attribution_touchpoints (`contact` String, `at` DateTime64(3, 'UTC'), `id` String, `touch` LowCardinality(String), `channel` LowCardinality(String), `send` String, `campaign` LowCardinality(String) COMMENT 'the journey, for a message without a campaign; so in every table of messages', `journey` LowCardinality(String), `node` LowCardinality(String), `historical` Bool) ENGINE = ReplacingMergeTree ORDER BY (contact, at, id) SETTINGS index_granularity = 8192;

-- attribution_touchpoints_from_changes
CREATE MATERIALIZED VIEW default.attribution_touchpoints_from_changes TO default.attribution_touchpoints (`contact` String, `at` DateTime64(3, 'UTC'), `id` String, `touch` LowCardinality(String), `channel` LowCardinality(String), `send` String, `campaign` String, `journey` LowCardinality(String), `node` LowCardinality(String), `historical` Bool) AS SELECT contact, at, id, touch, channel, send, if(campaign = '', journey, campaign) AS campaign, journey, node, historical FROM default.changes WHERE kind = 'touch';

-- audit_logs
CREATE VIEW default.audit_logs (`at` DateTime64(3, 'UTC'), `actor` String, `action` LowCardinality(String), `kind` LowCardinality(String), `id` String, `version` UInt32) AS SELECT logged_at AS at, by AS actor, op AS action, kind, id, version FROM default.definitions FINAL;

-- campaign_launches
CREATE VIEW default.campaign_launches (`launch` String, `campaign` String, `campaign_version` UInt64, `state` String, `reason` String, `audience` UInt64, `excluded` UInt64, `as_of` DateTime64(3, 'UTC'), `begins` DateTime64(3, 'UTC'), `ends` DateTime64(3, 'UTC'), `acts` UInt32, `since` DateTime64(3, 'UTC')) AS SELECT id AS launch, JSONExtractString(body, 'campaign') AS campaign, JSONExtractUInt(body, 'version') AS campaign_version, if(JSONExtractString(body, 'state') = '', 'running', JSONExtractString(body, 'state')) AS state, JSONExtractString(body, 'reason') AS reason, JSONExtractUInt(body, 'audience') AS audience, JSONExtractUInt(body, 'excluded') AS excluded, fromUnixTimestamp64Milli(JSONExtractInt(body, 'as_of'), 'UTC') AS as_of, fromUnixTimestamp64Milli(JSONExtractInt(body, 'begins'), 'UTC') AS begins, fromUnixTimestamp64Milli(JSONExtractInt(body, 'ends'), 'UTC') AS ends, acts, since FROM (SELECT id, argMax(body, version) AS body, max(version) AS acts, argMax(active_from, version) AS since FROM default.definition_versions WHERE kind = 'launch' GROUP BY id);

-- campaign_messages
CREATE TABLE default.campaign_messages (`campaign` LowCardinality(String), `launch` String COMMENT 'the launch that released it; of a triggered campaign its own', `send` String, `contact` String, `variant` LowCardinality(String)) ENGINE = ReplacingMergeTree ORDER BY (campaign, launch, send) SETTINGS index_granularity = 8192 COMMENT 'One row a message that a campaign planned or skipped; message_status has what became of it';

-- campaign_messages_from_changes
CREATE MATERIALIZED VIEW default.campaign_messages_from_changes TO default.campaign_messages (`campaign` LowCardinality(String), `launch` String, `send` String, `contact` String, `variant` String) AS SELECT campaign, if((entry = campaign) OR startsWith(entry, concat(campaign, ':')), entry, campaign) AS launch, send, contact, '' AS variant FROM default.changes WHERE (kind = 'send_skipped') AND startsWith(journey, 'campaign:');

-- campaign_messages_from_sends
CREATE MATERIALIZED VIEW default.campaign_messages_from_sends TO default.campaign_messages (`campaign` LowCardinality(String), `launch` String, `send` String, `contact` String, `variant` LowCardinality(String)) AS SELECT campaign, if((entry = campaign) OR startsWith(entry, concat(campaign, ':')), entry, campaign) AS launch, id AS send, contact, variant FROM default.sends WHERE startsWith(journey, 'campaign:');

-- campaign_performance
CREATE VIEW default.campaign_performance (`campaign` SimpleAggregateFunction(max, String), `waiting` UInt64, `planned` UInt64, `sent` UInt64, `skipped` UInt64, `failed` UInt64, `unknown` UInt64, `queued` UInt64, `delivered` UInt64, `opened` UInt64, `clicked` UInt64, `replied` UInt64, `bounced` UInt64, `complained` UInt64, `unsubscribed` UInt64, `revenue` Array(Tuple(model String, currency String, amount_minor Int64, conversions Float64))) AS SELECT campaign, m.* EXCEPT campaign, revenue FROM (SELECT campaign, toUInt64(if(audience > released, audience - released, 0)) AS waiting, t.planned + waiting AS planned, sent, skipped, failed, unknown, t.queued + waiting AS queued, delivered, opened, clicked, replied, bounced, complained, unsubscribed FROM default.message_totals AS t FULL OUTER JOIN (SELECT campaign, sum(audience) AS audience FROM default.campaign_launches GROUP BY campaign) AS a USING (campaign)) AS m FULL OUTER JOIN (SELECT campaign, CAST(arraySort(groupArray((model, currency, amount_minor, conversions))), 'Array(Tuple(model String, currency String, amount_minor Int64, conversions Float64))') AS revenue FROM default.campaign_revenue GROUP BY campaign) AS r USING (campaign);

-- campaign_revenue
CREATE VIEW default.campaign_revenue (`model` LowCardinality(String), `campaign` LowCardinality(String), `currency` LowCardinality(String), `amount_minor` Int64, `conversions` Float64) AS SELECT model, campaign, currency, sum(amount_minor) AS amount_minor, sum(share) AS conversions FROM default.attribution_credits FINAL GROUP BY model, campaign, currency;

-- campaigns
CREATE VIEW default.campaigns (`id` String, `version` UInt32, `name` String, `active_from` DateTime64(3, 'UTC'), `published_by` String, `body` String) AS SELECT * EXCEPT kind FROM default.definitions_current WHERE kind = 'campaign';

-- changes
CREATE TABLE default.changes (`contact` String, `id` String, `kind` LowCardinality(String), `at` DateTime64(3, 'UTC'), `logged_at` DateTime64(3, 'UTC'), `partition` UInt32, `offset` UInt64, `segment` String, `journey` LowCardinality(String), `version` UInt32, `run` String, `entry` String, `node` LowCardinality(String), `branch` LowCardinality(String), `reason` String, `send` String, `campaign` LowCardinality(String), `channel` LowCardinality(String), `topic` LowCardinality(String), `touch` LowCardinality(String), `conversion` String, `event` String, `model` LowCardinality(String), `amount_minor` Int64, `currency` LowCardinality(String), `share` Float64, `value` String COMMENT 'JSON', `historical` Bool, `holdout` LowCardinality(String) COMMENT 'the universal holdout that held the contact out') ENGINE = ReplacingMergeTree ORDER BY (contact, id) SETTINGS index_granularity = 8192 COMMENT 'A conclusion that was emitted again after a crash has the same id and stands once';

-- channel_providers
CREATE VIEW default.channel_providers (`id` String, `version` UInt32, `name` String, `active_from` DateTime64(3, 'UTC'), `published_by` String, `body` String) AS SELECT * EXCEPT kind FROM default.definitions_current WHERE kind = 'provider';

-- consent_records
CREATE TABLE default.consent_records (`contact` String, `channel` LowCardinality(String), `topic` LowCardinality(String), `at` DateTime64(3, 'UTC'), `logged_at` DateTime64(3, 'UTC'), `id` String, `status` LowCardinality(String), `source` String, `text_version` String, `proof` String) ENGINE = ReplacingMergeTree ORDER BY (contact, channel, topic, at, id) SETTINGS index_granularity = 8192 COMMENT 'Everything ever said of consent; the latest by at stands';

-- consent_records_from_events
CREATE MATERIALIZED VIEW default.consent_records_from_events TO default.consent_records (`contact` String, `channel` String, `topic` String, `at` DateTime64(3, 'UTC'), `logged_at` DateTime64(3, 'UTC'), `id` String, `status` String, `source` String, `text_version` String, `proof` String) AS SELECT contact, JSONExtractString(properties, 'channel') AS channel, if(JSONHas(properties, 'topic'), JSONExtractString(properties, 'topic'), 'default') AS topic, at, logged_at, id, JSONExtractString(properties, 'status') AS status, JSONExtractString(properties, 'source') AS source, JSONExtractString(properties, 'text_version') AS text_version, JSONExtractString(properties, 'proof') AS proof FROM default.events WHERE type = 'consent_changed';

-- contacts
CREATE TABLE default.contacts (`contact` String, `first_seen` SimpleAggregateFunction(min, DateTime64(3, 'UTC')), `last_seen` SimpleAggregateFunction(max, DateTime64(3, 'UTC'))) ENGINE = AggregatingMergeTree ORDER BY contact SETTINGS index_granularity = 8192 COMMENT 'Everyone of whom anything happened; their traits are folded from their events';

-- contacts_from_events
CREATE MATERIALIZED VIEW default.contacts_from_events TO default.contacts (`contact` String, `first_seen` DateTime64(3, 'UTC'), `last_seen` DateTime64(3, 'UTC')) AS SELECT contact, min(at) AS first_seen, max(at) AS last_seen FROM default.events WHERE (type NOT IN ('', 'tick', 'hydrate', 'enter', 'address_held', 'account_said', 'account_traits', 'merge_claimed', 'merged')) AND (contact != '') AND (NOT startsWith(contact, 'address:')) AND (NOT startsWith(contact, 'account:')) GROUP BY contact;

-- crm_commands
CREATE TABLE default.crm_commands (`contact` String, `at` DateTime64(3, 'UTC'), `id` String, `command` LowCardinality(String), `journey` LowCardinality(String), `version` UInt32, `node` LowCardinality(String), `data` String COMMENT 'JSON') ENGINE = ReplacingMergeTree ORDER BY (contact, at, id) SETTINGS index_granularity = 8192;

-- dead_letters
CREATE TABLE default.dead_letters (`id` String, `source` LowCardinality(String), `partition` Int32, `offset` Int64, `key` String, `at` DateTime64(3, 'UTC'), `reason` String, `raw` String COMMENT 'the bytes, base64') ENGINE = ReplacingMergeTree ORDER BY id SETTINGS index_granularity = 8192 COMMENT 'What could not be read, whole, with the reason and where it came from';

-- definition_versions
CREATE VIEW default.definition_versions (`kind` LowCardinality(String), `id` String, `version` UInt32, `published_offset` UInt64, `active_from` DateTime64(3, 'UTC'), `published_by` String, `body` String) AS SELECT kind, id, version, min(offset) AS published_offset, argMin(logged_at, offset) + toIntervalSecond(1) AS active_from, argMin(by, offset) AS published_by, argMin(body, offset) AS body FROM default.definitions WHERE op IN ('publish', 'warm') GROUP BY kind, id, version;

-- definitions
CREATE TABLE default.definitions (`offset` UInt64, `logged_at` DateTime64(3, 'UTC'), `kind` LowCardinality(String), `id` String, `op` LowCardinality(String) COMMENT 'publish, warm (published, and not current before its switch), switch, rollback or delete', `version` UInt32, `by` String, `body` String COMMENT 'JSON') ENGINE = ReplacingMergeTree ORDER BY (kind, id, offset) SETTINGS index_granularity = 8192;

-- definitions_current
CREATE VIEW default.definitions_current (`kind` LowCardinality(String), `id` String, `version` UInt32, `name` String, `active_from` DateTime64(3, 'UTC'), `published_by` String, `body` String) AS SELECT kind, id, version, JSONExtractString(body, 'name') AS name, active_from, published_by, body FROM default.definition_versions WHERE (kind, id, version) IN (SELECT kind, id, version FROM (SELECT d.kind AS kind, d.id AS id, argMax(d.version, d.offset) AS version, argMax(d.op, d.offset) AS last_op FROM default.definitions AS d LEFT JOIN default.definition_versions AS v ON (d.kind = v.kind) AND (d.id = v.id) AND (d.version = v.version) WHERE (d.op = 'delete') OR ((d.op = 'publish') AND (d.offset = v.published_offset)) OR ((d.op IN ('rollback', 'switch')) AND (v.version > 0) AND (v.published_offset < d.offset)) GROUP BY kind, id) WHERE last_op != 'delete');

-- delivery_logs
CREATE TABLE default.delivery_logs (`send` String, `id` String COMMENT 'of an attempt its number and status, else the event\'s id', `at` DateTime64(3, 'UTC'), `logged_at` DateTime64(3, 'UTC'), `contact` String, `source` LowCardinality(String) COMMENT 'attempt: the ledger; event: an outcome', `status` LowCardinality(String), `number` UInt32, `channel` LowCardinality(String), `provider` LowCardinality(String), `provider_id` String, `reason` String, `url` String, `machine` Bool) ENGINE = ReplacingMergeTree ORDER BY (send, id) SETTINGS index_granularity = 8192 COMMENT 'Everything that was said of a message after it was planned';

-- delivery_logs_from_events
CREATE MATERIALIZED VIEW default.delivery_logs_from_events TO default.delivery_logs (`send` String, `id` String, `at` DateTime64(3, 'UTC'), `logged_at` DateTime64(3, 'UTC'), `contact` String, `source` String, `status` String, `number` UInt8, `channel` String, `provider` String, `provider_id` String, `reason` String, `url` String, `machine` UInt8) AS SELECT JSONExtractString(properties, 'send') AS send, id, at, logged_at, contact, 'event' AS source, splitByChar('_', toString(type))[2] AS status, 0 AS number, splitByChar('_', toString(type))[1] AS channel, JSONExtractString(properties, 'provider') AS provider, JSONExtractString(properties, 'provider_id') AS provider_id, JSONExtractString(properties, 'reason') AS reason, JSONExtractString(properties, 'url') AS url, JSONExtractBool(properties, 'machine') AS machine FROM default.events WHERE match(type, '^(email|sms|push|webhook)_(sent|delivered|opened|clicked|bounced|complained|unsubscribed|failed|skipped|unknown|replied)$') AND (JSONExtractString(properties, 'send') != '');

-- delivery_rates
CREATE VIEW default.delivery_rates (`day` Date, `channel` LowCardinality(String), `provider` LowCardinality(String), `domain` String, `attempted` UInt64, `accepted` UInt64, `refused` UInt64, `retries` UInt64, `unknown` UInt64, `delivered` UInt64, `bounced` UInt64, `complained` UInt64, `opened` UInt64, `clicked` UInt64) AS SELECT toDate(s.at) AS day, s.channel AS channel, l.provider AS provider, if(position(s.address, '@') > 0, lower(substring(s.address, position(s.address, '@') + 1)), '') AS domain, uniqExactIf(l.send, l.status = 'started') AS attempted, uniqExactIf(l.send, (l.status IN ('accepted', 'sent'))) AS accepted, uniqExactIf(l.send, (l.status IN ('refused', 'failed'))) AS refused, countIf(l.status = 'retry') AS retries, uniqExactIf(l.send, l.status = 'unknown') AS unknown, uniqExactIf(l.send, l.status = 'delivered') AS delivered, uniqExactIf(l.send, l.status = 'bounced') AS bounced, uniqExactIf(l.send, l.status = 'complained') AS complained, uniqExactIf(l.send, (l.status IN ('opened', 'clicked')) AND (NOT l.machine)) AS opened, uniqExactIf(l.send, (l.status = 'clicked') AND (NOT l.machine)) AS clicked FROM (SELECT * FROM default.delivery_logs FINAL WHERE provider != '') AS l INNER JOIN (SELECT id, contact, at, channel, address FROM default.sends FINAL) AS s ON l.send = s.id GROUP BY day, channel, provider, domain;

-- email_templates
CREATE VIEW default.email_templates (`id` String, `version` UInt32, `name` String, `active_from` DateTime64(3, 'UTC'), `published_by` String, `body` String) AS SELECT * EXCEPT kind FROM default.definitions_current WHERE kind = 'email_template';

-- events
CREATE TABLE default.events (`partition` UInt32, `offset` UInt64, `logged_at` DateTime64(3, 'UTC'), `contact` String COMMENT 'the record\'s key', `type` LowCardinality(String) COMMENT 'empty for bytes that no schema reads', `name` String COMMENT 'a track\'s own name, else the type', `id` String, `at` DateTime64(3, 'UTC') COMMENT 'when it happened, never after logged_at', `received_at` DateTime64(3, 'UTC'), `user_id` String, `anonymous_id` String, `previous_id` String, `group_id` String, `properties` String COMMENT 'JSON as it stood, like traits and context', `traits` String, `context` String, `historical` Bool, `raw` String COMMENT 'the record\'s whole value') ENGINE = ReplacingMergeTree ORDER BY (contact, partition, offset) SETTINGS index_granularity = 8192 COMMENT 'Topic events, whole: the archive that replays read. Of a contact\'s events with one id the first counts';

-- examples
CREATE TABLE default.examples (`model` LowCardinality(String), `at` DateTime64(3, 'UTC'), `id` String, `contact` String, `features` Array(Float64), `feature_set` UInt32, `label` UInt8, `labelled_at` DateTime64(3, 'UTC'), `version` UInt32) ENGINE = ReplacingMergeTree ORDER BY (model, at, id) SETTINGS index_granularity = 8192;

-- experiments
CREATE VIEW default.experiments (`id` String, `version` UInt32, `name` String, `active_from` DateTime64(3, 'UTC'), `published_by` String, `body` String) AS SELECT * EXCEPT kind FROM default.definitions_current WHERE kind = 'experiment';

-- frequency_caps
CREATE VIEW default.frequency_caps (`id` String, `version` UInt32, `name` String, `active_from` DateTime64(3, 'UTC'), `published_by` String, `body` String, `channel` String, `topic` String, `campaign` String, `per` String, `max` UInt64, `within` String) AS SELECT * EXCEPT kind, JSONExtractString(body, 'channel') AS channel, JSONExtractString(body, 'topic') AS topic, JSONExtractString(body, 'campaign') AS campaign, JSONExtractString(body, 'per') AS per, JSONExtractUInt(body, 'max') AS max, JSONExtractString(body, 'within') AS within FROM default.definitions_current WHERE kind = 'frequency_cap';

-- holdout_changes
CREATE TABLE default.holdout_changes (`holdout` LowCardinality(String), `contact` String, `at` DateTime64(3, 'UTC'), `id` String, `entered` Bool, `salt` String, `historical` Bool) ENGINE = ReplacingMergeTree ORDER BY (holdout, contact, at, id) SETTINGS index_granularity = 8192 COMMENT 'The history of the holdouts';

-- holdout_changes_from_changes
CREATE MATERIALIZED VIEW default.holdout_changes_from_changes TO default.holdout_changes (`holdout` LowCardinality(String), `contact` String, `at` DateTime64(3, 'UTC'), `id` String, `entered` LowCardinality(UInt8), `salt` String, `historical` Bool) AS SELECT holdout, contact, at, id, kind = 'holdout_entered' AS entered, JSONExtractString(value) AS salt, historical FROM default.changes WHERE kind IN ('holdout_entered', 'holdout_left');

-- holdout_members
CREATE VIEW default.holdout_members (`holdout` LowCardinality(String), `contact` String, `since` DateTime64(3, 'UTC'), `salt` String) AS SELECT holdout, contact, last.3 AS since, last.2 AS salt FROM (SELECT holdout, contact, argMax((entered, salt, at), (at, entered)) AS last FROM default.holdout_changes FINAL GROUP BY holdout, contact) WHERE last.1;

-- holdouts
CREATE VIEW default.holdouts (`id` String, `version` UInt32, `name` String, `active_from` DateTime64(3, 'UTC'), `published_by` String, `body` String) AS SELECT * EXCEPT kind FROM default.definitions_current WHERE kind = 'holdout';

-- journey_conversions
CREATE TABLE default.journey_conversions (`journey` LowCardinality(String), `contact` String, `at` DateTime64(3, 'UTC'), `id` String, `offset` UInt64, `run` String, `kind` LowCardinality(String) COMMENT 'entered; held: a holdout refused the entry; refused: another rule did; converted: the goal was reached', `reason` LowCardinality(String) COMMENT 'why an entry was refused', `version` UInt32, `holdout` LowCardinality(String) COMMENT 'the universal holdout; empty for the journey\'s own') ENGINE = ReplacingMergeTree ORDER BY (journey, contact, at, id) SETTINGS index_granularity = 8192 COMMENT 'Who entered, who was held out or refused, and who reached the goal';

-- journey_conversions_from_changes
CREATE MATERIALIZED VIEW default.journey_conversions_from_changes TO default.journey_conversions (`journey` LowCardinality(String), `contact` String, `at` DateTime64(3, 'UTC'), `id` String, `offset` UInt64, `run` String, `kind` String, `reason` String, `version` UInt32, `holdout` LowCardinality(String)) AS SELECT journey, contact, at, id, offset, run, multiIf(changes.kind = 'journey_entered', 'entered', changes.kind != 'journey_refused', 'converted', changes.reason = 'holdout', 'held', 'refused') AS kind, if(changes.kind = 'journey_refused', changes.reason, '') AS reason, version, holdout FROM default.changes WHERE (changes.kind IN ('journey_entered', 'journey_converted', 'journey_refused')) OR ((changes.kind = 'journey_exited') AND (changes.reason = 'goal'));

-- journey_executions
CREATE TABLE default.journey_executions (`journey` LowCardinality(String), `run` String, `contact` SimpleAggregateFunction(max, String), `version` SimpleAggregateFunction(max, UInt32), `entry` SimpleAggregateFunction(max, String), `entered_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `exited_at` SimpleAggregateFunction(max, Nullable(DateTime64(3, 'UTC'))), `exit_node` SimpleAggregateFunction(max, String), `exit_reason` SimpleAggregateFunction(max, String), `completed` SimpleAggregateFunction(max, Bool) COMMENT 'it came to an exit node') ENGINE = AggregatingMergeTree ORDER BY (journey, run) SETTINGS index_granularity = 8192 COMMENT 'One row a run: its entry and, once it has ended, its end';

-- journey_executions_from_changes
CREATE MATERIALIZED VIEW default.journey_executions_from_changes TO default.journey_executions (`journey` LowCardinality(String), `run` String, `contact` String, `version` UInt32, `entry` String, `entered_at` Nullable(DateTime64(3, 'UTC')), `exited_at` Nullable(DateTime64(3, 'UTC')), `exit_node` String, `exit_reason` String, `completed` UInt8) AS SELECT journey, run, contact, version, entry, if(kind = 'journey_entered', at, NULL) AS entered_at, if(kind = 'journey_exited', at, NULL) AS exited_at, if(kind = 'journey_exited', node, '') AS exit_node, if(kind = 'journey_exited', reason, '') AS exit_reason, (kind = 'journey_exited') AND (branch = 'completed') AS completed FROM default.changes WHERE kind IN ('journey_entered', 'journey_exited');

-- journey_moves
CREATE TABLE default.journey_moves (`journey` LowCardinality(String), `migration` LowCardinality(String), `run` String, `at` DateTime64(3, 'UTC'), `id` String, `offset` UInt64, `contact` String, `from_version` UInt32, `to_version` UInt32, `from_node` LowCardinality(String), `to_node` LowCardinality(String)) ENGINE = ReplacingMergeTree ORDER BY (journey, run, at, id) SETTINGS index_granularity = 8192;

-- journey_moves_from_changes
CREATE MATERIALIZED VIEW default.journey_moves_from_changes TO default.journey_moves (`journey` LowCardinality(String), `migration` String, `run` String, `at` DateTime64(3, 'UTC'), `id` String, `offset` UInt64, `contact` String, `from_version` UInt64, `to_version` UInt32, `from_node` LowCardinality(String), `to_node` LowCardinality(String)) AS SELECT journey, reason AS migration, run, at, id, offset, contact, JSONExtractUInt(value) AS from_version, version AS to_version, branch AS from_node, node AS to_node FROM default.changes WHERE kind = 'journey_moved';

-- journey_steps
CREATE TABLE default.journey_steps (`journey` LowCardinality(String), `run` String, `at` DateTime64(3, 'UTC'), `id` String, `offset` UInt64, `contact` String, `version` UInt32, `node` LowCardinality(String), `branch` LowCardinality(String) COMMENT 'the edge by which the run left the node', `waits` Bool COMMENT 'the run came to rest at the node') ENGINE = ReplacingMergeTree ORDER BY (journey, run, at, id) SETTINGS index_granularity = 8192;

-- journey_steps_from_changes
CREATE MATERIALIZED VIEW default.journey_steps_from_changes TO default.journey_steps (`journey` LowCardinality(String), `run` String, `at` DateTime64(3, 'UTC'), `id` String, `offset` UInt64, `contact` String, `version` UInt32, `node` LowCardinality(String), `branch` LowCardinality(String), `waits` UInt8) AS SELECT journey, run, at, id, offset, contact, version, node, branch, reason = 'waiting' AS waits FROM default.changes WHERE kind = 'journey_step';

-- journey_versions
CREATE VIEW default.journey_versions (`id` String, `version` UInt32, `published_offset` UInt64, `active_from` DateTime64(3, 'UTC'), `published_by` String, `body` String) AS SELECT * EXCEPT kind FROM default.definition_versions WHERE kind = 'journey';

-- journeys
CREATE VIEW default.journeys (`id` String, `version` UInt32, `name` String, `active_from` DateTime64(3, 'UTC'), `published_by` String, `body` String) AS SELECT * EXCEPT kind FROM default.definitions_current WHERE kind = 'journey';

-- marketing_segments
CREATE VIEW default.marketing_segments (`id` String, `version` UInt32, `name` String, `active_from` DateTime64(3, 'UTC'), `published_by` String, `body` String) AS SELECT * EXCEPT kind FROM default.definitions_current WHERE kind = 'segment';

-- message_queue
CREATE TABLE default.message_queue (`send` String, `planned` SimpleAggregateFunction(max, Bool), `contact` SimpleAggregateFunction(max, String), `campaign` SimpleAggregateFunction(max, String), `journey` SimpleAggregateFunction(max, String), `version` SimpleAggregateFunction(max, UInt32), `node` SimpleAggregateFunction(max, String), `run` SimpleAggregateFunction(max, String), `channel` SimpleAggregateFunction(max, String) COMMENT 'the channel that was planned', `template` SimpleAggregateFunction(max, String), `variant` SimpleAggregateFunction(max, String), `reason` SimpleAggregateFunction(max, String) COMMENT 'why it was skipped or refused', `planned_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `started_at` SimpleAggregateFunction(max, Nullable(DateTime64(3, 'UTC'))) COMMENT 'of the last attempt', `skipped_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `failed_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `unknown_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `sent_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `delivered_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `opened_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))) COMMENT 'by a person; so clicked_at', `clicked_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `replied_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `bounced_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `complained_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `unsubscribed_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC')))) ENGINE = AggregatingMergeTree ORDER BY send SETTINGS index_granularity = 8192 COMMENT 'One row a message: what was planned and when each thing was first said of it. Read message_status for its status';

-- message_queue_from_changes
CREATE MATERIALIZED VIEW default.message_queue_from_changes TO default.message_queue (`send` String, `planned` Bool, `contact` String, `campaign` String, `journey` LowCardinality(String), `version` UInt32, `node` LowCardinality(String), `run` String, `channel` LowCardinality(String), `reason` String, `planned_at` Nullable(DateTime64(3, 'UTC')), `skipped_at` Nullable(DateTime64(3, 'UTC'))) AS SELECT send, true AS planned, contact, if(campaign = '', journey, campaign) AS campaign, journey, version, node, run, channel, reason, toNullable(at) AS planned_at, toNullable(at) AS skipped_at FROM default.changes WHERE kind = 'send_skipped';

-- message_queue_from_delivery_logs
CREATE MATERIALIZED VIEW default.message_queue_from_delivery_logs TO default.message_queue (`send` String, `reason` String, `started_at` Nullable(DateTime64(3, 'UTC')), `skipped_at` Nullable(DateTime64(3, 'UTC')), `failed_at` Nullable(DateTime64(3, 'UTC')), `unknown_at` Nullable(DateTime64(3, 'UTC')), `sent_at` Nullable(DateTime64(3, 'UTC')), `delivered_at` Nullable(DateTime64(3, 'UTC')), `opened_at` Nullable(DateTime64(3, 'UTC')), `clicked_at` Nullable(DateTime64(3, 'UTC')), `replied_at` Nullable(DateTime64(3, 'UTC')), `bounced_at` Nullable(DateTime64(3, 'UTC')), `complained_at` Nullable(DateTime64(3, 'UTC')), `unsubscribed_at` Nullable(DateTime64(3, 'UTC'))) AS SELECT send, if((status IN ('skipped', 'failed', 'refused')), reason, '') AS reason, if(status = 'started', at, NULL) AS started_at, if(status = 'skipped', at, NULL) AS skipped_at, if((status IN ('failed', 'refused')), at, NULL) AS failed_at, if(status = 'unknown', at, NULL) AS unknown_at, if((status IN ('sent', 'accepted')), at, NULL) AS sent_at, if(status = 'delivered', at, NULL) AS delivered_at, if((status = 'opened') AND (NOT machine), at, NULL) AS opened_at, if((status = 'clicked') AND (NOT machine), at, NULL) AS clicked_at, if(status = 'replied', at, NULL) AS replied_at, if(status = 'bounced', at, NULL) AS bounced_at, if(status = 'complained', at, NULL) AS complained_at, if(status = 'unsubscribed', at, NULL) AS unsubscribed_at FROM default.delivery_logs;

-- message_queue_from_sends
CREATE MATERIALIZED VIEW default.message_queue_from_sends TO default.message_queue (`send` String, `planned` Bool, `contact` String, `campaign` String, `journey` LowCardinality(String), `version` UInt32, `node` LowCardinality(String), `run` String, `channel` LowCardinality(String), `template` LowCardinality(String), `variant` LowCardinality(String), `planned_at` Nullable(DateTime64(3, 'UTC'))) AS SELECT id AS send, true AS planned, contact, if(campaign = '', journey, campaign) AS campaign, journey, version, node, run, channel, template, variant, toNullable(at) AS planned_at FROM default.sends;

-- message_status
CREATE VIEW default.message_status (`send` String, `planned` SimpleAggregateFunction(max, Bool), `contact` SimpleAggregateFunction(max, String), `campaign` SimpleAggregateFunction(max, String), `journey` SimpleAggregateFunction(max, String), `version` SimpleAggregateFunction(max, UInt32), `node` SimpleAggregateFunction(max, String), `run` SimpleAggregateFunction(max, String), `channel` SimpleAggregateFunction(max, String), `template` SimpleAggregateFunction(max, String), `variant` SimpleAggregateFunction(max, String), `reason` SimpleAggregateFunction(max, String), `planned_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `started_at` SimpleAggregateFunction(max, Nullable(DateTime64(3, 'UTC'))), `skipped_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `failed_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `unknown_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `sent_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `delivered_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `opened_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `clicked_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `replied_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `bounced_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `complained_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `unsubscribed_at` SimpleAggregateFunction(min, Nullable(DateTime64(3, 'UTC'))), `status` String) AS SELECT *, multiIf(isNotNull(sent_at) OR isNotNull(delivered_at) OR isNotNull(opened_at) OR isNotNull(clicked_at) OR isNotNull(replied_at) OR isNotNull(bounced_at) OR isNotNull(complained_at), 'sent', isNotNull(unknown_at), 'unknown', isNotNull(failed_at), 'failed', isNotNull(skipped_at), 'skipped', isNotNull(started_at) AND (started_at < (now64(3, 'UTC') - toIntervalMinute(1))), 'unknown', 'queued') AS status FROM default.message_queue FINAL WHERE planned;

-- message_totals
CREATE VIEW default.message_totals (`campaign` SimpleAggregateFunction(max, String), `planned` UInt64, `sent` UInt64, `skipped` UInt64, `failed` UInt64, `unknown` UInt64, `queued` UInt64, `delivered` UInt64, `opened` UInt64, `clicked` UInt64, `replied` UInt64, `bounced` UInt64, `complained` UInt64, `unsubscribed` UInt64, `released` UInt64) AS SELECT campaign, count() AS planned, countIf(status = 'sent') AS sent, countIf(status = 'skipped') AS skipped, countIf(status = 'failed') AS failed, countIf(status = 'unknown') AS unknown, countIf(status = 'queued') AS queued, countIf(isNotNull(delivered_at) OR isNotNull(opened_at) OR isNotNull(clicked_at) OR isNotNull(replied_at)) AS delivered, countIf(isNotNull(opened_at) OR isNotNull(clicked_at)) AS opened, countIf(isNotNull(clicked_at)) AS clicked, countIf(isNotNull(replied_at)) AS replied, countIf(isNotNull(bounced_at)) AS bounced, countIf(isNotNull(complained_at)) AS complained, countIf(isNotNull(unsubscribed_at)) AS unsubscribed, countIf(startsWith(journey, 'campaign:')) AS released FROM default.message_status GROUP BY campaign;

-- ml_models
CREATE VIEW default.ml_models (`id` String, `version` UInt32, `name` String, `active_from` DateTime64(3, 'UTC'), `published_by` String, `body` String) AS SELECT * EXCEPT kind FROM default.definitions_current WHERE kind = 'model';

-- model_performance
CREATE VIEW default.model_performance (`model` String, `version` UInt32, `active_from` DateTime64(3, 'UTC'), `examples` UInt64, `metric` String, `value` Float64) AS SELECT id AS model, version, active_from, JSONExtractUInt(body, 'trained_on', 'examples') AS examples, measured.1 AS metric, measured.2 AS value FROM default.definition_versions ARRAY JOIN JSONExtractKeysAndValues(body, 'metrics', 'Float64') AS measured WHERE kind = 'model';

-- predictions
CREATE TABLE default.predictions (`contact` String, `model` LowCardinality(String), `at` DateTime64(3, 'UTC'), `id` String, `offset` UInt64, `version` UInt32, `score` Nullable(Float64) COMMENT '0 to 100; NULL: below the model\'s minimum of data') ENGINE = ReplacingMergeTree ORDER BY (contact, model, at, id) SETTINGS index_granularity = 8192;

-- predictions_from_changes
CREATE MATERIALIZED VIEW default.predictions_from_changes TO default.predictions (`contact` String, `model` LowCardinality(String), `at` DateTime64(3, 'UTC'), `id` String, `offset` UInt64, `version` UInt32, `score` Nullable(Float64)) AS SELECT contact, model, at, id, offset, version, JSONExtract(value, 'Nullable(Float64)') AS score FROM default.changes WHERE kind = 'score';

-- quiet_hours
CREATE VIEW default.quiet_hours (`id` String, `version` UInt32, `name` String, `active_from` DateTime64(3, 'UTC'), `published_by` String, `body` String) AS SELECT * EXCEPT kind FROM default.definitions_current WHERE kind = 'quiet_hours';

-- schema_migrations
CREATE TABLE default.schema_migrations (`name` String, `applied_at` DateTime64(3, 'UTC')) ENGINE = ReplacingMergeTree(applied_at) ORDER BY name SETTINGS index_granularity = 8192;

-- segment_conditions
CREATE VIEW default.segment_conditions (`segment` String, `version` UInt32, `path` String, `leaf` String) AS SELECT segment, version, path, leaf FROM default.segment_leaves FINAL WHERE (segment, version, offset) IN (SELECT id, version, published_offset FROM default.definition_versions WHERE kind = 'segment');

-- segment_flips_last
CREATE TABLE default.segment_flips_last (`segment` String, `contact` String, `at` DateTime64(3, 'UTC'), `entered` Bool, `version` UInt32) ENGINE = ReplacingMergeTree(at) ORDER BY (segment, contact) SETTINGS index_granularity = 8192 COMMENT 'The last flip of each contact and segment; of two at one instant the one that was written later';

-- segment_flips_last_from_changes
CREATE MATERIALIZED VIEW default.segment_flips_last_from_changes TO default.segment_flips_last (`segment` String, `contact` String, `at` DateTime64(3, 'UTC'), `entered` LowCardinality(UInt8), `version` UInt32) AS SELECT segment, contact, at, kind = 'segment_entered' AS entered, version FROM default.changes WHERE kind IN ('segment_entered', 'segment_left');

-- segment_leaves
CREATE TABLE default.segment_leaves (`offset` UInt64 COMMENT 'of the record that published the version', `segment` String, `version` UInt32, `path` String COMMENT 'where the leaf stands in the definition, as in where.and.0', `leaf` String COMMENT 'JSON') ENGINE = ReplacingMergeTree ORDER BY (segment, version, offset, path) SETTINGS index_granularity = 8192;

-- segment_membership_changes
CREATE TABLE default.segment_membership_changes (`segment` String, `at` DateTime64(3, 'UTC'), `contact` String, `id` String, `entered` Bool, `version` UInt32, `historical` Bool) ENGINE = ReplacingMergeTree ORDER BY (segment, at, contact, id) SETTINGS index_granularity = 8192;

-- segment_membership_changes_from_changes
CREATE MATERIALIZED VIEW default.segment_membership_changes_from_changes TO default.segment_membership_changes (`segment` String, `at` DateTime64(3, 'UTC'), `contact` String, `id` String, `entered` LowCardinality(UInt8), `version` UInt32, `historical` Bool) AS SELECT segment, at, contact, id, kind = 'segment_entered' AS entered, version, historical FROM default.changes WHERE kind IN ('segment_entered', 'segment_left');

-- segment_memberships
CREATE VIEW default.segment_memberships (`segment` String, `contact` String, `since` DateTime64(3, 'UTC'), `version` UInt32) AS SELECT segment, contact, at AS since, version FROM default.segment_flips_last FINAL WHERE entered;

-- segment_snapshots
CREATE VIEW default.segment_snapshots (`id` String, `name` String, `segment` String, `version` UInt64, `at` DateTime64(3, 'UTC'), `members` UInt64, `file` String, `active_from` DateTime64(3, 'UTC'), `published_by` String) AS SELECT id, name, JSONExtractString(body, 'segment') AS segment, JSONExtractUInt(body, 'version') AS version, parseDateTime64BestEffort(JSONExtractString(body, 'at'), 3, 'UTC') AS at, JSONExtractUInt(body, 'members') AS members, JSONExtractString(body, 'file') AS file, active_from, published_by FROM default.definitions_current WHERE kind = 'snapshot';

-- sends
CREATE TABLE default.sends (`contact` String, `id` String, `at` DateTime64(3, 'UTC'), `logged_at` DateTime64(3, 'UTC'), `expires` DateTime64(3, 'UTC'), `channel` LowCardinality(String), `address` String, `template` LowCardinality(String), `template_version` UInt32, `locale` LowCardinality(String), `topic` LowCardinality(String), `message_class` LowCardinality(String), `campaign` LowCardinality(String), `journey` LowCardinality(String), `version` UInt32, `run` String, `entry` String, `node` LowCardinality(String), `variant` LowCardinality(String), `data` String COMMENT 'JSON') ENGINE = ReplacingMergeTree ORDER BY (contact, id) SETTINGS index_granularity = 8192 COMMENT 'Topic sends, whole';

-- sms_templates
CREATE VIEW default.sms_templates (`id` String, `version` UInt32, `name` String, `active_from` DateTime64(3, 'UTC'), `published_by` String, `body` String) AS SELECT * EXCEPT kind FROM default.definitions_current WHERE kind = 'sms_template';

-- template_versions
CREATE VIEW default.template_versions (`kind` LowCardinality(String), `id` String, `version` UInt32, `published_offset` UInt64, `active_from` DateTime64(3, 'UTC'), `published_by` String, `body` String) AS SELECT * FROM default.definition_versions WHERE endsWith(kind, '_template');

-- unsubscribes
CREATE VIEW default.unsubscribes (`contact` String, `channel` LowCardinality(String), `topic` LowCardinality(String), `at` DateTime64(3, 'UTC'), `source` String) AS SELECT contact, channel, topic, at, source FROM default.consent_records FINAL WHERE status = 'unsubscribed';

-- warehouse_progress
CREATE TABLE default.warehouse_progress (`topic` LowCardinality(String), `partition` UInt32, `next_offset` UInt64, `complete_until` DateTime64(3, 'UTC') COMMENT 'every record of the partition logged before this is here') ENGINE = ReplacingMergeTree(next_offset) ORDER BY (topic, partition) SETTINGS index_granularity = 8192 COMMENT 'The warehouse flow\'s place in each partition; written after the rows of the records before it';

