"""When each contact of a launch gets its message: from an audience and a rate to instants. Pure.

    wanted (contact -> the earliest instant)  ──queue, first come first served, at the rate──▶  contact -> instant

Nobody is released before it is wanted, the rate is never exceeded in any window of its length, and no slot stays empty
while somebody waits. Those who are wanted at one instant go in an order by hash, so the partitions are mixed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from flows.contact.subject import is_zone
from flows.journeys.localtime import resolve
from schemas.definitions import campaign as written
from schemas.ids import bucket
from schemas.moments import read_moment
from schemas.times import HOUR, MINUTE, SECOND, to_ms

_PER: Final = {"second": SECOND, "minute": MINUTE, "hour": HOUR}
_encode: Final = msgspec.msgpack.Encoder().encode
decode_instant: Final = msgspec.msgpack.Decoder(int).decode

Instants = Mapping[str, int]  # contact -> ms


class Rate(NamedTuple):
    """At most `messages` in any `per` ms."""

    messages: int
    per: int


def compile_rate(rate: written.Rate | None) -> Rate | None:
    """The rate of a definition; None: all at once."""
    return None if rate is None else Rate(rate.messages, _PER[rate.per])


def released(wanted: Instants, rate: Rate | None, salt: str) -> dict[str, int]:
    """The instant of each contact.

    While somebody waits, the n-th goes `ceil(n * per / messages)` ms after the first of them, so that the one that is
    `messages` places behind another comes `per` ms after it at the earliest, also across a time when nobody waited.

    >>> sorted(released({"a": 0, "b": 0, "c": 0, "d": 9_000}, Rate(2, 1000), "s").values())
    [0, 500, 1000, 9000]
    """
    if rate is None:
        return dict(wanted)
    found: dict[str, int] = {}
    begun, number, slot = 0, 0, -1
    for contact in sorted(wanted, key=lambda c: (wanted[c], bucket(salt, c), c)):
        if wanted[contact] > slot:
            begun, number, slot = wanted[contact], 0, wanted[contact]
        found[contact] = slot
        number += 1
        slot = begun + -(-number * rate.per // rate.messages)
    return found


def left(planned: Instants, active_from: int, paused_at: int) -> dict[str, int]:
    """Of those planned by a version that was active from an instant, those whom a pause found waiting.

    The fold releases whoever is due before the instant at which the pause is active; at that instant the pause wins.
    """
    return {contact: due for contact, due in planned.items() if max(due, active_from) >= paused_at}


def resumed(waiting: Instants, at: int, rate: Rate | None, salt: str) -> dict[str, int]:
    """New instants for those who were left: what was missed goes from `at` on, what lies ahead stays, at the rate."""
    return released({contact: max(due, at) for contact, due in waiting.items()}, rate, salt)


def local_instants(contacts: Mapping[str, str], local: datetime, default: str) -> dict[str, int]:
    """Contact -> the instant of a naive local time in its own zone; in the default one where it has none."""
    of_zone: dict[str, int] = {}
    found: dict[str, int] = {}
    for contact, zone in contacts.items():
        if zone not in of_zone:
            of_zone[zone] = resolve(local, ZoneInfo(zone if is_zone(zone) else default))
        found[contact] = of_zone[zone]
    return found


def begin_of(campaign: written.Campaign, default: str) -> int | datetime:
    """The instant at which a broadcast begins, or the local time where that is each contact's own; 0: at once.

    `default` is the workspace's zone.
    """
    schedule = campaign.schedule
    if not isinstance(schedule, written.Once):
        return 0
    moment = read_moment(schedule.at)
    assert moment is not None
    if moment.tzinfo is not None:
        return to_ms(moment)
    if schedule.timezone == written.CONTACT:
        return moment
    return resolve(moment, ZoneInfo(schedule.timezone or default))


def wanted(
    begins: int | datetime,
    contacts: Sequence[str],
    zones_of: Callable[[Sequence[str]], Mapping[str, str]],
    default: str,
    earliest: int,
) -> dict[str, int]:
    """When each contact should get its message if there were no rate, at the earliest from an instant on."""
    if isinstance(begins, int):
        return dict.fromkeys(contacts, max(begins, earliest))
    own = local_instants(zones_of(contacts), begins, default)
    return {contact: max(at, earliest) for contact, at in own.items()}


def by_partition(instants: Instants, partition_of: Callable[[str], int]) -> dict[int, dict[str, int]]:
    """The instants of each partition's contacts."""
    parts: dict[int, dict[str, int]] = {}
    for contact, at in instants.items():
        parts.setdefault(partition_of(contact), {})[contact] = at
    return parts


def read_instants(stored: Mapping[str, bytes]) -> dict[str, int]:
    """What a file (`flows.segments.hydration.unpack`) holds."""
    return {contact: decode_instant(at) for contact, at in stored.items()}
