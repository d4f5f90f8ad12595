"""Rankings: where contacts stand among all who did something, as a batch computed it (`schemas.definitions.ranking`).

A place is how many of the others are strictly below: equal values have equal places. Percentile = 100 * below / ranked,
in [0, 100); quintile = 1 + floor(5 * below / ranked), 1 to 5. Recency ranks by the latest event's `at`, frequency by
how many there are, monetary by the sum of the ranking's `value` (0 of nothing), as LANGUAGE counts and adds them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from flows.definitions.catalogue import Published, Snapshot
from schemas.definitions.ranking import RESULT

StatesIn = Callable[[int, str], Mapping[str, bytes]]  # (partition, path) of a file -> contact -> its place, encoded
MEASURES: Final = ("recency", "frequency", "monetary")


class Place(NamedTuple):
    """How many are below by each measure; None by a measure that the ranking does not have."""

    recency: int
    frequency: int
    monetary: int | None


class Values(NamedTuple):
    """What a contact is ranked by: the latest `at`, the number of events, the sum."""

    recency: int
    frequency: int
    monetary: Any = None


encode_place: Final = msgspec.msgpack.Encoder().encode
decode_place: Final = msgspec.msgpack.Decoder(Place).decode


@dataclass(frozen=True, slots=True)
class Ranking:
    """What was computed last: as of `at`, of so many `ranked`; computed anew at `next` (ms)."""

    id: str
    result: int
    at: int
    next: int
    ranked: int
    stored: Callable[[str], bytes | None] = field(compare=False)

    def place(self, contact: str) -> Place | None:
        """The contact's place; None for who is not ranked."""
        found = self.stored(contact)
        return None if found is None else decode_place(found)


def percentile(below: int, ranked: int) -> float:
    """The share, in percent, of those ranked who are below.

    >>> percentile(9, 10)
    90.0
    """
    return 100 * below / ranked


def quintile(below: int, ranked: int) -> int:
    """1, the lowest fifth, to 5.

    >>> [quintile(below, 10) for below in range(10)]
    [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    """
    return 1 + 5 * below // ranked


def rank(values: Mapping[str, Values]) -> dict[str, Place]:
    """Contact -> place."""
    orders = [sorted(v[i] for v in values.values() if v[i] is not None) for i in range(len(MEASURES))]

    def below(i: int, value: Any) -> Any:
        return None if value is None else bisect_left(orders[i], value)

    return {contact: Place(*(below(i, value) for i, value in enumerate(v))) for contact, v in values.items()}


def compile_rankings(snapshot: Snapshot, states_in: StatesIn) -> dict[str, Ranking]:
    """The results of the rankings that stand, by the rankings' ids."""
    standing = {p.id for p in snapshot.of("ranking")}
    return {p.id: compile_ranking(p, states_in) for p in snapshot.of(RESULT) if p.id in standing}


def compile_ranking(result: Published, states_in: StatesIn) -> Ranking:
    """One result; its files are read when a contact is asked about."""
    body: Mapping[str, Any] = result.body
    files = [(int(partition), path) for partition, path in body["files"].items()]

    def stored(contact: str) -> bytes | None:
        return next((found for file in files if (found := states_in(*file).get(contact)) is not None), None)

    return Ranking(result.id, result.version, body["at"], body["next"], body["ranked"], stored)


def result_body(id: str, version: int, at: int, next: int, ranked: int, files: Mapping[str, str]) -> dict[str, Any]:
    """The definition that says what was computed."""
    head = {"kind": RESULT, "id": id, "ranking_version": version, "at": at, "next": next, "ranked": ranked}
    return {**head, "files": dict(files)}


def encoded(places: Iterable[tuple[str, Place]]) -> dict[str, bytes]:
    """As they stand in a file."""
    return {contact: encode_place(place) for contact, place in places}
