"""The next version of a launch: planned, paused, resumed, cancelled. Pure; where files go and come from is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from flows.campaigns.launch import Launch, read_launch
from flows.campaigns.release import Rate, by_partition, left, read_instants, resumed
from flows.definitions.catalogue import Published
from flows.segments.hydration import pack


class Files(NamedTuple):
    """Where instants lie: `put` keeps a file and names it, `read` gives contact -> its instant, encoded.

    `partition_of` is that of `events` to which a contact's records go.
    """

    put: Callable[[bytes], str]
    read: Callable[[str], Mapping[str, bytes]]
    partition_of: Callable[[str], int]


def planned(launch: Launch, instants: Mapping[str, int], files: Files) -> Launch:
    """The launch with those whom it releases, and when. The files are kept when this returns."""
    parts = sorted(by_partition(instants, files.partition_of).items())
    return msgspec.structs.replace(
        launch,
        files={str(partition): files.put(pack(part)) for partition, part in parts},
        left=len(instants),
        begins=min(instants.values(), default=launch.begins),
        ends=max(instants.values(), default=launch.ends),
    )


def stopped(launch: Launch, state: Any, reason: str) -> Launch:
    """The launch paused or cancelled. Its files still say who may be waiting."""
    return msgspec.structs.replace(launch, state=state, reason=reason)


def waiting(versions: Mapping[int, Published], files: Files) -> dict[str, int]:
    """Those whom the pause that is a launch's last version found waiting, and when they were due."""
    last = max(versions)
    ran = versions[last - 1]
    found: dict[str, int] = {}
    for path in read_launch(ran.body).files.values():
        found |= left(read_instants(files.read(path)), ran.since, versions[last].since)
    return found


def going_on(versions: Mapping[int, Published], at: int, rate: Rate | None, reason: str, files: Files) -> Launch:
    """The launch resumed: those who were left, from an instant on."""
    launch = read_launch(versions[max(versions)].body)
    again = msgspec.structs.replace(launch, state="running", reason=reason)
    if not launch.files:
        return again
    again = msgspec.structs.replace(again, begins=at, ends=at)  # of those too who wait for the end of quiet hours
    return planned(again, resumed(waiting(versions, files), at, rate, launch.id), files)
