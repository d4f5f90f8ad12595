"""What conditions name besides a contact's events: from the catalogue, from snapshots' files, and from ClickHouse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from connectors.publish import CatalogueReader
from flows.definitions.catalogue import Published
from flows.segments.order import reached
from flows.segments.ranking import decode_place
from flows.segments.sql.given import Given, Ranked, given_by
from flows.segments.sql.run import Ask
from schemas.definitions.condition_tree import Condition, InSnapshot, Score, leaves, rankings, references
from schemas.definitions.ranking import RESULT

PlacesIn = Callable[[str], Mapping[str, bytes]]  # `sinks.past_store.PastStore.get`
MembersOf = Callable[[str], frozenset[str]]  # `sinks.snapshot_store.SnapshotStore.get`

_SCORES: Final = """\
SELECT contact, last.1 AS score
FROM
(
    SELECT contact, argMax(tuple(score), (at, offset)) AS last
    FROM predictions
    WHERE model = {model:String} AND at <= fromUnixTimestamp64Milli({at:Int64}, 'UTC')
    GROUP BY contact
)
WHERE isNotNull(last.1)"""


def active(reader: CatalogueReader, at: int) -> list[Published]:
    """The versions that are current at the instant."""
    with reader.open() as catalogue:
        return list(catalogue.active(at).current.values())


def surroundings(
    published: Sequence[Published],
    conditions: Iterable[Condition],
    at: int,
    members_of: MembersOf,
    places_in: PlacesIn,
    ask: Ask,
) -> Given:
    """Of these conditions and of the segments that they ask about; scores are the fold's own, as of the instant, and
    rankings as they were computed last."""
    given = given_by([p.body for p in published])
    asked = list(conditions_reached(given.segments, conditions))
    models = {leaf.model for condition in asked for leaf in leaves(condition) if isinstance(leaf, Score)}
    return Given(
        segments=given.segments,
        snapshots=frozen(published, asked, members_of),
        topics=given.topics,
        scores={model: _scores(ask, model, at) for model in sorted(models)},
        rankings=ranked(published, asked, places_in),
        zone=given.zone,
    )


def conditions_reached(
    segments: Mapping[str, Condition | None], conditions: Iterable[Condition]
) -> Iterable[Condition]:
    """The conditions, and those of every segment that they ask about, directly or through others."""
    begin = list(conditions)
    asks = {id: references(condition) for id, condition in segments.items() if condition is not None}
    through = reached(asks, set().union(*map(references, begin)))
    return [*begin, *(c for id in sorted(through) if (c := segments.get(id)) is not None)]


def frozen(
    published: Sequence[Published], conditions: Iterable[Condition], members_of: MembersOf
) -> dict[str, frozenset[str]]:
    """The members of the snapshots that the conditions name."""
    named = {leaf.snapshot for condition in conditions for leaf in leaves(condition) if isinstance(leaf, InSnapshot)}
    return {p.id: members_of(str(p.body["file"])) for p in published if p.kind == "snapshot" and p.id in named}


def ranked(published: Sequence[Published], conditions: Iterable[Condition], places_in: PlacesIn) -> dict[str, Ranked]:
    """The places that were computed last, of the rankings that the conditions name."""
    named = set().union(*map(rankings, conditions))
    return {p.id: read_result(p.body, places_in) for p in published if p.kind == RESULT and p.id in named}


def read_result(body: Mapping[str, Any], places_in: PlacesIn) -> Ranked:
    """What a result's files hold."""
    places = {
        contact: decode_place(stored) for path in body["files"].values() for contact, stored in places_in(path).items()
    }
    return Ranked(body["ranked"], places)


def _scores(ask: Ask, model: str, at: int) -> dict[str, float]:
    return {row["contact"]: row["score"] for row in ask(_SCORES, {"model": model, "at": at})}
