"""Who a launch would reach, asked of ClickHouse: exact as of the watermark, by the condition compiled for the batch.

Memberships as the fold has told them may be behind the events that ClickHouse holds; the recomputation is not.
"""

# ruff: noqa: S608 - what is put together are constants and placeholders, never values
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from connectors.surroundings import MembersOf, PlacesIn, conditions_reached, surroundings
from flows.campaigns.references import conditions, missing
from flows.definitions.catalogue import Published, Snapshot
from flows.segments.sql.audience import CHANNELS
from flows.segments.sql.compile import compile_table, compile_zone_of_each
from flows.segments.sql.given import Given, given_by
from flows.segments.sql.run import Ask, run
from schemas.definitions.campaign import Campaign
from schemas.definitions.condition_tree import Condition, Everyone, Not, Or, Reachable, references
from schemas.times import SECOND, format_instant

STALE: Final = 60 * SECOND  # an audience older than this is not sent to
SAMPLE: Final = 3  # contacts whose messages a preview shows


class Stores(NamedTuple):
    """Files that conditions name: the members of snapshots, the places of rankings."""

    members_of: MembersOf
    places_in: PlacesIn


class Audience(NamedTuple):
    """Those for whom the audience's condition holds and no exclusion, sorted; how many the exclusions kept out."""

    contacts: list[str]
    excluded: int


class Preview(NamedTuple):
    """The same in figures; `reachable` is by channel, `any_channel` on one of the campaign's at least."""

    planned: int
    excluded: int
    reachable: dict[str, int]
    any_channel: int
    sample: list[str]


def refusals(campaign: Campaign, snapshot: Snapshot) -> list[str]:
    """Everything that speaks against sending to the audience now; empty where nothing does."""
    there = {key: p.body for key, p in snapshot.current.items()}
    found = [str(fault) for fault in missing(campaign, there)]
    segments = given_by(there.values()).segments
    asked = conditions_reached(segments, conditions(campaign).values())
    for id in sorted(set().union(*map(references, asked))):
        if ("segment", id) in snapshot.warming:
            found.append(f"segment {id!r} warms up: what its members did before is not known yet")
    return found


def staleness(watermark: int, now: int) -> list[str]:
    """Why an audience as of the watermark would be too old."""
    if now - watermark <= STALE:
        return []
    behind = (now - watermark) // SECOND
    return [f"the audience would be stale: ClickHouse is at {format_instant(watermark)}, {behind} s behind"]


def audience(ask: Ask, campaign: Campaign, published: Sequence[Published], at: int, stores: Stores) -> Audience:
    """Everybody, as of the instant."""
    asked, given = _asked(ask, campaign, published, at, stores)
    query = compile_table(asked, given)
    sql = f"SELECT contact, truths[2] AS excluded FROM ({query.sql}) WHERE truths[1]"
    rows = run(ask, query._replace(sql=sql), at, given)
    chosen = sorted(row["contact"] for row in rows if not row["excluded"])
    return Audience(chosen, len(rows) - len(chosen))


def preview(ask: Ask, campaign: Campaign, published: Sequence[Published], at: int, stores: Stores) -> Preview:
    """The figures, and some of those who would be written to."""
    asked, given = _asked(ask, campaign, published, at, stores)
    query = compile_table([*asked, *map(Reachable, CHANNELS)], given)
    places = {channel: place for place, channel in enumerate(CHANNELS, 3)}
    ours = [f"truths[{places[channel]}]" for channel in campaign.content.order if channel in places] or ["1"]
    counts = ", ".join(f"countIf(truths[{place}] AND NOT truths[2])" for place in places.values())
    sql = (
        "SELECT countIf(NOT truths[2]) AS planned, countIf(truths[2]) AS excluded,"
        f" [{counts}] AS reachable, countIf(({' OR '.join(ours)}) AND NOT truths[2]) AS any_channel,"
        f" arraySort(groupArraySampleIf({SAMPLE}, 1)(contact, NOT truths[2])) AS sample"
        f" FROM ({query.sql}) WHERE truths[1]"
    )
    (found,) = run(ask, query._replace(sql=sql), at, given)
    reachable = dict(zip(CHANNELS, found["reachable"], strict=True))
    return Preview(found["planned"], found["excluded"], reachable, found["any_channel"], found["sample"])


def zones(ask: Ask, published: Sequence[Published], contacts: Sequence[str], at: int) -> Mapping[str, str]:
    """Each contact's zone as it says it; empty where it says none."""
    given = given_by([p.body for p in published])
    rows = run(ask, compile_zone_of_each(given), at, given)
    said = {row["contact"]: row["zone"] for row in rows}
    return {contact: said.get(contact, "") for contact in contacts}


def _asked(
    ask: Ask, campaign: Campaign, published: Sequence[Published], at: int, stores: Stores
) -> tuple[list[Condition], Given]:
    """The audience, and what excludes."""
    named = conditions(campaign)
    chosen = named.pop("audience", Everyone())
    excluded: Condition = Or(tuple(named.values())) if named else Not(Everyone())
    return [chosen, excluded], surroundings(published, [chosen, excluded], at, stores.members_of, stores.places_in, ask)
