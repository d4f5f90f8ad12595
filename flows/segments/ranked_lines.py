"""Rankings of a history in a file, by what the fold's leaves are made of: no server needed. Pure.

The other way is ClickHouse's (`flows.segments.sql.compile.compile_ranking`); `waxwing segment test` compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from flows.contact.active import Definitions
from flows.contact.replay import Line, Replay
from flows.contact.view import MISSING, ContactView
from flows.journeys.arming import next_cron
from flows.segments.compare import is_number
from flows.segments.exact import total
from flows.segments.ranking import Values, encoded, rank, result_body
from flows.segments.settled import merged
from flows.segments.sql.facts import whole
from flows.segments.where import EventMatcher, look_up
from flows.segments.windows import Range
from schemas.definitions.ranking import RESULT, Ranking
from schemas.records import LEAD_MS, TICK, Definition, Event, Record, encode


def rank_in(
    run: Replay, rankings: Sequence[Ranking], lines: Sequence[Line], files: dict[str, Mapping[str, bytes]], at: int
) -> None:
    """Compute the rankings as of an instant, the run's or one after it, and let every contact see them then.

    `lines` are those logged until then, `files` what the run's definitions read: path -> contact -> place.
    """
    definitions = run.fold.definitions
    histories = _histories(lines)
    for ranking in rankings:
        values = values_of(ranking, histories, run.subject, at)
        version = definitions.catalogue.latest_version(RESULT, ranking.id) + 1
        path = f"{ranking.id}/{version}"
        files[path] = encoded(rank(values).items())
        following = next_cron(ranking.schedule, at, zone_in(definitions, ranking, at))
        body = result_body(ranking.id, 1, at, following, len(values), {"0": path} if values else {})
        offset, act = definitions.catalogue.next_offset, Definition(RESULT, ranking.id, "publish", version, body)
        definitions.apply(Record(offset, at - LEAD_MS, f"{RESULT}/{ranking.id}", encode(act)))
    if rankings:
        run.apply(at, "", TICK)


def zone_in(definitions: Definitions, ranking: Ranking, at: int) -> ZoneInfo:
    """The zone of its schedule: its own, else the workspace's."""
    return ZoneInfo(ranking.timezone or definitions.at(at).zone)


def values_of(
    ranking: Ranking, histories: Mapping[str, Sequence[Event]], view_of: Callable[[str], ContactView | None], at: int
) -> dict[str, Values]:
    """What everyone is ranked by who did what ranks."""
    found = {}
    for contact, events in histories.items():
        view = view_of(contact)
        counted = _counted(ranking, events, view, at) if view is not None else []
        if counted:
            latest = max(event.at for event in counted)
            found[contact] = Values(latest, len(counted), _sum(ranking, counted))
    return found


def _histories(lines: Sequence[Line]) -> dict[str, list[Event]]:
    """The events of each contact, as it is in the end; of those with one id the first."""
    part_of, seen = merged(lines), set[tuple[str, str]]()
    found: dict[str, list[Event]] = {}
    for line in lines:
        contact, id = whole(line.contact, part_of), line.event.id
        if id and (contact, id) in seen:
            continue
        seen.add((contact, id))
        found.setdefault(contact, []).append(line.event)
    return found


def _counted(ranking: Ranking, events: Sequence[Event], view: ContactView, at: int) -> list[Event]:
    leaf = ranking.of.read()
    matches, window = EventMatcher(leaf.event, leaf.where), Range(leaf.window)
    return [event for event in events if window.has(event.at, at) and matches(event, view, at)]


def _sum(ranking: Ranking, events: Sequence[Event]) -> Any:
    """Exact; None for a ranking without a value."""
    if ranking.value is None:
        return None
    path = ranking.value.split(".")
    found = (look_up(event.properties, path) for event in events)
    return total([value for value in found if value is not MISSING and is_number(value)])
