WITH
  raw -> startsWith(raw, '"') AS is_text,
  raw -> match(raw, '^[-0-9]') AS is_number,
  raw -> if(is_text(raw), JSONExtractString(raw), '') AS text,
  raw -> toDecimal256OrZero(raw, 30) AS exact,
  raw -> replaceRegexpAll(text(raw), '^[\\x{9}\\x{a}\\x{b}\\x{c}\\x{d}\\x{1c}\\x{1d}\\x{1e}\\x{1f}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}\\x{2001}\\x{2002}\\x{2003}\\x{2004}\\x{2005}\\x{2006}\\x{2007}\\x{2008}\\x{2009}\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}]+|[\\x{9}\\x{a}\\x{b}\\x{c}\\x{d}\\x{1c}\\x{1d}\\x{1e}\\x{1f}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}\\x{2001}\\x{2002}\\x{2003}\\x{2004}\\x{2005}\\x{2006}\\x{2007}\\x{2008}\\x{2009}\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}]+$', '') AS trimmed,
  address -> lower(hex(SHA256(lowerUTF8(address)))) AS address_hash,
  raw -> if(is_text(raw), text(raw), 'default') AS topic_of,
  (parent, key) -> if(parent = '', key, parent || '.' || key) AS below_path,
  pair -> if(startsWith(pair.2, '{'), arrayMap(kv -> (below_path(pair.1, kv.1), kv.2), JSONExtractKeysAndValuesRaw(pair.2)), [pair]) AS opened,
  (path, raw) -> arrayFold((pairs, level) -> arrayFlatten(arrayMap(pair -> opened(pair), pairs)), range(toUInt64(countSubstrings(raw, '{'))), [(path, raw)]) AS flat,
  (parent, raw, at, place, paths) -> arrayMap(pair -> (at, place, pair.1, pair.2), arrayFilter(pair -> arrayExists(path -> is_related(pair.1, path), paths), flat(parent, raw))) AS stated,
  (path, parent) -> startsWith(path, parent || '.') AS is_below,
  (a, b) -> a = b OR is_below(a, b) OR is_below(b, a) AS is_related,
  (said, path) -> arrayFilter(s -> is_related(s.3, path), said) AS about,
  (said, path) -> arrayLastIndex(s -> NOT is_below(s.3, path), said) AS last_barrier,
  said -> arrayExists((s, i) -> s.4 != 'null' AND NOT arrayExists(later -> is_related(later.3, s.3), arraySlice(said, i + 1)), said, arrayEnumerate(said)) AS has_live,
  (said, path) -> multiIf(empty(said), '', said[-1].3 = path, said[-1].4, is_below(said[-1].3, path) AND has_live(arraySlice(said, last_barrier(said, path) + 1)), '{', '') AS standing,
  (said, path) -> arrayMap(related -> standing(related, path), [about(said, path)])[1] AS trait,
  facts AS (
    SELECT transform(e.contact, {merged_from:Array(String)}, {merged_into:Array(String)}) AS contact,
      (logged_at, partition, offset) AS place, toUnixTimestamp64Milli(e.at) AS at, e.type AS type,
      id, partition, offset, group_id, properties, traits, if(e.type IN ('account_said', 'account_traits', 'address_answered', 'address_claimed', 'address_held', 'address_shared', 'enter', 'hydrate', 'link_followed', 'merge_claimed', 'merged', 'tick'), '', e.name) AS name
    FROM (SELECT * FROM events FINAL WHERE logged_at <= fromUnixTimestamp64Milli({at:Int64}, 'UTC') AND contact != '' AND type != '' AND NOT startsWith(contact, 'address:') AND NOT startsWith(contact, 'account:')) AS e
    ORDER BY contact, place
    LIMIT 1 BY contact, if(id = '', concat('\0', toString(partition), ':', toString(offset)), id)
  ),
  properties AS (SELECT *, JSONExtractRaw(properties, {p1:String}) AS r1, JSONExtractRaw(properties, {p2:String}) AS r2, JSONExtractRaw(properties, {p4:String}) AS r3, JSONExtractRaw(properties, {p7:String}) AS r4, JSONExtractRaw(properties, {p9:String}) AS r5 FROM facts),
  rows AS (SELECT * FROM properties),
  people AS (SELECT contact, argMaxIf(text(r1), (at, place), type = 'consent_changed' AND text(r2) = {p3:String} AND topic_of(r3) = {p5:String} AND text(r1) IN ('subscribed', 'unsubscribed', 'pending')) AS a1, sumIf(exact(r5), ((name = {p8:String})) AND is_number(r5)) AS a2, countIf((name = {p8:String}) AND (at > {at:Int64} - {p13:Int64})) AS a3, countIf((name = {p8:String}) AND (at > {at:Int64} - {p15:Int64} AND at <= {at:Int64} - {p13:Int64})) AS a4, arraySort(groupArrayArrayIf(stated('', traits, at, place, {p17:Array(String)}), type = 'identify')) AS said FROM rows GROUP BY contact),
  traits AS (SELECT *, trait(said, {p3:String}) AS v1, trait(said, {p11:String}) AS v2 FROM people),
  values AS (SELECT * FROM traits),
  leaves AS (SELECT *, (trimmed(v1) != '' AND NOT (trimmed(v1) != '' AND address_hash(trimmed(v1)) IN (SELECT lower(text(r4)) FROM rows WHERE type = 'address_suppressed' AND text(r2) = {p3:String})) AND if(a1 = '', {p6:String}, a1) != 'unsubscribed') AS l1, (a2 >= exact({p10:String})) AS l2, (is_text(v2) AND text(v2) = {p12:String}) AS l3, (a3 >= {p14:Int64}) AS l4, (a4 >= {p16:Int64}) AS l5 FROM values),
  parts_1 AS (SELECT *, l2 AS g1 FROM leaves),
  parts_2 AS (SELECT *, (l1 AND (g1 OR l3) AND NOT l4 AND l5) AS g2 FROM parts_1)
SELECT contact FROM parts_2 WHERE g2 ORDER BY contact
