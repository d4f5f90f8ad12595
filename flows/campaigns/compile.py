"""The launches that are active together, as the fold sees them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from flows.campaigns.journey import as_journey
from flows.campaigns.launch import KIND, Launch, is_launched, read_launch
from flows.campaigns.release import decode_instant
from flows.definitions.catalogue import Published, Snapshot
from flows.journeys.journey import Journey, compile_journey
from schemas.times import DAY

StatesIn = Callable[[int, str], Mapping[str, bytes]]  # (partition, path) of a file -> contact -> its instant, encoded
Versions = Callable[[str, int], Published]  # of campaigns


@dataclass(frozen=True, slots=True)
class Release:
    """One version of a launch with an audience. `instant_of` a contact: when it is released; None for who is not left.

    `data` is what templates find in `entry`, `ends` the instant of the last release.
    """

    id: str
    version: int
    state: Literal["running", "paused", "cancelled"]
    journey: Journey
    data: Mapping[str, Any]
    instant_of: Callable[[str], int | None] = field(compare=False)
    ends: int = 0

    def is_over(self, at: int) -> bool:
        """Whether nobody has waited for his release for a day."""
        return self.state == "running" and self.ends + DAY < at


def compile_releases(snapshot: Snapshot, version: Versions, states_in: StatesIn) -> dict[str, Release]:
    """By the launches' ids. Those of a campaign that was deleted are cancelled."""
    found = {}
    for published in snapshot.of(KIND):
        launch = read_launch(published.body)
        if launch.type == "triggered" or launch.state == "missed":
            continue
        campaign = version(launch.campaign, launch.version)
        state = launch.state if snapshot.get("campaign", launch.campaign) is not None else "cancelled"
        content = campaign.body["content"]
        found[launch.id] = Release(
            id=launch.id,
            version=published.version,
            state=state,
            journey=compile_journey(as_journey(campaign)),
            data=content.get("data", {}),
            instant_of=_instants(launch, states_in),
            ends=launch.ends,
        )
    return found


def _instants(launch: Launch, states_in: StatesIn) -> Callable[[str], int | None]:
    files = [(int(partition), path) for partition, path in launch.files.items()]

    def instant_of(contact: str) -> int | None:
        for partition, path in files:
            if (stored := states_in(partition, path).get(contact)) is not None:
                return decode_instant(stored)
        return None

    return instant_of


def triggered(snapshot: Snapshot) -> list[Published]:
    """The journeys of the triggered campaigns that run."""
    return [
        as_journey(campaign)
        for campaign in snapshot.of("campaign")
        if campaign.body["type"] == "triggered" and is_launched(snapshot, campaign.id)
    ]
