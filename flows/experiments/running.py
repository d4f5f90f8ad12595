"""The splits whose shares a rule may move, found in the catalogue, each with the decision that stands. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from flows.campaigns.journey import PREFIX, as_journey
from flows.definitions.catalogue import Catalogue, Published
from schemas.definitions import parse
from schemas.definitions.campaign import Campaign
from schemas.definitions.experiment import Experiment, experiment_id
from schemas.definitions.journey import Journey
from schemas.definitions.split import Split

_END_OF_TIME = 1 << 62


class Running(NamedTuple):
    """A split of a journey that is current, and the journey's versions in which it has the same form.

    `current` is the decision by which contacts are assigned, `latest` the last one ever made on this form; they differ
    where a person went back to an earlier one, or withdrew it. `stands` is the version that is current, of any form.
    """

    journey: str
    split: Split
    versions: tuple[int, ...]
    current: Published | None
    latest: Published | None
    stands: int

    @property
    def is_in_hand(self) -> bool:
        """Whether a person has decided, so that nothing else does."""
        if self.latest is None:
            return False
        return self.latest.body.get("method", "hand") == "hand" or self.current != self.latest


def running(catalogue: Catalogue, journey: str = "") -> Iterator[Running]:
    """Those of all journeys and campaigns, or of one, in the order of their ids and nodes.

    The arms of a campaign are a split of the journey that it runs as, `campaign:<id>`.
    """
    snapshot = catalogue.active(_END_OF_TIME)
    journeys = [*map(as_journey, snapshot.of(Campaign.KIND)), *snapshot.of(Journey.KIND)]
    for published in journeys:
        if journey in ("", published.id):
            for split in _splits_of(published):
                yield _running(catalogue, published.id, split)


def _versions(catalogue: Catalogue, journey: str) -> dict[int, Published]:
    if journey.startswith(PREFIX):
        versions = catalogue.versions[Campaign.KIND, journey.removeprefix(PREFIX)]
        return {number: as_journey(published) for number, published in versions.items()}
    return catalogue.versions[Journey.KIND, journey]


def _running(catalogue: Catalogue, journey: str, split: Split) -> Running:
    id, versions = experiment_id(journey, split.id), _versions(catalogue, journey)
    same = tuple(v for v, p in sorted(versions.items()) if any(_is_same(split, other) for other in _splits_of(p)))
    made = [p for p in catalogue.versions.get((Experiment.KIND, id), {}).values() if holds_for(p.body, split)]
    current = catalogue.active(_END_OF_TIME).get(Experiment.KIND, id)
    stands = current.version if current else 0
    if current is not None and not holds_for(current.body, split):
        current = None
    latest = max(made, key=lambda p: p.version, default=None)
    if latest is not None and current is not None and latest.version == current.version:
        latest = current
    return Running(journey, split, same, current, latest, stands)


def holds_for(decision: Mapping[str, Any], split: Split) -> bool:
    """Whether a decision is one on this form of the split."""
    return decision.get("form", "") in ("", split.form)


def _is_same(split: Split, other: Split) -> bool:
    return split.id == other.id and split.form == other.form


def _splits_of(published: Published) -> tuple[Split, ...]:
    return _parsed(msgspec.json.encode(published.body))


@lru_cache(1024)
def _parsed(body: bytes) -> tuple[Split, ...]:
    journey = parse(msgspec.json.decode(body))
    assert isinstance(journey, Journey)
    return tuple(node for node in journey.nodes if isinstance(node, Split) and node.rule is not None)
