-- name: holdout_salts
-- Of a holdout, each salt by which it held contacts out: since when, how many it holds now, and how many it let go.
SELECT
    salt,
    min(at) AS since,
    uniqExactIf(contact, is_held) AS held,
    uniqExactIf(contact, NOT is_held) AS let_go
FROM
(
    SELECT salt, contact, min(holdout_changes.at) AS at, argMax(entered, (holdout_changes.at, NOT entered)) AS is_held
    FROM holdout_changes
    WHERE holdout = {holdout:String}
    GROUP BY salt, contact
)
GROUP BY salt
ORDER BY since DESC, salt

-- name: holdout_effect
-- Contacts that a salt held out, and all others; of each how many did the event from then on (or since they are known).
WITH
    held AS
    (
        SELECT DISTINCT contact
        FROM holdout_changes
        WHERE holdout = {holdout:String} AND salt = {salt:String} AND entered
    ),
    (
        SELECT min(at)
        FROM holdout_changes
        WHERE holdout = {holdout:String} AND salt = {salt:String} AND entered
    ) AS began
SELECT is_held, count() AS contacts, countIf(last_at >= greatest(first_seen, began)) AS converted
FROM
(
    SELECT people.contact IN (SELECT contact FROM held) AS is_held, people.first_seen AS first_seen, hits.last_at AS last_at
    FROM
    (
        SELECT contact, min(contacts.first_seen) AS first_seen
        FROM contacts
        GROUP BY contact
        HAVING first_seen < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
    ) AS people
    LEFT JOIN
    (
        SELECT contact, max(events.at) AS last_at
        FROM events
        WHERE name = {event:String} AND events.at < fromUnixTimestamp64Milli({to:Int64}, 'UTC')
        GROUP BY contact
    ) AS hits ON hits.contact = people.contact
)
GROUP BY is_held

-- name: contact_holdouts
-- The universal holdouts that hold a contact out now.
SELECT holdout, salt, since
FROM holdout_members
WHERE contact = {contact:String}
ORDER BY holdout
