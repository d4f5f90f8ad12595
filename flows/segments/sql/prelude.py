"""Named lambdas that the compiled queries are written in: ClickHouse's own way to say what LANGUAGE.md says.

A JSON value travels as its raw text: `''` where it is missing, `null`, or the value as JSON writes it; its first
character tells its type. Instants are milliseconds since the epoch. A zone is an index into the parameters
`zone_names`, `zone_offsets`, `zone_ends` and `zone_ends_local` (see `flows.segments.sql.zones`).
`said` is what a contact's identifies and groups stated: tuples (at, place in the log, path, raw value), in that order.
"""

from __future__ import annotations

import re
from typing import Final

# what `schemas.moments.read_moment` takes
INSTANT: Final = r"^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$"

# what `str.strip` takes away, as RE2 in an SQL literal
_SPACES: Final = "[" + "".join(f"\\\\x{{{code:x}}}" for code in range(0x3001) if chr(code).isspace()) + "]"

LAMBDAS: Final = {
    # --- JSON values
    "is_text": "raw -> startsWith(raw, '\"')",
    "is_list": "raw -> startsWith(raw, '[')",
    "is_there": "raw -> raw != '' AND raw != 'null'",
    "is_number": "raw -> match(raw, '^[-0-9]')",
    "is_whole": "raw -> match(raw, '^-?[0-9]+$')",
    "text": "raw -> if(is_text(raw), JSONExtractString(raw), '')",
    "whole": "raw -> toInt256OrZero(raw)",
    "decimal": "raw -> JSONExtractFloat(raw)",
    "exact": "raw -> toDecimal256OrZero(raw, 30)",
    "distinct": "raw -> if(raw = '-0', '0', raw)",
    "is_scalar": "raw -> match(raw, '^[-0-9\"tf]')",
    "size": "raw -> (decimal(raw), whole(raw))",
    "trimmed": f"raw -> replaceRegexpAll(text(raw), '^{_SPACES}+|{_SPACES}+$', '')",
    "address_hash": "address -> lower(hex(SHA256(lowerUTF8(address))))",
    "topic_of": "raw -> if(is_text(raw), text(raw), 'default')",
    # --- comparisons of numbers: whole ones exactly, whatever their size
    "equal_to": "(raw, n) -> is_number(raw) AND if(is_whole(raw), whole(raw) = n, decimal(raw) = n)",
    "above": "(raw, n) -> is_number(raw) AND if(is_whole(raw), whole(raw) > n, decimal(raw) > n)",
    "below": "(raw, n) -> is_number(raw) AND if(is_whole(raw), whole(raw) < n, decimal(raw) < n)",
    # --- dates: ClickHouse's own cover 1900 to 2299, one whole cycle of 400 years (146,097 days) of the calendar
    "in_cycle": "y -> 1900 + positiveModulo(y - 1900, 400)",
    "date_in_cycle": "(y, m, d) -> makeDate32(in_cycle(y), m, d)",
    "is_date": "(y, m, d) -> y > 0 AND m BETWEEN 1 AND 12 AND d BETWEEN 1 AND 31"
    " AND toDayOfMonth(date_in_cycle(y, m, d)) = d",
    "day_number": "(y, m, d) -> toInt64(toInt32(date_in_cycle(y, m, d))) + intDiv(y - in_cycle(y), 400) * 146097",
    "month_day": "day -> formatDateTime(toDate32(toInt32(positiveModulo(day + 25567, 146097) - 25567)), '%m-%d')",
    # the days whose anniversary a day is: on 28 February of a year without a 29th, also the 29th
    "anniversaries": "day -> if(month_day(day) = '02-28' AND month_day(day + 1) = '03-01', ['02-28', '02-29'],"
    " [month_day(day)])",
    # --- zones
    "zone_offsets": "{zone_offsets:Array(Array(Int64))}",
    "zone_ends": "{zone_ends:Array(Array(Int64))}",
    "zone_ends_local": "{zone_ends_local:Array(Array(Int64))}",
    "zone_index": "raw -> greatest(1, indexOf({zone_names:Array(String)}, text(raw)))",
    "to_local": "(ms, zone) -> ms + zone_offsets[zone][arrayFirstIndex(end -> ms < end, zone_ends[zone])]",
    "from_local": "(ms, zone) -> arrayMap(i -> least(ms - zone_offsets[zone][i], zone_ends[zone][i]),"
    " [arrayFirstIndex(end -> ms < end, zone_ends_local[zone])])[1]",
    # --- times as text; `p` are the groups of INSTANT: year, month, day, hour, minute, second, fraction, offset
    "time_parts": "raw -> if(is_text(raw), extractGroups(text(raw), {instant_pattern:String}), [])",
    "int": "digits -> toInt64OrZero(digits)",
    "hour_of": "offset -> int(substring(offset, 2, 2))",
    "minute_of": "offset -> int(substring(replaceOne(offset, ':', ''), 4, 2))",
    "is_time": "p -> length(p) = 8 AND is_date(int(p[1]), int(p[2]), int(p[3])) AND int(p[4]) < 24 AND int(p[5]) < 60"
    " AND int(p[6]) < 60 AND 60 * hour_of(p[8]) + minute_of(p[8]) < 1440",
    "wall_ms": "p -> day_number(int(p[1]), int(p[2]), int(p[3])) * 86400000 + int(p[4]) * 3600000 + int(p[5]) * 60000"
    " + int(p[6]) * 1000 + int(rightPad(substring(p[7], 1, 3), 3, '0'))",
    "offset_ms": "offset -> if(startsWith(offset, '-'), -60000, 60000) * (60 * hour_of(offset) + minute_of(offset))",
    "times": "raw -> arrayFilter(p -> is_time(p), [time_parts(raw)])",
    "moment": "(p, zone) -> if(p[8] = '', from_local(wall_ms(p), zone), wall_ms(p) - offset_ms(p[8]))",
    "whole_days": "ms -> intDiv(ms - positiveModulo(ms, 86400000), 86400000)",
    # the instant of a value, or its month and day where its contact lives: arrays, empty where it is no time
    "moments": "(raw, zone) -> arrayMap(p -> moment(p, zone), times(raw))",
    "month_days": "(raw, zone) -> arrayMap(p -> if(p[8] = '', p[2] || '-' || p[3],"
    " month_day(whole_days(to_local(moment(p, zone), zone)))), times(raw))",
    # --- traits: JSON objects as (path, raw value) pairs, and what of them stands
    "below_path": "(parent, key) -> if(parent = '', key, parent || '.' || key)",
    "opened": "pair -> if(startsWith(pair.2, '{'), arrayMap(kv -> (below_path(pair.1, kv.1), kv.2),"
    " JSONExtractKeysAndValuesRaw(pair.2)), [pair])",
    "flat": "(path, raw) -> arrayFold((pairs, level) -> arrayFlatten(arrayMap(pair -> opened(pair), pairs)),"
    " range(toUInt64(countSubstrings(raw, '{'))), [(path, raw)])",
    "stated": "(parent, raw, at, place, paths) -> arrayMap(pair -> (at, place, pair.1, pair.2), arrayFilter("
    "pair -> arrayExists(path -> is_related(pair.1, path), paths), flat(parent, raw)))",
    "is_below": "(path, parent) -> startsWith(path, parent || '.')",
    "is_related": "(a, b) -> a = b OR is_below(a, b) OR is_below(b, a)",
    "about": "(said, path) -> arrayFilter(s -> is_related(s.3, path), said)",
    "until": "(said, ms) -> arrayFilter(s -> s.1 <= ms, said)",
    "last_barrier": "(said, path) -> arrayLastIndex(s -> NOT is_below(s.3, path), said)",
    "has_live": "said -> arrayExists((s, i) -> s.4 != 'null' AND NOT arrayExists(later -> is_related(later.3, s.3),"
    " arraySlice(said, i + 1)), said, arrayEnumerate(said))",
    "standing": "(said, path) -> multiIf(empty(said), '', said[-1].3 = path, said[-1].4,"
    " is_below(said[-1].3, path) AND has_live(arraySlice(said, last_barrier(said, path) + 1)), '{', '')",
    "trait": "(said, path) -> arrayMap(related -> standing(related, path), [about(said, path)])[1]",
}


def prelude(sql: str) -> list[str]:
    """The lambdas that a query uses, and those that they use, as items of a `WITH` clause."""
    used: set[str] = set()
    found = _named(sql)
    while found - used:
        used |= found
        found = set().union(*(_named(LAMBDAS[name]) for name in used))
    return [f"  {body} AS {name}" for name, body in LAMBDAS.items() if name in used]


def _named(sql: str) -> set[str]:
    return LAMBDAS.keys() & set(re.findall(r"\w+", sql))
