"""What `definitions` holds of a campaign's launches: records of kind `launch`, made by commands and by the scheduler.

    <campaign>            version 1, 2, …   its launch, then each pause, resume and cancellation: what it does now
    <campaign>:<firing>   the same, of one firing of a recurring campaign

The first write of a version wins (DESIGN, rule 4), so of two who launch, fire or pause at one moment one is told. The
kind is not for people: a `launch` cannot be published, only made by what the API offers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

import msgspec

from flows.definitions.catalogue import Catalogue, Published, Snapshot

KIND: Final = "launch"
END_OF_TIME: Final = 1 << 62
State = Literal["running", "paused", "cancelled", "missed"]


class Launch(msgspec.Struct, omit_defaults=True, frozen=True):
    """One version of a launch. Instants are ms.

    `files`: partition of `events` -> file of contact -> instant of release, of those who were left when this version
    was made, `left` in all; a paused or cancelled version keeps those of the one before. `audience` is how many were
    frozen at `as_of` (everything logged before had been counted), `excluded` how many the exclusions kept out. `begins`
    and `ends` are the first and last release. `firing` is the instant that a recurring campaign fired for, `missed` how
    many firings one that was missed stands for.
    """

    id: str
    campaign: str
    version: int
    type: Literal["one_time", "recurring", "triggered"]
    state: State = "running"
    reason: str = ""
    audience: int = 0
    excluded: int = 0
    left: int = 0
    as_of: int = 0
    begins: int = 0
    ends: int = 0
    firing: int = 0
    missed: int = 0
    files: dict[str, str] = {}

    def body(self) -> dict[str, Any]:
        """As it stands in its definition."""
        return {"kind": KIND, **msgspec.to_builtins(self)}


def read_launch(body: Mapping[str, Any]) -> Launch:
    """The launch of a definition's body."""
    return msgspec.convert({key: value for key, value in body.items() if key != "kind"}, Launch)


def firing_id(campaign: str, name: str) -> str:
    """The id of a firing's launch."""
    return f"{campaign}:{name}"


def standing(catalogue: Catalogue, campaign: str, at: int = END_OF_TIME) -> tuple[Published, Launch] | None:
    """What was last said of a campaign by an instant; None before it is launched."""
    found = catalogue.active(at).get(KIND, campaign)
    return None if found is None else (found, read_launch(found.body))


def launches(catalogue: Catalogue, campaign: str) -> Iterator[tuple[Published, Launch]]:
    """All launches of a campaign as they stand, in the order of their ids; also those that have ended long ago."""
    for kind, id in sorted(key for key in catalogue.versions if key[0] == KIND):
        if id == campaign or id.startswith(f"{campaign}:"):
            versions = catalogue.versions[kind, id]
            if versions:
                latest = versions[max(versions)]
                yield latest, read_launch(latest.body)


def is_launched(snapshot: Snapshot, campaign: str) -> bool:
    """Whether a campaign runs: launched, and neither paused nor cancelled."""
    found = snapshot.get(KIND, campaign)
    return found is not None and found.body.get("state", "running") == "running"
